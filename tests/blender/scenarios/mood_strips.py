# SPDX-License-Identifier: GPL-3.0-or-later
"""A mood strip holds a set over its length; moved, trimmed or muted, it touches what it covers."""

import sys
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def mood_strips(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, first=1, seconds=4.0, fps=(25, 1.0))
    owner.speak.weights.emotion = 0.0
    scene = bpy.context.scene
    assert bpy.ops.speak.generate() == {"FINISHED"}
    resting = happy(folder)
    scene.frame_set(21)
    owner.speak.ramp = 0.4  # ten frames
    assert bpy.ops.speak.add_mood(name="Smile", seconds=2.0) == {"FINISHED"}
    strip = scene.sequence_editor.active_strip
    compat = stage.module("compat")
    assert (compat.strip_start(strip), compat.strip_end(strip)) == (21, 71)
    assert strip.channel > 1 + stage.SOUND, "above voice and frames"
    assert owner.animation_data.action is not None
    assert stage.curve(owner, "speak.edit.happy") is None, "no key was set"

    touched = look(owner).frames
    assert touched[0] >= 20
    assert touched[-1] <= 69
    assert len(touched) == touched[-1] - touched[0] + 1
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == len(touched)
    held = happy(folder) - resting
    assert np.allclose(held[30:60], 0.4, atol=1e-4)
    assert np.allclose(held[:20], 0, atol=1e-4)
    assert np.allclose(held[70:], 0, atol=1e-4)
    assert 0.12 < held[25] < 0.28, "the ramp is half way after five frames"

    # Half as strong, with a longer way out: only what it covers is made again.
    strip["speak_amount"], strip["speak_ramp_out"] = 0.5, 1.0
    assert set(look(owner).frames) <= set(range(20, 70))
    assert bpy.ops.speak.generate() == {"FINISHED"}
    held = happy(folder) - resting
    assert np.allclose(held[31:44], 0.2, atol=1e-4)
    assert 0.05 < held[57] < 0.16
    strip.mute = True
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == 0, "the first take has these frames"
    assert np.allclose(happy(folder), resting, atol=1e-4)
    strip.mute = False
    # Another shot is not concerned.
    bpy.ops.speak.duplicate_shot()
    copy = bpy.context.view_layer.objects.active
    moods = stage.module("moods")
    assert moods.of_shot(copy, scene) == []
    assert len(moods.of_shot(owner, scene)) == 1
    _never_rendered(folder, scene, strip)


def look(owner):
    return stage.module("change_count").look(owner, bpy.context.scene, stage.session())


def happy(folder: Path):
    record = stage.module("shot_folder").ShotFolder(folder / "speak" / "Anna").read_shot()
    rows = np.array(record["controls"]["rows"])
    return rows[:, record["controls"]["names"].index("happy")]


def _never_rendered(folder: Path, scene, strip) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 60, 72
    pictures = []
    for number, mute in enumerate((False, True)):
        strip.mute = mute
        scene.render.filepath = str(folder / f"render{number}.png")
        scene.frame_set(40)
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(scene.render.filepath)
        pictures.append(np.array(image.pixels[:]))
    assert np.array_equal(pictures[0], pictures[1])


if __name__ == "__main__":
    stage.play(mood_strips)
