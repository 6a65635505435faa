# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user can do beside Generate: make shots, cancel, check the core, look at the folder."""

import time
from typing import Any

import bpy
from bpy.props import StringProperty

from . import compat, runtime, shot_making, shots, words
from . import events as on
from .explained import Explained
from .generate_operator import SPEAK_OT_generate
from .state import Link


class SPEAK_OT_new_shot(bpy.types.Operator):
    """Add a plane that will show a talking portrait, and make it the active shot"""

    bl_idname = "speak.new_shot"
    bl_label = "New Shot"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Name of the shot", default="Shot")
    portrait: StringProperty(
        name="Portrait",
        description="The image that speaks",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    strip: StringProperty(name="Strip", description="The sound strip that is spoken")

    def execute(self, context: Any) -> set[str]:
        """Add the object and fill in what is known."""
        owner = shot_making.add(context, self.name, self.portrait)
        owner.speak.strip = self.strip or _likely_strip(context)
        return {"FINISHED"}


def _likely_strip(context: Any) -> str:
    """The active strip if it is a sound, else the only sound strip there is."""
    scene = compat.sequencer_scene(context)
    sounds = [strip.name for strip in compat.all_strips(scene) if strip.type == "SOUND"]
    active = scene.sequence_editor.active_strip if scene.sequence_editor else None
    if active is not None and active.name in sounds:
        return str(active.name)
    return sounds[0] if len(sounds) == 1 else ""


class SPEAK_OT_make_shot(Explained, bpy.types.Operator):
    """Make the active object a shot; a mesh will show the frames itself, an Empty gets a plane"""

    bl_idname = "speak.make_shot"
    bl_label = "Use Active Object"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs an active object that is no shot yet."""
        owner = context.view_layer.objects.active
        if owner is None:
            return "There is no active object"
        return "The active object is a shot already" if owner.speak.is_shot else ""

    def execute(self, context: Any) -> set[str]:
        """Give the object its shot."""
        owner = context.view_layer.objects.active
        shots.make_shot(owner)
        owner.speak.strip = _likely_strip(context)
        return {"FINISHED"}


class SPEAK_OT_cancel(Explained, bpy.types.Operator):
    """Stop generating; finished frames are kept"""

    bl_idname = "speak.cancel"
    bl_label = "Cancel"

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a job."""
        return "" if runtime.session().state.job is not None else "Nothing is being generated"

    def execute(self, context: Any) -> set[str]:
        """Ask the core to stop; a second press ends the core."""
        runtime.session().dispatch(on.CancelAsked(time.monotonic()))
        runtime.redraw()
        return {"FINISHED"}


class SPEAK_OT_check(bpy.types.Operator):
    """Start the core and ask it what it can do"""

    bl_idname = "speak.check"
    bl_label = "Check"

    def execute(self, context: Any) -> set[str]:
        """Start it; without a window, wait for the answer."""
        session = runtime.session()
        session.dispatch(on.CheckAsked())
        if not bpy.app.background:
            return {"FINISHED"}
        while session.state.link is Link.STARTING:
            session.pump()
            time.sleep(0.005)
        error = session.state.core_error
        if error is not None:
            self.report({"ERROR"}, words.of_note(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class SPEAK_OT_open_folder(Explained, bpy.types.Operator):
    """Show the folder of the frames in the file browser of the system"""

    bl_idname = "speak.open_folder"
    bl_label = "Open Folder"

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot that has its folder."""
        owner = shots.active(context)
        if owner is None or not owner.speak.folder:
            return "Nothing has been generated yet"
        return "" if shots.folder_path(owner).is_dir() else "The folder is gone"

    def execute(self, context: Any) -> set[str]:
        """Open it."""
        bpy.ops.wm.path_open(filepath=str(shots.folder_path(shots.active(context))))
        return {"FINISHED"}


CLASSES = (
    SPEAK_OT_new_shot,
    SPEAK_OT_make_shot,
    SPEAK_OT_generate,
    SPEAK_OT_cancel,
    SPEAK_OT_check,
    SPEAK_OT_open_folder,
)
