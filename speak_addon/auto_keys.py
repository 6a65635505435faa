# SPDX-License-Identifier: GPL-3.0-or-later
"""The auto layer's F-curves: the core's few keys with handles that play them exactly."""

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.controls import CONTROLS
from . import compat
from .curves import ACTION, curve_path, group_label
from .layers import Track

LAYER = "auto"


def write(owner: Any, first: int, keys: Track) -> None:
    """Replace the auto layer by `keys` [k, 4]: control, frame from `first` on, value, slope.

    A segment is a cubic whose handles lie a third of the way to the neighbouring key, which is
    how Blender plays a cubic in time exactly. The curves are locked, as those of `write_layer`.
    """
    bag = compat.ensure_bag(owner, ACTION)
    for index, control in enumerate(CONTROLS):
        path = curve_path(LAYER, control.name)
        curve = bag.fcurves.find(path, index=0)
        if curve is None:
            curve = compat.new_curve(bag, path, group_label(LAYER, control))
        curve.lock = False
        _fill(curve, first, keys[keys[:, 0] == index])
        curve.lock, curve.select = True, False


def _fill(curve: Any, first: int, keys: Track) -> None:
    points = curve.keyframe_points
    if hasattr(points, "clear"):
        points.clear()
    points.add(len(keys))
    frame, value, slope = (keys[:, column].astype(np.float64) for column in (1, 2, 3))
    before = np.diff(frame, prepend=frame[:1] - 3) / 3
    after = np.diff(frame, append=frame[-1:] + 3) / 3
    frame = frame + first

    def put(name: str, across: npt.NDArray[np.float64], up: npt.NDArray[np.float64]) -> None:
        points.foreach_set(name, np.column_stack([across, up]).astype(np.float32).ravel())

    rna = bpy.types.Keyframe.bl_rna.properties
    for name, value_ in (
        ("interpolation", rna["interpolation"].enum_items["BEZIER"].value),
        ("handle_left_type", rna["handle_left_type"].enum_items["ALIGNED"].value),
        ("handle_right_type", rna["handle_right_type"].enum_items["ALIGNED"].value),
    ):
        points.foreach_set(name, np.full(len(keys), value_, np.int32))
    for part in ("control_point", "left_handle", "right_handle"):
        points.foreach_set(f"select_{part}", np.zeros(len(keys), bool))
    put("co", frame, value)
    put("handle_left", frame - before, value - slope * before)
    put("handle_right", frame + after, value + slope * after)
    curve.update()


def count(owner: Any) -> int:
    """How many keys the auto layer has; a control that rests counts none."""
    bag = compat.find_bag(owner)
    if bag is None:
        return 0
    curves = [bag.fcurves.find(curve_path(LAYER, c.name), index=0) for c in CONTROLS]
    sizes = [len(curve.keyframe_points) for curve in curves if curve is not None]
    return sum(size for size in sizes if size > 1)
