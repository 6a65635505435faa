# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs no sound, for a Blender that was built without it: shots, curves, sets, places."""

import shutil
import sys
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def without_sound(folder: Path) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 25
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    portrait = stage.write_portrait(folder / "anna.png")
    assert bpy.ops.speak.new_shot(name="Anna", portrait=str(portrait)) == {"FINISHED"}
    owner = bpy.context.view_layer.objects.active
    owner.speak.voice_source = "SCENE"
    scene.frame_set(20)
    assert bpy.ops.speak.apply_set(name="Happy") == {"FINISHED"}
    assert np.isclose(stage.curve(owner, "speak.edit.happy").evaluate(20), 0.9)
    assert stage.curve(owner, "speak.edit.happy").group.name == "Edit Emotion"
    scene.frame_set(60)
    owner.speak.wheel = stage.module("colours").mixed({"sad": 0.3, "disgusted": 0.3})
    assert np.isclose(owner.speak.edit.disgusted, 0.3, atol=1e-5)
    empty = bpy.data.objects.new("Head", None)
    scene.collection.objects.link(empty)
    for frame, angle in ((1, 0.0), (250, 0.5)):
        empty.rotation_euler[2] = angle
        empty.keyframe_insert("rotation_euler", frame=frame)
    assert bpy.ops.speak.pose_from_object(source="Head") == {"FINISHED"}
    assert abs(stage.curve(owner, "speak.edit.yaw").evaluate(250) - np.degrees(0.5)) < 0.1
    assert bpy.ops.speak.add_mood(name="Sad") == {"FINISHED"}
    assert len(stage.module("moods").of_shot(owner, scene)) == 1
    _frames(folder, owner, scene)
    data = stage.module("curve_data")
    kept = data.capture(owner)
    bpy.ops.speak.clear_edit()
    assert stage.curve(owner, "speak.edit.happy") is None
    data.restore(owner, kept)
    assert np.isclose(stage.curve(owner, "speak.edit.happy").evaluate(20), 0.9)
    assert bpy.ops.speak.duplicate_shot() == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    assert np.isclose(stage.curve(bpy.data.objects["Anna"], "speak.edit.happy").evaluate(20), 0.9)
    print("works on", bpy.app.version_string, file=sys.stderr)


def _frames(folder: Path, owner, scene) -> None:
    """Frames that are there are shown in every place."""
    frames = folder / "speak" / "Anna"
    frames.mkdir(parents=True)
    for index in range(5):
        shutil.copy(folder / "anna.png", frames / f"frame_{index:06d}.png")
    shot = owner.speak
    shot.folder, shot.made_first, shot.made_count = "//speak/Anna/", 1, 5
    shot.made_fps = 25
    results = stage.module("results")
    results.show_frames(owner, scene)
    strip = stage.strips(scene)[shot.result_strip]
    assert len(strip.elements) == 5
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    for place in ("CAMERA", "EMPTY", "COMPOSITOR"):
        assert bpy.ops.speak.show_in(place=place) == {"FINISHED"}
    assert results.frames_gone(owner) == []


if __name__ == "__main__":
    stage.play(without_sound)
