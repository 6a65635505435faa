# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh with shape keys says a recording: names matched, few keys, gains, a take, files."""

import csv
import json
import types
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage

VOICE = stage.ROOT / "samples" / "voice.wav"
NAMES = ("jaw_open", "MouthSmile_L", "mouthSmileRight", "mouthPucker", "viseme_PP", "hat")


def rig(folder: Path) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1.001
    strip = stage.strips(scene).new_sound("line", str(VOICE), 1, 21)
    mesh = bpy.data.meshes.new("Head")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    owner = bpy.data.objects.new("Head", mesh)
    scene.collection.objects.link(owner)
    bpy.context.view_layer.objects.active = owner
    assert not bpy.ops.speak.match_shapes.poll()
    for name in ("Basis", *NAMES):
        owner.shape_key_add(name=name)
    blocks = mesh.shape_keys.key_blocks

    assert "Match the names" in stage.refused(bpy.ops.speak.key_shapes)
    assert "speak.match_shapes" in _drawn()
    assert bpy.ops.speak.match_shapes() == {"FINISHED"}
    found = {shape.name: shape.curve for shape in owner.speak_rig.shapes}
    assert found == {
        "jaw_open": "jawOpen", "MouthSmile_L": "mouthSmileLeft",
        "mouthSmileRight": "mouthSmileRight", "mouthPucker": "mouthPucker",
    }  # fmt: skip
    assert _drawn().count("gain") == 5  # one per shape and one for all
    assert "sound strip" in stage.refused(bpy.ops.speak.key_shapes)
    owner.speak.strip = strip.name
    owner.speak_rig.shapes["MouthSmile_L"].gain = 0.5
    owner.speak_rig.shapes["mouthPucker"].gain = 0
    # A curve of the animator's own stays.
    blocks["hat"].value = 0.7
    blocks["hat"].keyframe_insert("value", frame=5)

    assert bpy.ops.speak.key_shapes() == {"FINISHED"}
    data = mesh.shape_keys
    jaw, left, right = (
        _track(data, name, scene) for name in ("jaw_open", "MouthSmile_L", "mouthSmileRight")
    )
    assert jaw.max() > 0.2
    assert jaw[0] < 0.05
    assert np.abs(left - 0.5 * right).max() < 1e-4
    assert _curve(data, "mouthPucker") is None
    assert _curve(data, "hat") is not None
    few = len(_curve(data, "jaw_open").keyframe_points)
    assert 4 < few < 0.7 * len(jaw)

    out = folder / "said.csv"
    assert bpy.ops.speak.export_curves("EXEC_DEFAULT", filepath=str(out)) == {"FINISHED"}
    with out.open() as file:
        told = np.array([float(row["jawOpen"]) for row in csv.DictReader(file)])
    assert 0 <= len(told) - len(jaw) <= 1  # a last frame that only begins to be heard
    told = told[: len(jaw)]
    assert np.abs(jaw - told).max() < 0.021
    out = folder / "said.json"
    assert bpy.ops.speak.export_curves("EXEC_DEFAULT", filepath=str(out)) == {"FINISHED"}
    assert json.loads(out.read_text())["mouthCues"]

    # Another take, on every frame, in an action of its own.
    before = data.animation_data.action
    owner.speak_rig.density, owner.speak_rig.new_action = "ALL", True
    assert bpy.ops.speak.key_shapes() == {"FINISHED"}
    assert data.animation_data.action != before
    assert 0 <= len(_curve(data, "jaw_open").keyframe_points) - len(told) <= 1
    assert np.abs(_track(data, "jaw_open", scene) - told).max() < 1e-4


class Layout:
    """Takes what a panel draws, and refuses what Blender would not know."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def prop(self, data, name: str, **_) -> None:
        assert name in data.bl_rna.properties, name
        self.said.append(name)

    def operator(self, name: str, **_) -> None:
        kind, what = name.split(".")
        getattr(getattr(bpy.ops, kind), what).get_rna_type()
        self.said.append(name)

    def template_list(self, kind, _name, data, items, owner, active, **_) -> None:
        assert issubclass(getattr(bpy.types, kind), bpy.types.UIList)
        assert {items} <= set(data.bl_rna.properties.keys())
        assert {active} <= set(owner.bl_rna.properties.keys())
        for item in getattr(data, items):
            getattr(bpy.types, kind).draw_item(
                None, bpy.context, self, data, item, 0, owner, active
            )

    def label(self, **_) -> None:
        pass

    def column(self, **_):
        return self

    row = column
    split = column


def _drawn() -> list[str]:
    """What the panel of the 3D View shows, in order."""
    panel, layout = bpy.types.SPEAK_PT_rig_view, Layout()
    assert panel.poll(bpy.context)
    panel.draw(types.SimpleNamespace(layout=layout), bpy.context)
    return layout.said


def _curve(data, name):
    bag = stage.module("compat").find_bag(data)
    return bag.fcurves.find(f'key_blocks["{name}"].value', index=0)


def _track(data, name, scene) -> np.ndarray:
    """The curve of a shape over the strip."""
    compat = stage.module("compat")
    strip = next(iter(compat.all_strips(scene)))
    curve = _curve(data, name)
    frames = range(compat.strip_start(strip), compat.strip_end(strip))
    return np.array([curve.evaluate(frame) for frame in frames])


if __name__ == "__main__":
    stage.play(rig, sound=True)
