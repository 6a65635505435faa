# SPDX-License-Identifier: GPL-3.0-or-later
"""Each generation is a take: back to its frames, curves and settings, named, compared, deleted."""

import sys
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def take_after_take(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, first=11, seconds=1.0, fps=(24, 1.0))
    frames = folder / "speak" / "Anna"
    for frame, value in ((11, 0.0), (20, 0.8), (34, 0.0)):
        owner.speak.edit.happy = value
        owner.speak.edit.keyframe_insert("happy", frame=frame)
    key = stage.curve(owner, "speak.edit.happy").keyframe_points[1]
    key.handle_right_type = key.handle_left_type = "FREE"
    key.handle_right = (26.0, 0.9)
    generate()
    first, happy = stage.frames_in(frames), values(owner)
    assert owner.speak.take == 1
    generate()
    assert len(takes(owner)) == 1, "the same again is no take"

    owner.speak.edit.keyframe_insert("sad", frame=11)
    stage.curve(owner, "speak.edit.happy").keyframe_points[1].co[1] = 0.2
    stage.curve(owner, "speak.edit.happy").update()
    owner.speak.seed = 9
    generate()
    second, changed = stage.frames_in(frames), values(owner)
    assert [take.name for take in takes(owner)] == ["Take 1", "Take 2"]
    assert owner.speak.take == 2

    _back_and_forth(owner, frames, first, second, happy, changed)
    _made_already(owner, frames, first)
    _names_and_compare(owner)
    _delete(owner, frames)


def generate() -> None:
    assert bpy.ops.speak.generate() == {"FINISHED"}


def takes(owner):
    stage.module("takes").look_again()
    return stage.module("takes").listed(owner)[0]


def values(owner):
    curve = stage.curve(owner, "speak.edit.happy")
    return [curve.evaluate(frame) for frame in range(11, 35)]


def pictures(folder):
    return {name: facts[2] for name, facts in folder.items() if name.endswith(".png")}


def _back_and_forth(owner, frames, first, second, happy, changed) -> None:
    assert bpy.ops.speak.show_take("EXEC_DEFAULT", True, number=1) == {"FINISHED"}
    assert pictures(stage.frames_in(frames)) == pictures(first)
    assert np.allclose(values(owner), happy, atol=1e-6)
    assert stage.curve(owner, "speak.edit.sad") is None
    assert (owner.speak.seed, owner.speak.take) == (0, 1)
    point = stage.curve(owner, "speak.edit.happy").keyframe_points[1]
    assert point.handle_right_type == "FREE"
    assert np.allclose(point.handle_right, (26.0, 0.9), atol=1e-6)
    assert stage.curve(owner, "speak.edit.happy").group.name == "Edit Emotion"
    # What is shown is what is asked for: nothing has to be made.
    look = stage.module("change_count").look(owner, bpy.context.scene, stage.session())
    assert look.frames == (), look
    assert bpy.ops.speak.show_take(number=2) == {"FINISHED"}
    assert pictures(stage.frames_in(frames)) == pictures(second)
    assert np.allclose(values(owner), changed, atol=1e-6)
    assert owner.speak.seed == 9
    assert "cannot be read" in stage.refused(lambda: bpy.ops.speak.show_take(number=77))


def _made_already(owner, frames, first) -> None:
    """Curves that go back by hand find their frames in the earlier take: nothing is computed."""
    owner.speak.seed = 0
    bag = stage.module("compat").find_bag(owner)
    bag.fcurves.remove(stage.curve(owner, "speak.edit.sad"))
    stage.curve(owner, "speak.edit.happy").keyframe_points[1].co[1] = 0.8
    stage.curve(owner, "speak.edit.happy").update()
    generate()
    assert stage.report().made == 0, stage.report()
    assert pictures(stage.frames_in(frames)) == pictures(first)


def _names_and_compare(owner) -> None:
    assert bpy.ops.speak.rename_take(number=2, name="Gloomy ü") == {"FINISHED"}
    assert takes(owner)[1].name == "Gloomy ü"
    assert bpy.ops.speak.show_take(number=1) == {"FINISHED"}
    # Those who load the picture are woken: what an operator sets, Blender tells nobody.
    woken, listeners = [], stage.module("runtime").listeners
    listeners.append(lambda: woken.append(True))
    assert bpy.ops.speak.compare_take(number=2) == {"FINISHED"}
    del listeners[-1]
    assert woken
    bpy.context.scene.frame_set(20)
    path = stage.module("compare").frame_path(owner, bpy.context.scene)
    assert path.is_file()
    assert path.stem == takes(owner)[1].keys[9]
    assert bpy.ops.speak.compare_take(number=2) == {"FINISHED"}
    assert stage.module("compare").frame_path(owner, bpy.context.scene) is None


def _delete(owner, frames) -> None:
    _, used = stage.module("takes").listed(owner)
    assert used > 0
    shown = pictures(stage.frames_in(frames))
    for take in takes(owner):
        assert bpy.ops.speak.delete_take("EXEC_DEFAULT", number=take.number) == {"FINISHED"}
    assert takes(owner) == []
    assert pictures(stage.frames_in(frames)) == shown
    assert not list((frames.with_name("Anna.takes") / "frames").iterdir())
    assert "no takes" in stage.refused(lambda: bpy.ops.speak.show_take(number=1))
    # Twelve generations, of which three are kept.
    owner.speak.takes_kept = 3
    for seed in range(20, 25):
        owner.speak.seed = seed
        generate()
    assert [take.number for take in takes(owner)] == [3, 4, 5]


if __name__ == "__main__":
    stage.play(take_after_take)
