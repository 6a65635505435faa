# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying, keeping, exporting and importing named sets."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..inference_core.protocol.controls import CONTROLS, GROUPS
from ..inference_core.protocol.errors import SpeakError
from . import compat, keys, sets, sets_in_file, shots, words
from .explained import Explained
from .file_choice import ChoosesFile

GROUP_ITEMS = (
    *((group.name, group.label, group.meaning) for group in GROUPS),
    ("ALL", "All", "Every group"),
)


class NeedsShot(Explained):
    """An operator on the active shot's curves."""

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot of this file."""
        owner = shots.active(context)
        if owner is None:
            return "Make a shot first"
        return "The shot is linked from another file" if owner.library is not None else ""


class SPEAK_OT_apply_set(NeedsShot, bpy.types.Operator):
    """Key this set at the playhead, gone over to within the ramp before it"""

    bl_idname = "speak.apply_set"
    bl_label = "Apply Set"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Set", description="Name of the set")

    def execute(self, context: Any) -> set[str]:
        """Key it."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        chosen = sets_in_file.find(scene, self.name)
        if chosen is None:
            self.report({"ERROR"}, words.say("There is no set {name}", name=self.name))
            return {"CANCELLED"}
        frames = round(owner.speak.ramp * float(shots.rate(scene)))
        keys.ramp(owner, scene.frame_current, frames, chosen.complete)
        return {"FINISHED"}


class SPEAK_OT_keep_set(NeedsShot, bpy.types.Operator):
    """Keep what the sliders show now as a named set of this file"""

    bl_idname = "speak.keep_set"
    bl_label = "Keep as Set"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Name of the set", default="Set")
    group: EnumProperty(
        name="Controls", description="Which sliders are kept", items=GROUP_ITEMS, default="emotion"
    )

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the name."""
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: Any) -> set[str]:
        """Keep it."""
        edit = shots.active(context).speak.edit
        names = keys.names_of(self.group)
        values = {control.name: getattr(edit, control.name) for control in CONTROLS}
        kept = sets.of_values(self.name or "Set", {name: values[name] for name in names})
        sets_in_file.store(compat.sequencer_scene(context), kept)
        return {"FINISHED"}


class SPEAK_OT_remove_set(Explained, bpy.types.Operator):
    """Remove a set from this file"""

    bl_idname = "speak.remove_set"
    bl_label = "Remove Set"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(name="Number", description="Which set, from 0", min=0)

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a set of the file."""
        kept = compat.sequencer_scene(context).speak_sets.sets
        return "" if kept else "This file has no sets of its own"

    def execute(self, context: Any) -> set[str]:
        """Remove it."""
        kept = compat.sequencer_scene(context).speak_sets.sets
        if self.index >= len(kept):
            return {"CANCELLED"}
        kept.remove(self.index)
        return {"FINISHED"}


class SPEAK_OT_export_sets(ChoosesFile, Explained, bpy.types.Operator):
    """Write this file's sets to a JSON file, for other projects"""

    bl_idname = "speak.export_sets"
    bl_label = "Export Sets"

    filepath: StringProperty(subtype="FILE_PATH", default="speak_sets.json")
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs sets."""
        kept = compat.sequencer_scene(context).speak_sets.sets
        return "" if kept else "This file has no sets of its own"

    def execute(self, context: Any) -> set[str]:
        """Write it."""
        kept = sets_in_file.own(compat.sequencer_scene(context))
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json"))
        try:
            path.write_text(sets.to_text(kept), "utf-8", newline="\n")
        except OSError as error:
            self.report(
                {"ERROR"},
                words.say("{name} cannot be written: {why}", name=path.name, why=error.strerror),
            )
            return {"CANCELLED"}
        self.report(
            {"INFO"}, words.say("{count} sets written to {name}", count=len(kept), name=path.name)
        )
        return {"FINISHED"}


class SPEAK_OT_import_sets(ChoosesFile, bpy.types.Operator):
    """Read sets from a JSON file into this file; sets of the same name are replaced"""

    bl_idname = "speak.import_sets"
    bl_label = "Import Sets"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def execute(self, context: Any) -> set[str]:
        """Read it."""
        scene = compat.sequencer_scene(context)
        try:
            found = sets.read(self.chosen)
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        for one in found:
            sets_in_file.store(scene, one)
        self.report({"INFO"}, words.say("{count} sets read", count=len(found)))
        return {"FINISHED"}


CLASSES = (
    SPEAK_OT_apply_set,
    SPEAK_OT_keep_set,
    SPEAK_OT_remove_set,
    SPEAK_OT_export_sets,
    SPEAK_OT_import_sets,
)
