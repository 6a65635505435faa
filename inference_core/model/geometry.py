# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometric prior: where each point of the portrait goes when the curves say so.

Every pixel of the portrait is a point (x, y from its place, z read off the picture) that belongs
to the head by a weight and can move along the expression axes. Turning the head is then a rotation
and speaking a sum, both exact, and the network never has to learn what a degree is.
Lengths are half-widths of the crop, x right, y down, z towards the viewer.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .layers import grid

FACE_BOX = 0.8  # half-widths of the crop in one face box: the unit of shift_x and shift_y


def rotation(degrees: Tensor) -> Tensor:
    """[B,3] yaw, pitch, roll -> [B,3,3] acting on (x right, y down, z towards the viewer)."""
    yaw, pitch, roll = (degrees * (math.pi / 180)).unbind(1)
    cy, sy, cp, sp, cr, sr = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin(), roll.cos(), roll.sin()
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*rows: Tensor) -> Tensor:
        return torch.stack(rows, 1).view(-1, 3, 3)

    about_y = matrix(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_x = matrix(one, zero, zero, zero, cp, -sp, zero, sp, cp)
    about_z = matrix(cr, -sr, zero, sr, cr, zero, zero, zero, one)
    return about_y @ about_x @ about_z


def forward_points(
    depth: Tensor,
    turn: Tensor,
    axes: Tensor,
    frame: Tensor,
    change: Tensor,
    own_pose: Tensor,
    pose: Tensor,
    plane: Tensor,
) -> Tensor:
    """Where the portraits' points are in each frame.

    depth, turn [P,1,g,g]; axes [P,3*AXES,g,g]; frame [P,4] (pivot x y z, 1 / camera distance) of P
    portraits; change [B,AXES] expression minus the portrait's own; own_pose and pose [B,3] degrees;
    plane [B,3] shift_x, shift_y, zoom; the frames of one portrait stand together, B a multiple of
    P. Returns [B,3,g,g] (x, y, z).
    """
    g = depth.shape[-1]
    portraits, batch = depth.shape[0], change.shape[0]
    each = batch // portraits

    def per_frame(x: Tensor) -> Tensor:
        if portraits == 1:  # no copy, and the only case that is exported
            return x.expand(batch, *x.shape[1:])
        return x.repeat_interleave(each, 0)

    pivot, near = frame[:, :3, None], frame[:, 3:4, None]
    z = depth.flatten(2)
    flat = grid(g, g, depth).flatten(2) * (1 - near * z)  # undo a pinhole at distance 1 / near
    start = torch.cat([flat, z], 1)
    offsets = torch.bmm(
        change.view(portraits, each, -1), axes.reshape(portraits, -1, 3 * g * g)
    ).view(batch, 3, g * g)
    x = per_frame(start) + offsets
    pivot, near, weight = per_frame(pivot), per_frame(near), per_frame(turn.flatten(2))
    # Rotations are absolute, so only the turn from the portrait's own pose moves anything.
    relative = rotation(pose) @ rotation(own_pose).transpose(1, 2)
    centred = x - pivot
    x = x + weight * (torch.bmm(relative, centred) - centred)
    shift = torch.stack([plane[:, 0], -plane[:, 1], torch.zeros_like(plane[:, 0])], 1)
    x = x + weight * ((plane[:, 2:3, None] - 1) * (x - pivot) + FACE_BOX * shift[:, :, None])
    projected = x[:, :2] / (1 - near * x[:, 2:3]).clamp_min(0.3)
    return torch.cat([projected, x[:, 2:3]], 1).view(batch, 3, g, g)


def expression_effort(axes: Tensor, change: Tensor) -> Tensor:
    """How far expression moves each point of the portraits: [B,1,g,g] half-widths of the crop.

    axes [P,3*AXES,g,g], change [B,AXES]; the frames of one portrait stand together.
    """
    portraits, g = axes.shape[0], axes.shape[-1]
    batch = change.shape[0]
    offsets = torch.bmm(
        change.view(portraits, batch // portraits, -1), axes.reshape(portraits, -1, 3 * g * g)
    )
    return (offsets.view(batch, 3, g, g).square().sum(1, keepdim=True) + 1e-12).sqrt()


_SHARP = 30.0  # the nearer of two points wins by exp(this * difference of depth)
_FAR = 6.0  # gaps are filled from the farther neighbours, which are what a turn uncovers
_TRACE = 0.04  # a smaller share of a point is dropped, or nearer points would bleed over their edge
_GAP = 0.2  # splatted weight under which a place counts as uncovered


def backward_map(points: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax splatting (Niklaus and Liu 2020) of source places, so that frames can be sampled.

    points [B,3,g,g] (x, y, z of each place of the portrait), alpha [B,1,g,g] the person's matte.
    Returns where [B,2,g,g] (-1..1: what place of the portrait is seen here) and cover [B,1,g,g]
    (0: nothing of the portrait lands here, 1: surely seen). Gaps are filled from coarser levels.
    """
    b, _, g, _ = points.shape
    z = (points[:, 2:3] * alpha - (1 - alpha)).clamp(-1, 1).flatten(2)
    here = grid(g, g, points).flatten(2).expand(b, -1, -1)
    value = torch.cat([here, torch.ones_like(here[:, :1])], 1)
    near = torch.exp(_SHARP * (z - 1))  # at least e-60: far from underflow
    far = torch.exp(-_FAR * (z + 1))
    payload = torch.cat([value * near, value * far, torch.ones_like(z)], 1)  # [B,7,g*g]

    pixel = (points[:, :2].flatten(2) + 1) * (g / 2) - 0.5
    base = pixel.floor()
    fraction = pixel - base
    total = torch.zeros(b, 7, g * g, device=points.device)
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = base[:, 0:1] + dx, base[:, 1:2] + dy
            wx = fraction[:, 0:1] if dx else 1 - fraction[:, 0:1]
            wy = fraction[:, 1:2] if dy else 1 - fraction[:, 1:2]
            inside = (x >= 0) & (x < g) & (y >= 0) & (y < g)
            weight = (wx * wy - _TRACE).clamp_min(0) * inside
            index = (y.clamp(0, g - 1) * g + x.clamp(0, g - 1)).long().expand(-1, 7, -1)
            total = total.scatter_add(2, index, payload * weight)
    total = total.view(b, 7, g, g)
    seen, behind, count = total[:, :3], total[:, 3:6], total[:, 6:7]
    first = seen[:, :2] / seen[:, 2:3].clamp_min(1e-32)
    cover = (count / _GAP).clamp(0, 1)
    fill = _pull_push(behind)
    return first * cover + fill * (1 - cover), cover


def _pull_push(weighted: Tensor) -> Tensor:
    """[B,3,g,g] (w x, w y, w) -> [B,2,g,g]: averages, from coarser levels where w is small."""
    if weighted.shape[-1] <= 4:
        return weighted[:, :2] / weighted[:, 2:3].clamp_min(1e-12)
    coarse = _pull_push(F.avg_pool2d(weighted, 2))
    up = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    w = weighted[:, 2:3]
    trust = w / (w + 1e-4)
    return trust * weighted[:, :2] / w.clamp_min(1e-12) + (1 - trust) * up
