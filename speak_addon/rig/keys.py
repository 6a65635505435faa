# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves of a voice as keys of a mesh's shape keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np

from .. import compat
from ..bezier import fill

GROUP = "Speech"


def write(
    owner: Any,
    first: int,
    shapes: Mapping[str, tuple[Sequence[Sequence[float]], float]],
    new_action: bool,
) -> int:
    """Key shape keys of the mesh `owner`; returns the number of keys.

    shapes: per shape key its keys, rows of frame from `first` on, value and slope per frame, and a
    gain. Values are held to the slider's range. F-curves of other shapes are not touched.
    """
    data = owner.data.shape_keys
    if new_action:
        animation = data.animation_data_create()
        animation.action = bpy.data.actions.new(f"{owner.name} Speech")
    bag = compat.ensure_bag(data, f"{owner.name} Speech")
    total = 0
    for name, (rows, gain) in shapes.items():
        block = data.key_blocks[name]
        path = f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'
        curve = bag.fcurves.find(path, index=0) or compat.new_curve(bag, path, GROUP)
        table = np.array(rows, np.float64).reshape(-1, 3)
        table[:, 1:] *= gain
        held = np.clip(table[:, 1], block.slider_min, block.slider_max)
        table[held != table[:, 1], 2] = 0
        table[:, 1] = held
        fill(curve, first, table)
        total += len(table)
    return total
