# SPDX-License-Identifier: GPL-3.0-or-later
"""The auto layer's F-curves: the core's few keys with handles that play them exactly."""

from typing import Any

from ..inference_core.protocol.controls import CONTROLS
from . import colours, compat
from .bezier import fill
from .curves import ACTION, curve_path, group_label
from .layers import Track

LAYER = "auto"


def write(owner: Any, first: int, keys: Track) -> None:
    """Replace the auto layer by `keys` [k, 4]: control, frame from `first` on, value, slope.

    The curves are locked, as those of `curves.write_layer`.
    """
    bag = compat.ensure_bag(owner, ACTION)
    for index, control in enumerate(CONTROLS):
        path = curve_path(LAYER, control.name)
        curve = bag.fcurves.find(path, index=0)
        if curve is None:
            curve = compat.new_curve(bag, path, group_label(LAYER, control))
        curve.color_mode, curve.color = "CUSTOM", colours.of(control.name, LAYER)
        curve.lock = False
        fill(curve, first, keys[keys[:, 0] == index, 1:])
        curve.lock, curve.select = True, False


def count(owner: Any) -> int:
    """How many keys the auto layer has; a control that rests counts none."""
    bag = compat.find_bag(owner)
    if bag is None:
        return 0
    curves = [bag.fcurves.find(curve_path(LAYER, c.name), index=0) for c in CONTROLS]
    sizes = [len(curve.keyframe_points) for curve in curves if curve is not None]
    return sum(size for size in sizes if size > 1)
