# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys with slopes as Blender's Bezier keys, in bulk."""

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.floating[Any]]


def fill(curve: Any, first: int, keys: Table) -> None:
    """Replace the keys of an F-curve by `keys` [k, 3]: frame from `first` on, value, slope.

    The slope is per frame. A segment is a cubic whose handles lie a third of the way to the
    neighbouring key, which is how Blender plays a cubic in time exactly.
    """
    points = curve.keyframe_points
    if hasattr(points, "clear"):
        points.clear()
    points.add(len(keys))
    frame, value, slope = keys.astype(np.float64).T
    before = np.diff(frame, prepend=frame[:1] - 3) / 3
    after = np.diff(frame, append=frame[-1:] + 3) / 3
    frame = frame + first

    def put(name: str, across: Table, up: Table) -> None:
        points.foreach_set(name, np.column_stack([across, up]).astype(np.float32).ravel())

    rna = bpy.types.Keyframe.bl_rna.properties
    for name, item in (
        ("interpolation", "BEZIER"),
        ("handle_left_type", "ALIGNED"),
        ("handle_right_type", "ALIGNED"),
    ):
        number = rna[name].enum_items[item].value
        points.foreach_set(name, np.full(len(keys), number, np.int32))
    for part in ("control_point", "left_handle", "right_handle"):
        points.foreach_set(f"select_{part}", np.zeros(len(keys), bool))
    put("co", frame, value)
    put("handle_left", frame - before, value - slope * before)
    put("handle_right", frame + after, value + slope * after)
    curve.update()
