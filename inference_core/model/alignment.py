# SPDX-License-Identifier: GPL-3.0-or-later
"""How the mean face lies in a portrait: the pose and scale under which its places fall on the map.

A map that says what place of the face each pixel shows is thousands of correspondences between
points in space and in the picture. A scaled orthographic camera through all of them is a linear
least-squares problem (Horaud et al. 1997, section 2, without the iterations).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .layers import grid

_PRIOR = 4.0  # pixels of the grid that speak for a frontal face where the map sees none


class Alignment(NamedTuple):
    """rotation [P,3,3] of the head in the picture's frame (x right, y down, z to the viewer), scale
    [P,1] (1: the canonical crop of an average person), joint [P,2] where the head joint is; skew
    [P,2]: by how much the affine fit was no rotation (log of its axes' ratio, their cosine)."""

    rotation: Tensor
    scale: Tensor
    joint: Tensor
    skew: Tensor


def solve(a: Tensor, b: Tensor) -> Tensor:
    """x [P,n,k] with a x = b for positive definite a [P,n,n]; elimination by hand, for export."""
    rows = [torch.cat([a[:, i], b[:, i]], 1) for i in range(a.shape[1])]
    n = len(rows)
    for i in range(n):
        rows[i] = rows[i] / rows[i][:, i : i + 1]
        for j in range(n):
            if j != i:
                rows[j] = rows[j] - rows[j][:, i : i + 1] * rows[i]
    return torch.stack([row[:, n:] for row in rows], 1)


def _unit(x: Tensor) -> Tensor:
    return x / x.square().sum(1, keepdim=True).sqrt().clamp_min(1e-6)


def align(points: Tensor, weight: Tensor) -> Alignment:
    """points [P,3,g,g]: the mean face's place in space that each pixel shows, half-widths of the
    crop from the head joint; weight [P,1,g,g]: how much a pixel counts."""
    g = points.shape[-1]
    count = points.shape[0]
    x = torch.cat([points, torch.ones_like(weight)], 1).flatten(2)
    y = grid(g, g, points).expand(count, -1, -1, -1).flatten(2)
    weighted = (x * weight.flatten(2)).transpose(1, 2)
    prior = _PRIOR * points.new_tensor([0.05, 0.05, 0.05, 1.0])
    start = points.new_tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.2]])
    a = torch.bmm(x, weighted) + torch.diag(prior)
    b = torch.bmm(y, weighted) + start * prior
    camera = solve(a, b.transpose(1, 2)).transpose(1, 2)  # [P,2,4]
    across, along = camera[:, 0, :3], camera[:, 1, :3]
    wide = across.square().sum(1, keepdim=True).sqrt().clamp_min(1e-3)
    high = along.square().sum(1, keepdim=True).sqrt().clamp_min(1e-3)
    across, along = across / wide, along / high
    # The nearest pair of perpendicular directions, which turns both by the same angle.
    sum_, difference = _unit(across + along), _unit(across - along)
    right, down = (sum_ + difference) / 2**0.5, (sum_ - difference) / 2**0.5
    toward = torch.stack(
        [
            right[:, 1] * down[:, 2] - right[:, 2] * down[:, 1],
            right[:, 2] * down[:, 0] - right[:, 0] * down[:, 2],
            right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0],
        ],
        1,
    )
    skew = torch.cat([(wide / high).log(), (across * along).sum(1, keepdim=True)], 1)
    scale = (wide * high).sqrt()
    return Alignment(torch.stack([right, down, toward], 1), scale, camera[:, :, 3], skew)


def depth_of(points: Tensor, found: Alignment) -> Tensor:
    """[P,1,g,g]: depth of those points in the picture, 0 at the head joint."""
    toward = found.rotation[:, 2] * found.scale
    return (points * toward[:, :, None, None]).sum(1, keepdim=True)


def openings(inside: Tensor, swept: Tensor, found: Alignment) -> Tensor:
    """[P,3]: how far eyes and mouth stand open, in blinks and in jaws of the mean face.

    inside [P,3,g,g]: eyeballs and the inside of the mouth; swept [3]: Template.swept.
    """
    pixel = (2 / inside.shape[-1]) ** 2
    facing = found.rotation[:, 2, 2:].clamp_min(0.4) * found.scale.square()
    return inside.sum((2, 3)) * pixel / (facing * swept).clamp_min(1e-3)
