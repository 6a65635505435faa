# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back to takes, naming, deleting and comparing them."""

from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from ..inference_core.protocol.errors import SpeakError
from . import compare, compat, runtime, shots, takes, words
from .set_operators import NeedsShot


class _OfTake(NeedsShot):
    """An operator on one take of the active shot."""

    report: Any

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot that is not being generated."""
        if reason := super().disabled_reason(context):
            return reason
        if runtime.session().job_of(shots.active(context).speak.uuid) is not None:
            return "The shot is being generated"
        return "" if takes.listed(shots.active(context))[0] else "This shot has no takes yet"

    def refuse(self, error: SpeakError) -> set[str]:
        """Say why it did not work."""
        self.report({"ERROR"}, words.sentence(error))
        return {"CANCELLED"}


class SPEAK_OT_show_take(_OfTake, bpy.types.Operator):
    """Go back to this take: its frames, curves and settings"""

    bl_idname = "speak.show_take"
    bl_label = "Show Take"
    bl_options = {"REGISTER", "UNDO"}

    number: IntProperty(name="Take", description="Number of the take", min=0)

    def execute(self, context: Any) -> set[str]:
        """Switch."""
        owner = shots.active(context)
        try:
            gone = takes.show(owner, compat.sequencer_scene(context), self.number)
        except SpeakError as error:
            return self.refuse(error)
        if gone:
            text = words.say(
                "{count} frames of this take are gone. Generate makes them again.", count=len(gone)
            )
            self.report({"WARNING"}, text)
        return {"FINISHED"}


class SPEAK_OT_rename_take(_OfTake, bpy.types.Operator):
    """Name this take; named takes are kept until you delete them"""

    bl_idname = "speak.rename_take"
    bl_label = "Name Take"

    number: IntProperty(name="Take", description="Number of the take", min=0)
    name: StringProperty(name="Name", description="Name of the take")

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the name."""
        found, _ = takes.listed(shots.active(context))
        self.name = next((take.name for take in found if take.number == self.number), "")
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: Any) -> set[str]:
        """Name it."""
        kept = takes.store(shots.active(context))
        try:
            if kept is not None and self.name:
                kept.rename(self.number, self.name)
        except SpeakError as error:
            return self.refuse(error)
        takes.look_again()
        return {"FINISHED"}


class SPEAK_OT_delete_take(_OfTake, bpy.types.Operator):
    """Delete this take and the frames that only it has; the frames that are shown stay"""

    bl_idname = "speak.delete_take"
    bl_label = "Delete Take"

    number: IntProperty(name="Take", description="Number of the take", min=0)

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask first: this cannot be undone."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: Any) -> set[str]:
        """Delete it."""
        owner = shots.active(context)
        kept = takes.store(owner)
        try:
            if kept is not None:
                kept.delete([self.number])
        except SpeakError as error:
            return self.refuse(error)
        if owner.speak.compared == self.number:
            owner.speak.compared = 0
        takes.look_again()
        return {"FINISHED"}


class SPEAK_OT_compare_take(_OfTake, bpy.types.Operator):
    """Draw this take beside the shown one, or over it up to the wipe, in the 3D View"""

    bl_idname = "speak.compare_take"
    bl_label = "Compare Take"

    number: IntProperty(name="Take", description="Number of the take; 0 ends", min=0)

    def execute(self, context: Any) -> set[str]:
        """Begin or end comparing."""
        shot = shots.active(context).speak
        shot.compared = 0 if shot.compared == self.number else self.number
        compare.forget()
        # A property that an operator sets wakes nobody, and the picture has to be loaded.
        runtime.look_again()
        return {"FINISHED"}


CLASSES = (
    SPEAK_OT_show_take,
    SPEAK_OT_rename_take,
    SPEAK_OT_delete_take,
    SPEAK_OT_compare_take,
)
