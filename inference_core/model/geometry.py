# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometric prior: where each point of the portrait goes when the curves say so.

Every pixel of the portrait is a point (x, y from its place, z read off the picture) that belongs
to the head by a weight and can move along the expression axes. Turning the head is then a rotation
and speaking a sum, both exact, and the network never has to learn what a degree is.
Lengths are half-widths of the crop, x right, y down, z towards the viewer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .inversion import invert
from .layers import grid, pull_push, sample

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
    axes: Tensor | None,
    frame: Tensor,
    change: Tensor | None,
    own_pose: Tensor,
    pose: Tensor,
    plane: Tensor,
) -> Tensor:
    """Where the portraits' points are in each frame.

    depth, turn [P,1,g,g]; axes [P,3*AXES,g,g] in the head's frame; frame [P,4] of P portraits;
    change [B,AXES] expression minus the portrait's own (without axes and change: as a rigid head
    moves); own_pose and pose [B,3] degrees; plane [B,3] shift_x, shift_y, zoom; the frames of one
    portrait stand together, B a multiple of P. Returns [B,3,g,g] (x, y, z).
    """
    g = depth.shape[-1]
    portraits, batch = depth.shape[0], pose.shape[0]
    each = batch // portraits

    def per_frame(x: Tensor) -> Tensor:
        if portraits == 1:  # no copy, and the only case that is exported
            return x.expand(batch, *x.shape[1:])
        return x.repeat_interleave(each, 0)

    pivot, near = frame[:, :3, None], frame[:, 3:4, None]
    z = depth.flatten(2)
    flat = grid(g, g, depth).flatten(2) * (1 - near * z)  # undo a pinhole at distance 1 / near
    start = torch.cat([flat, z], 1)
    own = rotation(own_pose)
    x = per_frame(start)
    if axes is not None and change is not None:
        offsets = torch.bmm(
            change.view(portraits, each, -1), axes.reshape(portraits, -1, 3 * g * g)
        ).view(batch, 3, g * g)
        x = x + torch.bmm(own, offsets)
    pivot, near, weight = per_frame(pivot), per_frame(near), per_frame(turn.flatten(2))
    # Rotations are absolute, so only the turn from the portrait's own pose moves anything.
    relative = rotation(pose) @ own.transpose(1, 2)
    centred = x - pivot
    x = x + weight * (torch.bmm(relative, centred) - centred)
    shift = torch.stack([plane[:, 0], -plane[:, 1], torch.zeros_like(plane[:, 0])], 1)
    x = x + weight * ((plane[:, 2:3, None] - 1) * (x - pivot) + FACE_BOX * shift[:, :, None])
    projected = x[:, :2] / (1 - near * x[:, 2:3]).clamp_min(0.3)
    return torch.cat([projected, x[:, 2:3]], 1).view(batch, 3, g, g)


_SHARP = 30.0  # the nearer of two points wins by exp(this * difference of depth)
_FAR = 6.0  # gaps are filled from the farther neighbours, which are what a turn uncovers
_TRACE = 0.04  # a smaller share of a point is dropped, or nearer points would bleed over their edge
_GAP = 0.2  # splatted weight under which a place counts as uncovered
_STEPS, _NEARBY = 3, 0.1  # of the search for what is seen, and how far from where it landed
_MISSED = 1.2  # pixels of the grid by which a place that is seen is missed at most


_ACROSS = 0.14  # of the picture: a hole in the person at most this far from its rims is filled


def _enclosed(matte: Tensor) -> Tensor:
    """[B,1,g,g]: the least of the greatest values found to the left, right, above and below.

    What a nose uncovers on its far side is surrounded by the person; background is open to one
    side.
    """
    reach = int(_ACROSS * matte.shape[-1])
    ways = []
    for pad, kernel in (
        ((reach, 0, 0, 0), (1, reach + 1)),
        ((0, reach, 0, 0), (1, reach + 1)),
        ((0, 0, reach, 0), (reach + 1, 1)),
        ((0, 0, 0, reach), (reach + 1, 1)),
    ):
        ways.append(F.max_pool2d(F.pad(matte, pad), kernel, 1))
    return torch.stack(ways).amin(0)


class Seen(NamedTuple):
    """where [B,2,g,g] (-1..1: what place of the portrait is seen here); surely [B,1,g,g] (0: none
    of the person's points land here); density [B,1,g,g] how many do, 1 where nothing is stretched;
    person [B,1,g,g] a guess at the whole matte, with what they uncover."""

    where: Tensor
    surely: Tensor
    density: Tensor
    person: Tensor


def backward_map(points: Tensor, alpha: Tensor) -> Seen:
    """Softmax splatting (Niklaus and Liu 2020) of source places, so that frames can be sampled.

    points [B,3,g,g] (x, y, z of each place of the portrait), moved as a rigid head moves; alpha
    [B,1,g,g] the person's matte.
    """
    b, _, g, _ = points.shape
    z = points[:, 2:3].clamp(-1, 1).flatten(2)
    mine = ((alpha - 0.35) / 0.3).clamp(0, 1).flatten(2)
    here = grid(g, g, points)
    # How far to look back, rather than where: that goes on smoothly past the last point.
    back = (here - points[:, :2]).flatten(2)
    near = torch.exp(_SHARP * (z - 1)) * mine  # at least e-60: far from underflow
    far = torch.exp(-_FAR * (z + 1)) * mine
    one = torch.ones_like(z)
    places = torch.cat([back, one], 1)
    payload = torch.cat([places * near, places * far, mine], 1)  # [B,7,g*g]
    channels = payload.shape[1]
    pixel = (points[:, :2].flatten(2) + 1) * (g / 2) - 0.5
    base = pixel.floor()
    fraction = pixel - base
    total = torch.zeros(b, channels, g * g, device=points.device)
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = base[:, 0:1] + dx, base[:, 1:2] + dy
            wx = fraction[:, 0:1] if dx else 1 - fraction[:, 0:1]
            wy = fraction[:, 1:2] if dy else 1 - fraction[:, 1:2]
            inside = (x >= 0) & (x < g) & (y >= 0) & (y < g)
            weight = (wx * wy - _TRACE).clamp_min(0) * inside
            index = (y.clamp(0, g - 1) * g + x.clamp(0, g - 1)).long().expand(-1, channels, -1)
            total = total.scatter_add(2, index, payload * weight)
    total = total.view(b, channels, g, g)
    # What landed around says which surface is seen, in stretched skin too; where exactly it is seen
    # follows from its motion. A place that this does not bring home is seen by nobody.
    # Rows, then columns: the same mean of 5 x 5 for less than half the sums.
    landed = torch.cat([total[:, :3], total[:, 6:]], 1)
    around = F.avg_pool2d(F.avg_pool2d(landed, (1, 5), 1, (0, 2)), (5, 1), 1, (2, 0))
    first = here + around[:, :2] / around[:, 2:3].clamp_min(1e-32)
    refined = invert(points[:, :2], first, _STEPS, _NEARBY)
    missed = refined + sample(points[:, :2] - here, refined) - here
    off = missed.square().sum(1, keepdim=True).sqrt() * (g / 2)  # pixels
    surely = ((_MISSED - off) / 0.5).clamp(0, 1) * (around[:, 3:] / _GAP).clamp(0, 1)
    fill = pull_push(total[:, 3:6])
    where = here + (refined - here) * surely + fill * (1 - surely)
    # The sum of neighbours closes the pinholes that stretching leaves, and softens the edge.
    person = ((F.avg_pool2d(total[:, 6:7], 3, 1, 1) - 0.2) / 0.45).clamp(0, 1)
    person = torch.maximum(person, _enclosed(person))
    # What a turn uncovers where the person stood is more of the person, seldom background.
    person = torch.maximum(person, ((alpha - 0.5) * 4).clamp(0, 1))
    return Seen(where, surely, around[:, 3:], person)
