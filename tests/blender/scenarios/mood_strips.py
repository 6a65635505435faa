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
    assert [s for s in compat.all_strips(scene) if s.select] == [strip], "only it moves with G"
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
    _ramps_in_the_timeline(scene, strip)
    _never_rendered(folder, scene, strip)


def look(owner):
    return stage.module("change_count").look(owner, bpy.context.scene, stage.session())


def happy(folder: Path):
    record = stage.module("shot_folder").ShotFolder(folder / "speak" / "Anna").read_shot()
    rows = np.array(record["controls"]["rows"])
    return rows[:, record["controls"]["names"].index("happy")]


def _ramps_in_the_timeline(scene, strip) -> None:
    """What the timeline shows of the strip, where it is grabbed, and what it refuses."""
    handles, shape = stage.module("mood_handles"), stage.module("mood_shape")
    strip["speak_ramp_in"], strip["speak_ramp_out"] = 0.4, 0.8
    view = shape.View(1000, 500, 1, 101, 0, 10)  # ten pixels a frame
    (one,) = handles.shown(scene, view)
    assert (one.box.left, one.box.right) == (200, 700)
    assert (round(one.ramp_in, 6), round(one.ramp_out, 6), one.fixed) == (10, 20, False)
    (left, y), (right, _) = one.grab_points().values()
    assert (round(left), round(right)) == (300, 500)
    found, side = handles.under((right + 2, y), scene, view)
    assert (found.strip, side) == (strip, "out")
    assert handles.under((400, y), scene, view) is None
    assert list(handles.shown(scene, shape.View(1000, 500, 101, 201, 0, 10))) == []
    assert list(handles.shown(scene, shape.View(1000, 50, 1, 101, 0, 10))) == [], "too low"
    drag = one.drag("out", right, 125.0)
    assert drag.move(right - 50, view.frame_width, False) == 25
    assert drag.limit == 40, "up to the other ramp"
    strip.lock = True
    assert handles.under((right, y), scene, view) is None
    strip.lock = False
    scene.sequence_editor.channels[strip.channel].lock = True
    assert handles.under((right, y), scene, view) is None
    scene.sequence_editor.channels[strip.channel].lock = False
    assert handles.label(strip) == "Smile \u00d7 0.50"
    # The operator without a mouse: as its redo panel and scripts run it.
    assert bpy.ops.speak.drag_mood_ramp(strip=strip.name, side="in", seconds=1.2) == {"FINISHED"}
    assert round(strip["speak_ramp_in"], 6) == 1.2
    assert "no mood strip Gone" in stage.refused(
        lambda: bpy.ops.speak.drag_mood_ramp(strip="Gone", side="in", seconds=1.0)
    )
    assert len(_keys()) == 1
    handles.unregister()
    assert not _keys(), "taken back"
    handles.register()


def _keys() -> list[object]:
    keymaps = bpy.context.window_manager.keyconfigs.addon.keymaps
    items = [item for keymap in keymaps for item in keymap.keymap_items]
    return [item for item in items if item.idname == "speak.drag_mood_ramp"]


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
