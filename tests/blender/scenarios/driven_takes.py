# SPDX-License-Identifier: GPL-3.0-or-later
"""A take holds drivers, modifiers, NLA strips and mood strips too, and brings them back exactly."""

import json
import sys
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage


def driven_takes(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, first=11, seconds=1.0, fps=(24, 1.0))
    owner.speak.weights.emotion = 0.0
    frames = folder / "speak" / "Anna"
    states = []
    for change in (
        plain_keys,
        modifiers,
        a_driver,
        another_driver,
        nla,
        nla_changed,
        mood,
        mood_on,
    ):
        change(owner)
        assert bpy.ops.speak.generate() == {"FINISHED"}, change.__name__
        states.append((change.__name__, told(owner), wanted(owner), pictures(frames)))
    wild(owner)
    # There and back again, in an order that visits every neighbour.
    for number in (0, 4, 2, 7, 3, 6, 1, 5, 0):
        name, kept, rows, shown = states[number]
        assert bpy.ops.speak.show_take(number=number + 1) == {"FINISHED"}, name
        assert told(owner) == kept, f"{name}: {differences(told(owner), kept)}"
        assert np.allclose(wanted(owner), rows, atol=1e-6), name
        assert pictures(frames) == shown, name
        assert bpy.ops.speak.generate() == {"FINISHED"}
        assert stage.report().made == 0, f"{name}: {stage.report()}"
    _what_is_not_ours(owner)
    _a_set_that_changed(owner)


def told(owner):
    """Everything that a take is to hold, without what JSON would change."""
    scene = bpy.context.scene
    curves = stage.module("curve_data").capture(owner)
    driven = stage.module("driven_data").capture(owner, scene)
    # Of what moves a property its own value at the playhead is no part.
    return json.loads(json.dumps([curves["curves"], without_copies(driven)]))


def differences(one, other, where="") -> list[str]:
    """Where two told states part, to be read."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            text
            for name in sorted({*one, *other})
            for text in differences(one.get(name), other.get(name), f"{where}.{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [text for n, (a, b) in pairs for text in differences(a, b, f"{where}[{n}]")]
    return [] if one == other else [f"{where}: {one} is not {other}"]


def without_copies(driven):
    """An action that changed since comes back as a copy, under another name."""
    for track in driven["nla"]:
        for strip in track["strips"]:
            strip.pop("action")
    return driven


def wanted(owner):
    """The edit layer with its moods, as it is sent."""
    scene = bpy.context.scene
    frames = stage.module("shots").frames(owner, scene)
    edit, _ = stage.module("curves").sample(owner, scene, frames)
    moods = stage.module("moods")
    return edit + moods.track(moods.of_shot(owner, scene), frames)


def pictures(folder: Path):
    return {path.name: path.read_bytes() for path in folder.glob("frame_*.png")}


def plain_keys(owner) -> None:
    for frame, value in ((11, 0.0), (15, 0.8), (19, 0.0)):
        owner.speak.edit.happy = value
        owner.speak.edit.keyframe_insert("happy", frame=frame)


def modifiers(owner) -> None:
    """Cycles and noise, as the Graph Editor adds them."""
    curve = stage.curve(owner, "speak.edit.happy")
    curve.modifiers.new("CYCLES").mode_after = "MIRROR"
    noise = curve.modifiers.new("NOISE")
    noise.strength, noise.use_restricted_range = 0.2, True
    noise.frame_start, noise.frame_end = 20, 30
    limits = curve.modifiers.new("LIMITS")
    limits.use_min_y, limits.min_y = True, 0.05
    envelope = curve.modifiers.new("ENVELOPE")
    envelope.control_points.add(12)
    envelope.control_points.add(20)
    # As curve_data says why: not through one point.
    envelope.control_points.foreach_set("max", [0.7, 0.9])


def a_driver(owner) -> None:
    head = bpy.data.objects.new("Head ü", None)
    bpy.context.scene.collection.objects.link(head)
    head.location.x = 0.4
    head.rotation_euler.z = 0.2
    curve = owner.driver_add("speak.edit.sad")
    turn = curve.driver.variables.new()
    turn.name, turn.type = "turn", "TRANSFORMS"
    turn.targets[0].id, turn.targets[0].transform_type = head, "ROT_Z"
    place = curve.driver.variables.new()
    place.name, place.type = "place", "SINGLE_PROP"
    place.targets[0].id, place.targets[0].data_path = head, "location.x"
    curve.driver.expression = "turn + place + frame / 200"


def another_driver(owner) -> None:
    owner.driver_remove("speak.edit.sad")
    curve = owner.driver_add("speak.edit.yaw")
    curve.driver.type = "SUM"
    place = curve.driver.variables.new()
    place.name = "place"
    place.targets[0].id = bpy.data.objects["Head ü"]
    place.targets[0].data_path = "location.x"
    while curve.modifiers:
        curve.modifiers.remove(curve.modifiers[0])
    generator = curve.modifiers.new("GENERATOR")
    generator.coefficients = (1.0, 5.0)


def nla(owner) -> None:
    owner.driver_remove("speak.edit.yaw")
    data, compat = owner.animation_data, stage.module("compat")
    owner.speak.edit.fear = 0.0
    action = bpy.data.actions.new("Nod")
    bag = compat.ensure_bag_of(action, owner)
    curve = bag.fcurves.new("speak.edit.pitch", index=0)
    for frame, value in ((0, 0.0), (5, 8.0), (10, -2.0)):
        curve.keyframe_points.insert(frame, value)
    track = data.nla_tracks.new()
    track.name = "Nods"
    for start in (11, 23):
        strip = track.strips.new("Nod", start, action)
        if hasattr(strip, "action_slot"):
            strip.action_slot = compat.slot_for(action, owner)
        strip.scale = 0.9
    strip.use_reverse = True
    strip.use_animated_influence = True
    for frame, value in ((23, 1.0), (32, 0.25)):
        strip.influence = value
        strip.keyframe_insert("influence", frame=frame)


def nla_changed(owner) -> None:
    """The action itself is changed, and a strip is moved and added to another."""
    curve = _nod(bpy.data.actions["Nod"], owner)
    curve.keyframe_points[1].co[1] = 3.0
    curve.update()
    strip = owner.animation_data.nla_tracks["Nods"].strips[0]
    strip.blend_type, strip.influence = "ADD", 0.5
    strip.extrapolation = "NOTHING"


def _nod(action, owner):
    compat = stage.module("compat")
    bag = compat.bag_of(action, compat.slot_for(action, owner))
    return bag.fcurves.find("speak.edit.pitch", index=0)


def mood(owner) -> None:
    for track in list(owner.animation_data.nla_tracks):
        owner.animation_data.nla_tracks.remove(track)
    bpy.context.scene.frame_set(14)
    assert bpy.ops.speak.add_mood(name="Worried", seconds=0.5) == {"FINISHED"}


def mood_on(owner) -> None:
    strip = bpy.context.scene.sequence_editor.active_strip
    strip["speak_amount"], strip["speak_ramp_in"] = 0.5, 0.1
    strip.mute = False
    bpy.context.scene.frame_set(26)
    assert bpy.ops.speak.add_mood(name="Happy", seconds=0.4) == {"FINISHED"}


def wild(owner) -> None:
    """Everything is another thing by now."""
    mood_on(owner)
    a_driver_of_a_weight = owner.driver_add("speak.weights.pose")
    a_driver_of_a_weight.driver.expression = "0.5"
    nla(owner)


def _what_is_not_ours(owner) -> None:
    """Drivers and strips of anything else of the object stay through all of it."""
    owner.driver_add("location", 2).driver.expression = "frame / 10"
    action = bpy.data.actions.new("Walk")
    bag = stage.module("compat").ensure_bag_of(action, owner)
    bag.fcurves.new("location", index=0).keyframe_points.insert(1, 3.0)
    track = owner.animation_data.nla_tracks.new()
    track.name = "Walks"
    track.strips.new("Walk", 1, action)
    for number in (3, 5, 1):
        assert bpy.ops.speak.show_take(number=number) == {"FINISHED"}
        assert "Walks" in owner.animation_data.nla_tracks
        assert [d.data_path for d in owner.animation_data.drivers].count("location") == 1
    owner.animation_data.nla_tracks.remove(track)


def _a_set_that_changed(owner) -> None:
    """A mood's set was made anew meanwhile: the take's own values come back beside it."""
    scene = bpy.context.scene
    sets, kept = stage.module("sets_in_file"), stage.module("sets").Set
    assert bpy.ops.speak.show_take(number=7) == {"FINISHED"}
    sets.store(scene, kept("Worried", {"fear": 0.9}))
    before = wanted(owner).copy()
    # The shown take has the changed set now; going away and back brings the values of then.
    assert bpy.ops.speak.show_take(number=1) == {"FINISHED"}
    assert bpy.ops.speak.show_take(number=7) == {"FINISHED"}
    assert not np.allclose(wanted(owner), before)
    assert dict(sets.find(scene, "Worried").values) == {"fear": 0.9}
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == 0, stage.report()


if __name__ == "__main__":
    stage.play(driven_takes)
