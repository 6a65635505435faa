# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a smooth motion of the picture takes each place from: Newton's method on the grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .layers import grid, sample

_FOLD = 0.3  # least determinant: what would fold over is only squeezed


def invert(places: Tensor, start: Tensor, steps: int, stride: float) -> Tensor:
    """s [B,2,g,g] with places(s) = each place of the grid, from `start` [B,2,g,g].

    places [B,2,g,g]: where each place of the grid goes, in -1..1; stride: the longest step along
    each axis, in the same unit.
    """
    g = places.shape[-1]
    here = grid(g, g, places)
    padded = F.pad(places, (1, 1, 1, 1), mode="replicate")
    per_unit = g / 4  # central differences over two pixels of 2 / g
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) * per_unit
    along = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) * per_unit
    # Motion is sampled, not places: places would be clamped at the picture's edges.
    field = torch.cat([places - here, across, along], 1)
    s = start
    for _ in range(steps):
        at = sample(field, s)
        off = s + at[:, :2] - here
        a, c, b, d = at[:, 2:].split(1, 1)
        determinant = (a * d - b * c).clamp_min(_FOLD)
        step = torch.cat([d * off[:, :1] - b * off[:, 1:], a * off[:, 1:] - c * off[:, :1]], 1)
        s = s - (step / determinant).clamp(-stride, stride)
    return s
