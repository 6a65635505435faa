# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose from a head bone, an empty and a camera; curves from CSV files and into them."""

from math import radians
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def pose_sources(folder: Path) -> None:
    owner = stage.shot_in_new_file(folder, first=11, seconds=1.0, fps=(24, 1.0))
    owner.speak.edit.keyframe_insert("happy", frame=11)
    _empty_and_camera(owner)
    _bone(owner)
    _csv(folder, owner)


def value(owner, name: str, frame: float) -> float:
    return stage.curve(owner, f"speak.edit.{name}").evaluate(frame)


def add(name: str, data):
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def turn(moved, path: str, axis: int, start: float, degrees: float) -> None:
    """Rotate from frame 11 to 34 in a straight line, from some pose of its own."""
    for frame, angle in ((11, start), (34, start + degrees)):
        getattr(moved, path)[axis] = radians(angle)
        moved.keyframe_insert(path, index=axis, frame=frame)
    owner = moved.id_data
    for curve in stage.module("compat").find_bag(owner).fcurves:
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def _empty_and_camera(owner) -> None:
    scene = bpy.context.scene
    empty = add("Head", None)
    turn(empty, "rotation_euler", 2, 0.0, 30.0)
    scene.frame_set(17)
    assert bpy.ops.speak.pose_from_object(source="Head") == {"FINISHED"}
    assert scene.frame_current == 17
    assert np.isclose(value(owner, "yaw", 11), 0.0, atol=1e-3)
    assert np.isclose(value(owner, "yaw", 34), 30.0, atol=1e-2)
    assert np.isclose(value(owner, "yaw", 22.5), 15.0, atol=0.1)
    assert np.isclose(value(owner, "pitch", 34), 0.0, atol=1e-2)
    assert len(stage.curve(owner, "speak.edit.yaw").keyframe_points) < 12, "a line needs few keys"
    assert stage.curve(owner, "speak.edit.happy") is not None, "other curves stay"
    # A camera's own orientation does not matter, only how it moves from there.
    camera = add("Tracked", bpy.data.cameras.new("Tracked"))
    camera.rotation_euler = radians(90), 0, 0
    turn(camera, "rotation_euler", 2, 40.0, -100.0)
    bpy.ops.speak.pose_from_object(source="Tracked")
    assert np.isclose(value(owner, "yaw", 20), -100 * 9 / 23, atol=0.1)
    assert np.isclose(value(owner, "yaw", 34), -60.0, atol=1e-3), "held to the range"
    assert "no object" in stage.refused(lambda: bpy.ops.speak.pose_from_object(source="None"))


def _bone(owner) -> None:
    armature = bpy.data.armatures.new("Rig")
    rig = add("Rig", armature)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = armature.edit_bones.new("head")
    bone.head, bone.tail = (0, 0, 1.5), (0, 0, 1.8)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = owner
    assert "no bone" in stage.refused(lambda: bpy.ops.speak.pose_from_object(source="Rig"))
    pose = rig.pose.bones["head"]
    pose.rotation_mode = "XYZ"
    # An upright bone's local X is the world's X: forward is up for a bone that points up.
    turn(pose, "rotation_euler", 0, 5.0, -20.0)
    assert bpy.ops.speak.pose_from_object(source="Rig", bone="head") == {"FINISHED"}
    assert np.isclose(abs(value(owner, "pitch", 34)), 20.0, atol=0.05)
    assert np.isclose(value(owner, "yaw", 34), 0.0, atol=0.05)


def _csv(folder: Path, owner) -> None:
    path = folder / "edit.csv"
    assert bpy.ops.speak.export_layer(filepath=str(path), layer="edit") == {"FINISHED"}
    lines = path.read_text().splitlines()
    assert lines[0].startswith("frame,yaw,pitch,roll")
    assert len(lines) == 25
    before = [value(owner, "pitch", frame) for frame in range(11, 35)]
    bpy.ops.speak.clear_edit()
    assert bpy.ops.speak.import_layer(filepath=str(path)) == {"FINISHED"}
    after = [value(owner, "pitch", frame) for frame in range(11, 35)]
    assert np.allclose(before, after, atol=1e-3)
    bpy.ops.speak.clear_edit()
    path.write_text("frame,happy,yaw\n0,0,nan\n12,0.75,\n23,0,900\n500,1,1\n")
    assert bpy.ops.speak.import_layer(filepath=str(path)) == {"FINISHED"}
    assert np.isclose(value(owner, "happy", 23), 0.75)
    assert (value(owner, "yaw", 11), value(owner, "yaw", 34)) == (0.0, 60.0)
    assert stage.curve(owner, "speak.edit.sad") is None
    for text, said in (("frame,joy\n0,1\n", "joy"), ("happy\n1\n", "no column `frame`")):
        path.write_text(text)
        assert said in stage.refused(lambda: bpy.ops.speak.import_layer(filepath=str(path)))


if __name__ == "__main__":
    stage.play(pose_sources)
