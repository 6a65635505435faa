# SPDX-License-Identifier: GPL-3.0-or-later
"""How a face moves within its own picture: expression as two smooth maps, one past each rim.

Skin above the lips (and lids) and skin below them each move smoothly; only the choice between the
two is sharp. So each is inverted by itself, and where neither has skin one sees into the mouth or
onto an eyeball. Rims stay as sharp as the portrait shows them, however far skin is stretched.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .geometry import rotation
from .inversion import invert
from .layers import grid

STEPS = 3  # of Newton's method; lids, which move farthest for their size, need them
_STRIDE = 0.12  # half-widths of the crop, the longest step


class Moved(NamedTuple):
    """Where in the portrait each place of the moved face was, [B,2,g,g] in -1..1: read past the
    upper rims and past the lower ones."""

    upper: Tensor
    lower: Tensor


def in_plane(own_pose: Tensor, pose: Tensor) -> Tensor:
    """[B,2,3]: from a displacement in the head's frame to one in the portrait's picture, that shows
    as the displacement itself would in the frame with `pose` [B,3]. Patches count as facing where
    the head faces."""
    own, asked = rotation(own_pose), rotation(pose)
    tilt = own[:, :2, :2]
    a, b, c, d = asked[:, 0, 0], asked[:, 0, 1], asked[:, 1, 0], asked[:, 1, 1]
    determinant = (a * d - b * c).clamp_min(0.1)
    # The depth of a displacement shows in a turned head as a shift of its place.
    x, y = asked[:, 0, 2], asked[:, 1, 2]
    depth = torch.stack([d * x - b * y, a * y - c * x], 1) / determinant[:, None]
    return torch.cat([tilt, torch.bmm(tilt, depth[..., None])], 2)


def displacements(axes: Tensor, change: Tensor, plane: Tensor, growth: Tensor) -> Tensor:
    """[B,2,g,g] of one portrait or of B: axes [P,3*AXES,g,g] in the head's frame, change [B,AXES],
    plane [B,2,3] as of `in_plane`, growth [P,1,g,g]: what perspective makes of a unit there."""
    portraits, g = axes.shape[0], axes.shape[-1]
    batch = change.shape[0]
    each = batch // portraits
    offsets = torch.bmm(
        change.view(portraits, each, -1), axes.reshape(portraits, -1, 3 * g * g)
    ).view(batch, 3, g * g)
    flat = torch.bmm(plane, offsets).view(portraits, each, 2, g, g) * growth[:, None]
    return flat.view(batch, 2, g, g)


def inverse(moved: Tensor) -> Tensor:
    """s [B,2,g,g] with s + moved(s) = each place of the grid; moved [B,2,g,g] half-widths."""
    here = grid(moved.shape[-1], moved.shape[-1], moved)
    return invert(here + moved, here.expand_as(moved), STEPS, _STRIDE)
