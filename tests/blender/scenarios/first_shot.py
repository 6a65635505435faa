# SPDX-License-Identifier: GPL-3.0-or-later
"""From a portrait and a strip to frames, curves, plane and strip; again, edited, undone, moved."""

import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def first_shot(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder)
    scene, frames = bpy.context.scene, folder / "speak" / "Anna"
    # The picture moves with this curve, so that each frame can be told from its neighbours.
    for frame, value in ((11, -0.3), (34, 0.3)):
        owner.speak.edit.shift_x = value
        owner.speak.edit.keyframe_insert("shift_x", frame=frame)
    edited = [tuple(key.co) for key in stage.curve(owner, "speak.edit.shift_x").keyframe_points]
    # Until there are frames the plane shows the portrait itself.
    texture = owner.active_material.node_tree.nodes["SPEAK Frames"]
    assert texture.image.source == "FILE"
    assert list(texture.image.size) == [300, 360]
    assert np.allclose(owner.dimensions[0] / owner.dimensions[2], 300 / 360)
    bpy.ops.ed.undo_push(message="start")

    assert bpy.ops.speak.generate("EXEC_DEFAULT", True) == {"FINISHED"}
    owner = bpy.context.view_layer.objects.active
    made = stage.frames_in(frames)
    assert sorted(made) == [*(f"frame_{i:06d}.png" for i in range(24)), "shot.json"]
    assert (stage.report().made, stage.report().kept) == (24, 0)
    _check_scene(owner, scene, edited)
    _check_pictures(scene, frames)
    record = json.loads(made["shot.json"][2])
    assert record["fps"] == [24000, 1001]
    assert all(record["keys"])
    assert np.array(record["measured"]).shape == (24, 19)
    proposed = stage.curve(owner, "speak.auto.shift_x").evaluate(11)
    assert np.isclose(record["controls"]["rows"][0][3], proposed - 0.3, atol=1e-4)

    _check_undo(owner)
    _check_again(frames, made)
    _check_edit(frames, edited)
    _check_reload(folder)


def _check_scene(owner, scene, edited) -> None:
    """Curves, plane and strip are there, frame for frame."""
    points = stage.curve(owner, "speak.measured.happy").sampled_points
    assert not stage.curve(owner, "speak.measured.happy").keyframe_points, "they fill the timeline"
    assert [round(point.co[0]) for point in points] == list(range(11, 35))
    points = stage.curve(owner, "speak.auto.yaw").keyframe_points
    assert 2 <= len(points) < 12  # few, and none of them between frames
    assert [point.co[0] for point in (points[0], points[-1])] == [11, 34]
    assert all(point.co[0] == round(point.co[0]) for point in points)
    assert {point.interpolation for point in points} == {"BEZIER"}
    assert stage.curve(owner, "speak.auto.yaw").group.name == "Auto Pose"
    assert [tuple(key.co) for key in stage.curve(owner, "speak.edit.shift_x").keyframe_points] == (
        edited
    )
    strip = stage.strips(scene)[owner.speak.result_strip]
    compat = stage.module("compat")
    channel = 2 if stage.SOUND else 1
    assert (compat.strip_start(strip), compat.strip_end(strip), strip.channel) == (11, 35, channel)
    user = owner.active_material.node_tree.nodes["SPEAK Frames"].image_user
    assert (user.frame_start, user.frame_duration, user.frame_offset) == (11, 24, -1)
    # The plane has the proportions of the portrait.
    assert np.allclose(owner.dimensions[0] / owner.dimensions[2], 300 / 360)


def _check_pictures(scene, frames: Path) -> None:
    """The sequencer and the plane show the file of the frame that they should."""
    files = [_pixels(frames / f"frame_{index:06d}.png") for index in range(24)]
    assert all(np.abs(a - b).max() > 0.02 for a, b in pairwise(files))
    scene.render.resolution_x, scene.render.resolution_y = 300, 360
    scene.render.filepath = str(frames.parents[1] / "render.png")
    scene.view_settings.view_transform = "Standard"
    for frame in (11, 12, 34):
        scene.frame_set(frame)
        bpy.ops.render.render(write_still=True)
        shown = _pixels(Path(scene.render.filepath))
        assert _nearest(shown, files) == frame - 11, f"the sequencer at {frame}"
    _check_plane(scene, files)


def _check_plane(scene, files) -> None:
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 2.0
    camera.location, camera.rotation_euler = (0, -3, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.use_sequencer, scene.render.resolution_percentage = False, 25
    small = [file[2::4, 2::4] for file in files]
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    for frame in (11, 34):
        scene.frame_set(frame)
        bpy.ops.render.render(write_still=True)
        shown = _pixels(Path(scene.render.filepath))
        assert _nearest(shown, small) == frame - 11, f"the plane at {frame}"
    scene.render.use_sequencer, scene.render.resolution_percentage = True, 100
    bpy.data.objects.remove(camera)


def _pixels(path: Path):
    image = bpy.data.images.load(str(path), check_existing=False)
    pixels = np.array(image.pixels[:], np.float32).reshape(image.size[1], image.size[0], -1)
    bpy.data.images.remove(image)
    return pixels[..., :3]


def _nearest(shown, files) -> int:
    return int(np.argmin([np.abs(shown - file).mean() for file in files]))


def _check_undo(owner) -> None:
    """One undo takes back curves, plane and strip together; one redo brings them."""
    name = owner.name
    bpy.ops.ed.undo()
    owner = bpy.data.objects[name]
    assert stage.curve(owner, "speak.auto.yaw") is None
    assert stage.curve(owner, "speak.edit.shift_x") is not None
    assert [s.type for s in stage.strips(bpy.context.scene)] == ["SOUND"] * stage.SOUND
    assert owner.active_material.node_tree.nodes["SPEAK Frames"].image.source == "FILE"
    bpy.ops.ed.redo()
    owner = bpy.data.objects[name]
    assert stage.curve(owner, "speak.auto.yaw") is not None
    assert len(stage.strips(bpy.context.scene)) == 1 + stage.SOUND


def _check_again(frames: Path, made) -> None:
    """A second Generate makes nothing and touches no frame."""
    bpy.ops.speak.generate()
    assert (stage.report().made, stage.report().kept) == (0, 24)
    again = stage.frames_in(frames)
    changed = [name for name in made if again[name][:2] != made[name][:2]]
    assert changed in ([], ["shot.json"])
    assert again["shot.json"][2] == made["shot.json"][2]
    assert len(stage.strips(bpy.context.scene)) == 1 + stage.SOUND


def _check_edit(frames: Path, edited) -> None:
    """An edit of three frames makes three frames, and the edit is still there."""
    owner = bpy.context.view_layer.objects.active
    before = stage.frames_in(frames)
    for frame, value in ((19, 0.0), (20, 0.9), (22, 0.9), (23, 0.0)):
        owner.speak.edit.happy = value
        owner.speak.edit.keyframe_insert("happy", frame=frame)
    bpy.ops.speak.generate()
    after = stage.frames_in(frames)
    changed = sorted(name for name in before if before[name][:2] != after[name][:2])
    assert changed == [*(f"frame_{i - 11:06d}.png" for i in (20, 21, 22)), "shot.json"]
    assert (stage.report().made, stage.report().kept) == (3, 21)
    assert len(stage.curve(owner, "speak.edit.happy").keyframe_points) == 4
    assert [tuple(key.co) for key in stage.curve(owner, "speak.edit.shift_x").keyframe_points] == (
        edited
    )


def _check_reload(folder: Path) -> None:
    """Save, move the whole folder, open: everything is there and nothing is made again."""
    bpy.ops.wm.save_mainfile()
    moved = folder.with_name(folder.name + "-moved ü")
    shutil.copytree(folder, moved)
    shutil.rmtree(folder / "speak")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    owner = bpy.data.objects["Anna"]
    bpy.context.view_layer.objects.active = owner
    assert stage.module("results").frames_gone(owner) == []
    image = owner.active_material.node_tree.nodes["SPEAK Frames"].image
    assert image.filepath.startswith("//speak/Anna/")
    assert Path(bpy.path.abspath(image.filepath)).is_file()
    strip = stage.strips(bpy.context.scene)[owner.speak.result_strip]
    assert (Path(bpy.path.abspath(strip.directory)) / strip.elements[23].filename).is_file()
    assert len(stage.curve(owner, "speak.measured.yaw").sampled_points) == 24
    assert len(stage.curve(owner, "speak.edit.happy").keyframe_points) == 4
    bpy.ops.speak.generate()
    assert (stage.report().made, stage.report().kept) == (0, 24)
    shutil.rmtree(moved)


if __name__ == "__main__":
    stage.play(first_shot)
