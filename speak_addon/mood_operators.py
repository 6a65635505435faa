# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding mood strips, and dragging their ramps."""

from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from . import compat, mood_handles, moods, runtime, sets_in_file, shots, words
from .explained import Explained
from .set_operators import NeedsShot


class SPEAK_OT_add_mood(NeedsShot, bpy.types.Operator):
    """Add a strip at the playhead that holds this set over its length; move and trim it at will"""

    bl_idname = "speak.add_mood"
    bl_label = "Add Mood Strip"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Set", description="Name of the set")
    seconds: FloatProperty(
        name="Seconds", description="How long the strip is", default=2.0, min=0.1, soft_max=30.0
    )

    def execute(self, context: Any) -> set[str]:
        """Add it."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        chosen = sets_in_file.find(scene, self.name)
        if chosen is None:
            self.report({"ERROR"}, words.say("There is no set {name}", name=self.name))
            return {"CANCELLED"}
        first = scene.frame_current
        length = max(1, round(self.seconds * float(shots.rate(scene))))
        strip = moods.new_strip(owner, scene, chosen, first, first + length - 1)
        # Alone: what is dragged next is this strip, not the voice with it.
        for other in compat.all_strips(scene):
            other.select = other == strip
        scene.sequence_editor.active_strip = strip
        return {"FINISHED"}


class SPEAK_OT_drag_mood_ramp(Explained, bpy.types.Operator):
    """Drag the end of a mood strip's ramp in the timeline"""

    bl_idname = "speak.drag_mood_ramp"
    bl_label = "Drag Mood Ramp"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    strip: StringProperty(name="Strip", description="Name of the mood strip", options={"HIDDEN"})
    side: EnumProperty(
        name="Ramp",
        description="Which of its ramps",
        items=(
            ("in", "Ramp In", "How long the mood takes to come"),
            ("out", "Ramp Out", "How long the mood takes to go"),
        ),
        options={"HIDDEN"},
    )
    seconds: FloatProperty(
        name="Seconds", description="How long the ramp is", min=0.0, max=moods.MOST_RAMP
    )

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs mood strips that can be changed."""
        scene = compat.sequencer_scene(context)
        if scene is None or scene.sequence_editor is None:
            return "The sequencer is empty"
        return "The scene is linked from another file" if scene.library is not None else ""

    def execute(self, context: Any) -> set[str]:
        """Let the ramp be this long."""
        strip = self._found(context)
        if strip is None or not moods.is_mood(strip):
            self.report({"ERROR"}, words.say("There is no mood strip {name}", name=self.strip))
            return {"CANCELLED"}
        self._write(strip, self.seconds)
        runtime.look_again()
        return {"FINISHED"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Take hold of a grab point; a drag from elsewhere is for whoever comes next."""
        region, space = context.region, context.space_data
        if space.type != "SEQUENCE_EDITOR" or region.type != "WINDOW" or not space.show_overlays:
            return {"PASS_THROUGH"}
        scene, view = compat.sequencer_scene(context), mood_handles.view_of(region)
        # A drag is told when the mouse has already left the place of the press.
        x, y = event.mouse_prev_press_x - region.x, event.mouse_prev_press_y - region.y
        found = mood_handles.under((x, y), scene, view)
        if found is None:
            return {"PASS_THROUGH"}
        one, self.side = found
        self.strip, self._rate = one.strip.name, float(shots.rate(scene))
        self._before = self._now = float(one.strip.get(self._property, 0.0))
        self._drag = one.drag(self.side, x, moods.MOST_RAMP * self._rate)
        self._frame_width = view.frame_width
        mood_handles.dragged = self.strip, self.side
        context.window.cursor_modal_set("MOVE_X")
        context.window_manager.modal_handler_add(self)
        self._follow(context, one.strip, event)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Follow the mouse until its button is let go, or take all back."""
        strip = self._found(context)
        if strip is None or event.type in ("ESC", "RIGHTMOUSE"):
            return self._taken_back(context, strip)
        if event.type == "LEFTMOUSE" and event.value == "RELEASE":
            if self._now == self._before:
                return self._taken_back(context, strip)
            self._end(context)
            return {"FINISHED"}
        if event.type == "MOUSEMOVE":
            self._follow(context, strip, event)
        return {"RUNNING_MODAL"}

    def cancel(self, context: Any) -> None:
        """Blender ends it: the window is closed."""
        self._taken_back(context, self._found(context))

    @property
    def _property(self) -> str:
        return mood_handles.PROPERTY[self.side]

    def _found(self, context: Any) -> Any | None:
        scene = compat.sequencer_scene(context)
        return next((s for s in compat.all_strips(scene) if s.name == self.strip), None)

    def _write(self, strip: Any, seconds: float) -> None:
        # The operator's own number is of single precision; the strip's is exact.
        self.seconds = self._now = seconds
        strip[self._property] = seconds

    def _follow(self, context: Any, strip: Any, event: Any) -> None:
        frames = self._drag.move(event.mouse_region_x, self._frame_width, event.shift)
        self._write(strip, frames / self._rate)
        name = words.say("Ramp In" if self.side == "in" else "Ramp Out")
        long = mood_handles.length(self._now, frames)
        hint = words.say("Shift: finer, off whole frames. Esc or right click: as before")
        text = f"{name}: {long}    {hint}"
        context.workspace.status_text_set(text)
        context.area.tag_redraw()
        runtime.wake()

    def _end(self, context: Any) -> None:
        mood_handles.dragged = None
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        runtime.look_again()

    def _taken_back(self, context: Any, strip: Any | None) -> set[str]:
        if strip is not None:
            self._write(strip, self._before)
        self._end(context)
        return {"CANCELLED"}


CLASSES = (SPEAK_OT_add_mood, SPEAK_OT_drag_mood_ramp)
