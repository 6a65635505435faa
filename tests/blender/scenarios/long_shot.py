# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand frames with a key on each, at every rate: what is counted, sampled and written."""

import sys
import time
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage

FRAMES = 10_000
RATES = ((24, 1.0), (25, 1.0), (24, 1.001), (30, 1.001), (60, 1.0))


def long_shot(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    for fps in RATES:
        _rate(folder, fps)
    owner = stage.shot_in_new_file(folder, first=1, seconds=0.5, fps=(24, 1.0))
    shot = owner.speak
    shot.range_source, shot.frame_first, shot.frame_last = "OWN", 1, FRAMES
    _ten_thousand_keys(owner)


def _rate(folder: Path, fps) -> None:
    """A shot of a second has as many frames as a second has, each at its time."""
    owner = stage.shot_in_new_file(folder, first=7, seconds=1.0, fps=fps)
    for frame, value in ((7, 0.0), (7 + fps[0] - 1, 1.0)):
        owner.speak.edit.happy = value
        owner.speak.edit.keyframe_insert("happy", frame=frame)
    assert bpy.ops.speak.generate() == {"FINISHED"}
    record = stage.module("shot_folder").ShotFolder(folder / "speak" / "Anna").read_shot()
    rate = stage.module("frame_time").frame_rate(*fps)
    assert record["fps"] == [rate.numerator, rate.denominator]
    # The strip ends with the frame in which the sound does.
    assert abs(record["frames"] - float(rate)) <= 1
    assert owner.speak.made_count == record["frames"]
    happy = np.array(record["controls"]["rows"])[:, record["controls"]["names"].index("happy")]
    assert happy[fps[0] - 1] > happy[0] + 0.5
    again = stage.module("change_count").look(owner, bpy.context.scene, stage.session())
    assert (again.frames, again.total) == ((), record["frames"])


def _ten_thousand_keys(owner) -> None:
    keys, curves = stage.module("keys"), stage.module("curves")
    frame_range = stage.module("frame_time").FrameRange(1, FRAMES)
    numbers = np.arange(1, FRAMES + 1, dtype=np.float32)
    names = ("yaw", "pitch", "happy", "sad")
    for phase, name in enumerate(names):
        values = 0.4 + 0.3 * np.sin(numbers / 40 + phase, dtype=np.float32)
        keys.write(keys.ensure_edit_curve(owner, name), numbers, values)
    edit, _ = curves.sample(owner, bpy.context.scene, frame_range)
    assert edit.shape == (FRAMES, 19)
    assert np.allclose(edit[:, 0], 0.4 + 0.3 * np.sin(numbers / 40), atol=1e-5)
    # The count goes in portions, so that the window lives meanwhile.
    longest, last = 0.0, time.perf_counter()
    change_count, session = stage.module("change_count"), stage.session()
    for _ in change_count.steps(owner, bpy.context.scene, session):
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    changes = session.changes[owner.speak.uuid]
    assert len(changes.frames) == FRAMES
    print(f"longest portion {longest * 1000:.0f} ms")
    began = time.perf_counter()
    curves.write_layer(owner, "measured", 1, edit, ("yaw", "happy"))
    print(f"two curves written in {(time.perf_counter() - began) * 1000:.0f} ms")
    assert bpy.ops.speak.simplify_edit() == {"FINISHED"}
    left = len(stage.curve(owner, "speak.edit.yaw").keyframe_points)
    assert left < FRAMES / 2
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert len(stage.curve(bpy.data.objects["Anna"], "speak.edit.yaw").keyframe_points) == left


if __name__ == "__main__":
    stage.play(long_shot)
