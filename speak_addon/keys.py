# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys in the edit layer: set at a frame, thinned out, baked, taken away; groups and colours."""

from collections.abc import Iterable, Mapping
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.controls import BY_NAME, CONTROLS, GROUPS
from . import colours, compat
from .curves import ACTION, LABELS, curve_path, group_label
from .layers import Track

# What an animator does not see: degrees of pose, and amounts of everything else.
TOLERANCE = {"degrees": 0.25, "amount": 0.01, "face box": 0.002, "factor": 0.01, "offset": 0.01}
# Colour sets of Blender's themes for the F-curve groups.
THEMES = {"pose": "THEME04", "emotion": "THEME01", "eyes": "THEME03", "speech": "THEME09"}


def edit_curve(owner: Any, name: str) -> Any | None:
    """The curve of a control in the edit layer, or None."""
    bag = compat.find_bag(owner)
    return None if bag is None else bag.fcurves.find(curve_path("edit", name), index=0)


def ensure_edit_curve(owner: Any, name: str) -> Any:
    """The curve of a control in the edit layer, made in its group and colour when missing."""
    curve = edit_curve(owner, name)
    if curve is None:
        bag = compat.ensure_bag(owner, ACTION)
        group = group_label("edit", BY_NAME[name])
        curve = compat.new_curve(bag, curve_path("edit", name), group)
        paint(curve, "edit", name)
    return curve


def value_at(owner: Any, name: str, frame: float) -> float:
    """A control of the edit layer at a frame."""
    curve = edit_curve(owner, name)
    if curve is None or curve.is_empty:
        return float(getattr(owner.speak.edit, name))
    return float(curve.evaluate(frame))


def insert(owner: Any, frame: float, values: Mapping[str, float]) -> None:
    """Key these controls at a frame; those of the current frame are shown at once."""
    for name, value in values.items():
        curve = ensure_edit_curve(owner, name)
        point = curve.keyframe_points.insert(frame, value, options={"FAST"})
        point.interpolation = "BEZIER"
        point.handle_left_type = point.handle_right_type = "AUTO_CLAMPED"
        curve.update()
    touch(owner)


def ramp(owner: Any, frame: float, frames: float, values: Mapping[str, float]) -> None:
    """Go over to these values, arriving at `frame` after as many frames as the ramp has."""
    if frames > 0:
        before = {name: value_at(owner, name, frame - frames) for name in values}
        insert(owner, frame - frames, before)
        # What was keyed on the way would bend the ramp.
        for name in values:
            _remove_between(edit_curve(owner, name), frame - frames, frame)
    insert(owner, frame, values)
    for name, value in values.items():
        setattr(owner.speak.edit, name, value)


def _remove_between(curve: Any, first: float, last: float) -> None:
    inside = [p for p in curve.keyframe_points if first < p.co[0] < last]
    for point in reversed(inside):
        curve.keyframe_points.remove(point, fast=True)


def touch(owner: Any) -> None:
    """Let Blender see that curves changed."""
    data = owner.animation_data
    if data is not None and data.action is not None:
        data.action.update_tag()
    owner.update_tag()


def clear(owner: Any, names: Iterable[str]) -> int:
    """Take the edit layer of these controls away; how many curves that were."""
    bag, count = compat.find_bag(owner), 0
    for name in names:
        curve = None if bag is None else bag.fcurves.find(curve_path("edit", name), index=0)
        if bag is not None and curve is not None:
            bag.fcurves.remove(curve)
            count += 1
        setattr(owner.speak.edit, name, BY_NAME[name].default)
    touch(owner)
    return count


def thinned(frames: npt.NDArray[np.float64], values: Track, tolerance: float) -> list[int]:
    """Which of the points a polyline needs to stay within `tolerance` of all of them.

    Ramer, Douglas and Peucker with the distance measured along the value; the ends always stay.
    """
    keep, todo = {0, len(frames) - 1}, [(0, len(frames) - 1)]
    while todo:
        low, high = todo.pop()
        if high - low < 2:
            continue
        share = (frames[low + 1 : high] - frames[low]) / (frames[high] - frames[low])
        line = values[low] + share * (values[high] - values[low])
        away = np.abs(values[low + 1 : high] - line)
        worst = int(np.argmax(away))
        if away[worst] > tolerance:
            middle = low + 1 + worst
            keep.add(middle)
            todo += [(low, middle), (middle, high)]
    return sorted(keep)


def simplify(owner: Any, names: Iterable[str], strength: float = 1.0) -> tuple[int, int]:
    """Thin the keys of the edit layer out; how many there were and are.

    strength: factor on what may change, 1 is what nobody sees.
    """
    before = after = 0
    for name in names:
        curve = edit_curve(owner, name)
        if curve is None or len(curve.keyframe_points) < 3:
            continue
        first, last = curve.range()
        numbers = np.unique(
            np.concatenate([np.arange(np.ceil(first), np.floor(last) + 1), [first, last]])
        )
        values = np.array([curve.evaluate(frame) for frame in numbers], np.float32)
        kept = thinned(numbers, values, strength * TOLERANCE[BY_NAME[name].unit])
        count = len(curve.keyframe_points)
        before += count
        if len(kept) < count:
            write(curve, numbers[kept].astype(np.float32), values[kept])
            count = len(kept)
        after += count
    touch(owner)
    return before, after


def write(curve: Any, numbers: Track, values: Track) -> None:
    """Replace the points of a curve by straight lines between these."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(numbers))
    points.foreach_set("co", np.column_stack([numbers, values]).astype(np.float32).ravel())
    kinds = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items
    points.foreach_set("interpolation", np.full(len(numbers), kinds["LINEAR"].value, np.int32))
    curve.update()


def paint(curve: Any, layer: str, name: str) -> None:
    """Give a curve the colour of its control."""
    curve.color_mode = "CUSTOM"
    curve.color = colours.of(name, layer)


def tidy(owner: Any) -> bool:
    """Put keyed controls and weights into their groups and colours; whether there were any.

    Blender's own I key makes curves without a group.
    """
    bag = compat.find_bag(owner)
    if bag is None:
        return False
    changed = False
    for control in CONTROLS:
        curve = bag.fcurves.find(curve_path("edit", control.name), index=0)
        if curve is not None and _outside(curve, group_label("edit", control)):
            _into_group(bag, curve, group_label("edit", control), control.group)
            paint(curve, "edit", control.name)
            changed = True
    for group in GROUPS:
        curve = bag.fcurves.find(curve_path("weights", group.name), index=0)
        if curve is not None and _outside(curve, "Proposed"):
            _into_group(bag, curve, "Proposed", group.name)
            curve.color_mode = "CUSTOM"
            curve.color = (0.7, 0.7, 0.7)
            changed = True
    return changed


def _outside(curve: Any, label: str) -> bool:
    return curve.group is None or curve.group.name != label


def _into_group(bag: Any, curve: Any, label: str, kind: str) -> None:
    group = bag.groups.get(label)
    if group is None:
        group = bag.groups.new(label)
        group.color_set = THEMES[kind]
    curve.group = group


def names_of(group: str) -> tuple[str, ...]:
    """The controls of a group, or all of them for `ALL`."""
    return tuple(c.name for c in CONTROLS if group in ("ALL", c.group))


assert set(THEMES) == set(LABELS)
