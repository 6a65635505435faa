# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's curves as plain data, and back: what a take keeps of them."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.controls import CONTROLS, GROUPS
from . import compat, keys, portions
from .curves import ACTION, PATHS
from .rna_data import fill, plain

# What a key consists of: its numbers, and its choices from lists.
NUMBERS = ("co", "handle_left", "handle_right")
CHOICES = ("interpolation", "easing", "handle_left_type", "handle_right_type")

# What else of a shot a generation depends on and an animator changes.
SETTINGS = ("size", "seed", "use_auto", "auto_amount")


def capture(owner: Any) -> dict[str, Any]:
    """The edit layer and the weights: `values` as they stand, `curves` by data path; `settings`."""
    return portions.finish(steps(owner))


def steps(owner: Any) -> Generator[float, None, dict[str, Any]]:
    """`capture` in portions of some milliseconds; yields how much is done, 0 to 1."""
    bag = compat.find_bag(owner)
    found = {}
    for index, path in enumerate(PATHS):
        curve = None if bag is None else bag.fcurves.find(path, index=0)
        if curve is not None and len(curve.keyframe_points):
            found[path] = keys_of(curve, short=False)
        yield index / len(PATHS)
    values = {path: round(float(owner.path_resolve(path)), 7) for path in PATHS}
    settings = {name: getattr(owner.speak, name) for name in SETTINGS}
    return {"values": values, "curves": found, "settings": settings}


def restore(owner: Any, data: Mapping[str, Any]) -> None:
    """Put back what `capture` gave; other curves of the object stay."""
    bag = compat.ensure_bag(owner, ACTION)
    for path in PATHS:
        curve = bag.fcurves.find(path, index=0)
        if curve is not None:
            bag.fcurves.remove(curve)
    for path, value in data["values"].items():
        if path in PATHS:
            _, layer, name = path.split(".")
            setattr(getattr(owner.speak, layer), name, float(value))
    for path, points in data["curves"].items():
        if path in PATHS:
            fill_keys(bag.fcurves.new(path, index=0), points)
    keys.tidy(owner)
    keys.touch(owner)


def keys_of(curve: Any, short: bool = True) -> dict[str, Any]:
    """A curve's keys and modifiers, whatever object it belongs to.

    short: numbers as the shortest decimals, which takes ten times as long; else `shortened` has
    to follow, beside the window.
    """
    points = curve.keyframe_points
    count = len(points)
    data: dict[str, Any] = {"extrapolation": curve.extrapolation, "mute": curve.mute}
    for name in NUMBERS:
        flat = np.empty(2 * count, np.float32)
        points.foreach_get(name, flat)
        data[name] = _short(flat) if short else flat.tolist()
    for name in CHOICES:
        numbers = np.empty(count, np.int32)
        points.foreach_get(name, numbers)
        data[name] = np.take(_names(name), numbers, mode="clip").tolist()
    data["modifiers"] = [
        {
            **plain(modifier),
            "kind": modifier.type,
            "points": [plain(point) for point in getattr(modifier, "control_points", ())],
        }
        for modifier in curve.modifiers
    ]
    return data


def shortened(keys_told: Mapping[str, Any]) -> dict[str, Any]:
    """What `keys_of` gave, with the shortest decimals of the same float32. Touches no bpy."""
    found = {name: _short(np.array(keys_told[name], np.float32)) for name in NUMBERS}
    return {**keys_told, **found}


def _short(values: npt.NDArray[np.float32]) -> list[float]:
    return [float(str(value)) for value in values]


def fill_keys(curve: Any, data: Mapping[str, Any]) -> None:
    """Give a curve what `keys_of` gave, in place of what it has."""
    points = curve.keyframe_points
    points.clear()
    count = len(data["co"]) // 2
    points.add(count)
    for name in CHOICES:
        numbers = {item.identifier: item.value for item in _choices(name)}
        values = [numbers.get(choice, 0) for choice in data[name]]
        points.foreach_set(name, np.array(values, np.int32))
    for name in NUMBERS:
        points.foreach_set(name, np.array(data[name], np.float32))
    curve.extrapolation, curve.mute = data["extrapolation"], bool(data["mute"])
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)
    for told in data.get("modifiers", ()):
        modifier = curve.modifiers.new(told["kind"])
        if told["points"]:
            _put_points(modifier.control_points, told["points"])
        fill(modifier, told)
    curve.update()


def _put_points(points: Any, told: Sequence[Mapping[str, float]]) -> None:
    """The control points of an envelope, sorted by frame as they are kept.

    Never value by value of one point: gone back to some 300 times, such a take ended Blender 4.5.15
    where a point that had just been set was read again. Set all at once, it does not.
    """
    for point in told:
        points.add(point["frame"])
    for name in ("min", "max"):
        points.foreach_set(name, [point[name] for point in told])


def _names(name: str) -> npt.NDArray[np.object_]:
    """The names of a list's choices at their numbers; "" where there is none, and at the end."""
    items = _choices(name)
    names = np.full(max(item.value for item in items) + 2, "", object)
    for item in items:
        names[item.value] = item.identifier
    return names


def _choices(name: str) -> Any:
    return bpy.types.Keyframe.bl_rna.properties[name].enum_items


assert len(PATHS) == len(CONTROLS) + len(GROUPS)
