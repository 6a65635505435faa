# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers, NLA strips and mood strips of a shot as plain data, and back: what a take keeps of them.

Only what moves the edit layer and the weights counts; the rest of an object's animation is left
alone, and so are actions that changed since: they get a copy as it was.
"""

from collections.abc import Mapping
from typing import Any

import bpy

from . import compat, moods
from .curve_data import fill_keys, keys_of
from .curves import PATHS
from .rna_data import fill, plain, reference, referred


def capture(owner: Any, scene: Any) -> dict[str, Any]:
    """`drivers`, `nla` and `moods` of a shot. scene: the one with the sequencer."""
    data = owner.animation_data
    return {
        "drivers": [] if data is None else [_driver(c) for c in _drivers(data)],
        "nla": [] if data is None else [_track(t) for t in data.nla_tracks if _concerns(t)],
        "moods": [_mood(strip, scene) for strip in moods.strips_of(owner, scene)],
    }


def restore(owner: Any, scene: Any, data: Mapping[str, Any]) -> None:
    """Put back what `capture` gave; what is as it was is not touched."""
    now = capture(owner, scene)
    for part, put in (("drivers", _put_drivers), ("nla", _put_tracks), ("moods", _put_moods)):
        if part in data and data[part] != now[part]:
            put(owner, scene, data[part])


def _drivers(data: Any) -> list[Any]:
    return [curve for curve in data.drivers if curve.data_path in PATHS]


def _driver(curve: Any) -> dict[str, Any]:
    variables = [
        {**plain(variable), "targets": [plain(target) for target in variable.targets]}
        for variable in curve.driver.variables
    ]
    return {
        "path": curve.data_path,
        "keys": keys_of(curve),
        "driver": plain(curve.driver),
        "variables": variables,
    }


def _put_drivers(owner: Any, scene: Any, told: list[dict[str, Any]]) -> None:
    data = owner.animation_data_create()
    for curve in _drivers(data):
        data.drivers.remove(curve)
    for one in told:
        if one["path"] not in PATHS:
            continue
        curve = owner.driver_add(one["path"])
        driver = curve.driver
        while driver.variables:
            driver.variables.remove(driver.variables[0])
        for said in one["variables"]:
            variable = driver.variables.new()
            fill(variable, said)
            for target, goal in zip(variable.targets, said["targets"], strict=False):
                fill(target, goal)
        fill(driver, one["driver"])
        fill_keys(curve, one["keys"])


def _concerns(track: Any) -> bool:
    return any(_bag_of(strip) is not None and _ours(_bag_of(strip)) for strip in track.strips)


def _bag_of(strip: Any) -> Any | None:
    return compat.bag_of(strip.action, getattr(strip, "action_slot", None))


def _ours(bag: Any) -> dict[str, Any]:
    found = ((path, bag.fcurves.find(path, index=0)) for path in PATHS)
    return {path: keys_of(curve) for path, curve in found if curve is not None}


def _track(track: Any) -> dict[str, Any]:
    return {**plain(track), "strips": [_strip(strip) for strip in track.strips]}


def _strip(strip: Any) -> dict[str, Any]:
    bag, skip = _bag_of(strip), ["action", "action_slot", "action_slot_handle"]
    # What is animated itself is whatever it is at the playhead.
    skip += ["influence"] * strip.use_animated_influence + ["strip_time"] * strip.use_animated_time
    return {
        **plain(strip, skip=tuple(skip)),
        "action": reference(strip.action),
        "curves": {} if bag is None else _ours(bag),
        "own": {curve.data_path: keys_of(curve) for curve in strip.fcurves},
    }


def _put_tracks(owner: Any, scene: Any, told: list[dict[str, Any]]) -> None:
    data = owner.animation_data_create()
    for track in [track for track in data.nla_tracks if _concerns(track)]:
        data.nla_tracks.remove(track)
    for one in told:
        last = data.nla_tracks[-1] if len(data.nla_tracks) else None
        track = data.nla_tracks.new(prev=last)
        for said in one["strips"]:
            action = _action(owner, said)
            if action is None:
                continue  # a strip of another kind, or of an action that is gone
            strip = track.strips.new(said["name"], int(said["frame_start"]), action)
            slot = compat.slot_for(action, owner)
            if slot is not None:
                strip.action_slot = slot
            fill(strip, {name: value for name, value in said.items() if name not in _APART})
            for curve in strip.fcurves:
                if curve.data_path in said["own"]:
                    fill_keys(curve, said["own"][curve.data_path])
        fill(track, {name: value for name, value in one.items() if name != "strips"})


_APART = ("action", "curves", "own")


def _action(owner: Any, said: Mapping[str, Any]) -> Any | None:
    """The strip's action with the curves of then: the one there is if they are the same."""
    action, wanted = referred(said["action"]), said["curves"]
    slot = None if action is None else compat.slot_for(action, owner)
    bag = compat.bag_of(action, slot)
    if bag is not None and _ours(bag) == wanted:
        return action
    if not wanted:
        return action
    kept = action.copy() if action is not None else bpy.data.actions.new(said["action"]["name"])
    bag = compat.ensure_bag_of(kept, owner)
    for path in _ours(bag):
        bag.fcurves.remove(bag.fcurves.find(path, index=0))
    for path, keys in wanted.items():
        fill_keys(bag.fcurves.new(path, index=0), keys)
    return kept


def _mood(strip: Any, scene: Any) -> dict[str, Any]:
    return {
        "name": strip.name,
        "channel": strip.channel,
        "start": compat.strip_start(strip),
        "end": compat.strip_end(strip),
        "mute": strip.mute,
        **moods.facts(strip, scene),
    }


def _put_moods(owner: Any, scene: Any, told: list[dict[str, Any]]) -> None:
    for strip in moods.strips_of(owner, scene):
        compat.remove_strip(scene, strip)
    for one in told:
        moods.put(owner, scene, one)
