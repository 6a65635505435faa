# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves from elsewhere: a head bone, an empty or a camera; and CSV both ways."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import EnumProperty, StringProperty

from ..inference_core.protocol import curves_csv
from ..inference_core.protocol.controls import BY_NAME, NAMES
from ..inference_core.protocol.errors import SpeakError
from . import compat, curves, head_pose, keys, shots, words
from .file_choice import ChoosesFile
from .frame_time import FrameRange
from .set_operators import NeedsShot

ANGLES = ("yaw", "pitch", "roll")


def head_matrix(source: Any, bone: str, graph: Any) -> np.ndarray:
    """The rotation [3, 3] of an object, or of a bone of an armature, in the world."""
    evaluated = source.evaluated_get(graph)
    matrix = evaluated.matrix_world
    if bone:
        matrix = matrix @ evaluated.pose.bones[bone].matrix
    return np.array(matrix.to_quaternion().to_matrix(), np.float64)


def follow(source: Any, bone: str, scene: Any, layer: Any, frames: FrameRange) -> np.ndarray:
    """Yaw, pitch, roll [frames, 3] of a head relative to where it is at the first frame."""
    before, subframe = scene.frame_current, scene.frame_subframe
    found = np.empty((frames.count, 3))
    manager = bpy.context.window_manager
    manager.progress_begin(0, frames.count)
    try:
        for row in range(frames.count):
            scene.frame_set(frames.first + row)
            matrix = head_matrix(source, bone, layer.depsgraph)
            if row == 0:
                rest = matrix.T
            found[row] = head_pose.angles(matrix @ rest)
            manager.progress_update(row)
    finally:
        manager.progress_end()
        scene.frame_set(before, subframe=subframe)
    # Past straight up or back an angle would jump by 360 degrees.
    return np.degrees(np.unwrap(np.radians(found), axis=0))


class SPEAK_OT_pose_from_object(NeedsShot, bpy.types.Operator):
    """Key the pose after a head bone, an empty or a tracked camera, from its first frame on"""

    bl_idname = "speak.pose_from_object"
    bl_label = "Pose from Object"
    bl_options = {"REGISTER", "UNDO"}

    source: StringProperty(name="Object", description="What moves as the head should")
    bone: StringProperty(name="Bone", description="The head bone of an armature; else empty")

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for object and bone."""
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context: Any) -> None:
        """Object, and the bone where it has some."""
        layout = self.layout
        layout.prop_search(self, "source", bpy.data, "objects")
        chosen = bpy.data.objects.get(self.source)
        if chosen is not None and chosen.type == "ARMATURE":
            layout.prop_search(self, "bone", chosen.data, "bones")

    def execute(self, context: Any) -> set[str]:
        """Sample it and write the curves."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        source = bpy.data.objects.get(self.source)
        if source is None:
            self.report({"ERROR"}, words.say("There is no object {name}", name=self.source or "-"))
            return {"CANCELLED"}
        if source.type == "ARMATURE" and self.bone not in source.pose.bones:
            self.report(
                {"ERROR"},
                words.say("{name} has no bone {bone}", name=source.name, bone=self.bone or "-"),
            )
            return {"CANCELLED"}
        try:
            frames = shots.frames(owner, scene)
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        bone = self.bone if source.type == "ARMATURE" else ""
        track = follow(source, bone, context.scene, context.view_layer, frames)
        held = 0
        numbers = np.arange(frames.first, frames.last + 1, dtype=np.float32)
        for column, name in enumerate(ANGLES):
            control = BY_NAME[name]
            values = np.clip(track[:, column], control.minimum, control.maximum)
            held += int((values != track[:, column]).sum())
            curve = keys.ensure_edit_curve(owner, name)
            kept = keys.thinned(numbers.astype(np.float64), values, 0.05)
            keys.write(curve, numbers[kept], values[kept].astype(np.float32))
        keys.touch(owner)
        if held:
            self.report(
                {"WARNING"},
                words.say(
                    "{count} values were held to the range of the portrait's head", count=held
                ),
            )
        return {"FINISHED"}


def key_from_csv(owner: Any, path: Path, frames: FrameRange, names: Sequence[str]) -> int:
    """Key these controls of the edit layer after a CSV; how many it has. Raises SpeakError."""
    rows = curves_csv.read(path, frames.count)
    count = 0
    for name in names:
        # A value that is no number or outside of its range would only be held later.
        control = BY_NAME[name]
        found = {f: control.clamp(row[name]) for f, row in rows.items() if name in row}
        if not found:
            continue
        numbers = np.array(sorted(found), np.float32)
        values = np.array([found[int(frame)] for frame in numbers], np.float32)
        keys.write(keys.ensure_edit_curve(owner, name), numbers + frames.first, values)
        count += 1
    keys.touch(owner)
    return count


class SPEAK_OT_import_layer(ChoosesFile, NeedsShot, bpy.types.Operator):
    """Key the edit layer after a CSV file: `frame` from 0 and control names in the first line"""

    bl_idname = "speak.import_layer"
    bl_label = "Import CSV"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})

    def execute(self, context: Any) -> set[str]:
        """Read it and write the curves that it names."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        try:
            frames = shots.frames(owner, scene)
            count = key_from_csv(owner, self.chosen, frames, NAMES)
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        self.report({"INFO"}, words.say("{count} curves read", count=count))
        return {"FINISHED"}


class SPEAK_OT_export_layer(ChoosesFile, NeedsShot, bpy.types.Operator):
    """Write a layer of the shot to a CSV file, one row per frame, as the command line reads it"""

    bl_idname = "speak.export_layer"
    bl_label = "Export CSV"

    filepath: StringProperty(subtype="FILE_PATH", default="curves.csv")
    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})
    layer: EnumProperty(
        name="Layer",
        description="Which layer is written",
        items=(
            ("edit", "Edit", "Your keys"),
            ("auto", "Auto", "What was proposed"),
            ("measured", "Measured", "What was read back from the frames"),
        ),
    )

    def execute(self, context: Any) -> set[str]:
        """Write it."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".csv"))
        try:
            frames = shots.frames(owner, scene)
            columns = [
                curves.column(owner, frames, curves.curve_path(self.layer, name)) for name in NAMES
            ]
            track = np.column_stack(columns).tolist()
            curves_csv.write(path, NAMES, list(enumerate(track)))
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        except OSError as error:
            self.report(
                {"ERROR"},
                words.say("{name} cannot be written: {why}", name=path.name, why=error.strerror),
            )
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (SPEAK_OT_pose_from_object, SPEAK_OT_import_layer, SPEAK_OT_export_layer)
