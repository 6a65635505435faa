# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets on the playhead, the emotion wheel, baking, thinning and clearing; groups and colours."""

import sys
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def layers_and_sets(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, first=1, seconds=4.0, fps=(25, 1.0))
    _sets(folder, owner)
    _wheel(owner)
    _weights(owner)
    _bake(owner)
    _simplify(owner)
    _clear(owner)


def value(owner, name: str, frame: float) -> float:
    return stage.curve(owner, f"speak.edit.{name}").evaluate(frame)


def _sets(folder: Path, owner) -> None:
    """A set arrives at the playhead over its ramp, replaces the one before, and can be kept."""
    scene, shot = bpy.context.scene, owner.speak
    shot.ramp = 0.4  # ten frames
    scene.frame_set(20)
    assert bpy.ops.speak.apply_set(name="Happy") == {"FINISHED"}
    assert [value(owner, "happy", frame) for frame in (1, 10)] == [0.0, 0.0]
    assert 0.1 < value(owner, "happy", 15) < 0.8
    assert np.isclose(value(owner, "happy", 20), 0.9)
    assert np.isclose(value(owner, "happy", 60), 0.9)
    assert np.isclose(shot.edit.happy, 0.9), "seen at once"
    scene.frame_set(60)
    assert bpy.ops.speak.apply_set(name="Worried") == {"FINISHED"}
    assert np.isclose(value(owner, "happy", 50), 0.9)
    assert np.isclose(value(owner, "happy", 60), 0.0)
    assert np.isclose(value(owner, "fear", 60), 0.35)
    bag = stage.module("compat").find_bag(owner)
    assert bag.fcurves.find("speak.edit.yaw", index=0) is None, "a pose is not an emotion"
    bpy.ops.speak.apply_set(name="Look Left")
    assert np.isclose(value(owner, "yaw", 60), 18.0)
    assert stage.refused(lambda: bpy.ops.speak.apply_set(name="Nobody"))

    shot.edit.happy, shot.edit.fear, shot.edit.sad = 0.5, 0.0, 0.25
    assert bpy.ops.speak.keep_set(name="Mine", group="emotion") == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    owner = bpy.data.objects["Anna"]
    bpy.context.view_layer.objects.active = owner
    path = folder / "mine.json"
    assert bpy.ops.speak.export_sets(filepath=str(path)) == {"FINISHED"}
    assert bpy.ops.speak.remove_set(index=0) == {"FINISHED"}
    assert stage.refused(lambda: bpy.ops.speak.export_sets(filepath=str(path)))
    assert bpy.ops.speak.import_sets(filepath=str(path)) == {"FINISHED"}
    bpy.context.scene.frame_set(90)
    assert bpy.ops.speak.apply_set(name="Mine") == {"FINISHED"}
    assert np.isclose(value(owner, "happy", 90), 0.5)
    assert np.isclose(value(owner, "sad", 90), 0.25)
    path.write_text("{}")
    said = stage.refused(lambda: bpy.ops.speak.import_sets(filepath=str(path)))
    assert "Export Sets" in said


def _wheel(owner) -> None:
    """One drag keys two neighbours, and the wheel shows what the sliders say."""
    owner = bpy.data.objects["Anna"]
    shot, colours = owner.speak, stage.module("colours")
    bpy.ops.speak.clear_edit(group="emotion")
    bpy.context.scene.frame_set(30)
    shot.wheel = colours.mixed({"happy": 0.6, "surprised": 0.2})
    assert np.isclose(value(owner, "happy", 30), 0.6, atol=1e-5)
    assert np.isclose(value(owner, "surprised", 30), 0.2, atol=1e-5)
    assert np.allclose(shot.wheel, colours.mixed({"happy": 0.6, "surprised": 0.2}), atol=1e-5)
    assert stage.curve(owner, "speak.edit.sad") is None, "what rests is not keyed"
    shot.wheel_keys = False
    bpy.context.scene.frame_set(40)
    shot.wheel = colours.mixed({"sad": 0.5})
    assert np.isclose(shot.edit.sad, 0.5)
    assert stage.curve(owner, "speak.edit.sad") is None


def _weights(owner) -> None:
    """Weights and controls keyed with Blender's own key land in groups and colours."""
    owner = bpy.data.objects["Anna"]
    bpy.ops.speak.clear_edit(group="ALL")
    for frame, weight in ((1, 1.0), (50, 0.0)):
        owner.speak.weights.pose = weight
        owner.speak.weights.keyframe_insert("pose", frame=frame)
    owner.speak.edit.keyframe_insert("angry", frame=1)
    assert bpy.ops.speak.generate() == {"FINISHED"}
    curve = stage.curve(owner, "speak.edit.angry")
    assert (curve.group.name, curve.color_mode) == ("Edit Emotion", "CUSTOM")
    assert np.allclose(curve.color, stage.module("colours").of("angry"), atol=1e-5)
    assert stage.curve(owner, "speak.weights.pose").group.name == "Proposed"
    auto = stage.curve(owner, "speak.auto.angry")
    assert tuple(auto.color) != tuple(curve.color)
    record = stage.module("shot_folder").ShotFolder(_folder(owner)).read_shot()
    yaw = np.array(record["controls"]["rows"])[:, 0]
    assert np.ptp(yaw[49:]) < 1e-4, "from frame 50 on no proposed pose is left"
    assert np.ptp(yaw[:49]) > 0.01


def _folder(owner) -> Path:
    return stage.module("shots").folder_path(owner)


def _bake(owner) -> None:
    """What was proposed becomes keys, and what is seen stays."""
    owner = bpy.data.objects["Anna"]
    bpy.ops.speak.generate()
    before = stage.module("shot_folder").ShotFolder(_folder(owner)).read_shot()
    assert bpy.ops.speak.bake_auto(group="ALL") == {"FINISHED"}
    assert owner.speak.weights.pose == 0.0
    assert stage.curve(owner, "speak.weights.pose") is None
    assert len(stage.curve(owner, "speak.edit.yaw").keyframe_points) == 100
    assert bpy.ops.speak.generate() == {"FINISHED"}
    after = stage.module("shot_folder").ShotFolder(_folder(owner)).read_shot()
    assert np.allclose(before["controls"]["rows"], after["controls"]["rows"], atol=2e-4)


def _simplify(owner) -> None:
    """Far fewer keys, nowhere further away than is allowed."""
    owner = bpy.data.objects["Anna"]
    frames = range(1, 101)
    before = [value(owner, "yaw", frame) for frame in frames]
    assert bpy.ops.speak.simplify_edit(group="ALL") == {"FINISHED"}
    points = stage.curve(owner, "speak.edit.yaw").keyframe_points
    assert len(points) < 60, len(points)
    after = [value(owner, "yaw", frame) for frame in frames]
    assert np.abs(np.array(before) - after).max() <= 0.2501


def _clear(owner) -> None:
    owner = bpy.data.objects["Anna"]
    owner.keyframe_insert("location", frame=1)
    assert bpy.ops.speak.clear_edit(group="pose") == {"FINISHED"}
    assert stage.curve(owner, "speak.edit.yaw") is None
    assert owner.speak.edit.yaw == 0.0
    assert stage.curve(owner, "location") is not None, "only ours are cleared"
    bpy.ops.speak.clear_edit(group="ALL")
    assert "no keys" in stage.refused(lambda: bpy.ops.speak.simplify_edit())


if __name__ == "__main__":
    stage.play(layers_and_sets)
