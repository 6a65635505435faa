# SPDX-License-Identifier: GPL-3.0-or-later
"""What all faces share: how each place of the skin moves, and teeth and a tongue.

Places are texture coordinates of the avatars' common layout. The tensors are measured once
(training/data/template.py) and travel with the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .expression import AXES, BLINK_LEFT, JAW
from .layers import sample

TEXTURE = 128
UV_CENTRE, UV_HALF = (0.327, 0.29), (0.21, 0.21)  # the part of the layout that holds a face


class Slit(NamedTuple):
    """Where skin opens, in texture coordinates: its middle and half length, the row on which its
    rims touch, how far from it the rims are seen, the rows up to which it is felt, and how far from
    its middle the rims begin to be one skin and are one: where lips part in a corner of the mouth,
    one sees the lining that joins them. The rims of lids go on as they are."""

    u: float
    half: float
    row: float
    rim: float
    top: float
    bottom: float
    parting: float = 1.0
    joined: float = 2.0


MOUTH = Slit(0.327, 0.064, 0.3615, 0.0055, 0.325, 0.40, 0.036, 0.054)
EYES = (
    Slit(0.2638, 0.0215, 0.2166, 0.0024, 0.19, 0.235),  # at the image's left
    Slit(0.3902, 0.0215, 0.2166, 0.0024, 0.19, 0.235),
)
PLATE_SIZE = (96, 128)  # pixels
PLATE_HALF = (0.24, 0.18)  # half-widths of the crop from the mouth's middle to the plate's edges


class Template(nn.Module):
    """Shared displacement textures, mouth plates and the mean face; empty until loaded."""

    upper: Tensor
    lower: Tensor
    plates: Tensor
    motions: Tensor
    shape: Tensor
    turn: Tensor
    firm: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("upper", torch.zeros(3 * AXES, TEXTURE, TEXTURE))
        self.register_buffer("lower", torch.zeros(3 * AXES, TEXTURE, TEXTURE))
        self.register_buffer("plates", torch.zeros(3, 4, *PLATE_SIZE))
        self.register_buffer("motions", torch.zeros(3, AXES, 2))
        # Of the mean face: places in space, how much they turn with the head, and 1 where it has
        # a place that neither speech nor emotion moves.
        self.register_buffer("shape", torch.zeros(3, TEXTURE, TEXTURE))
        self.register_buffer("turn", torch.zeros(1, TEXTURE, TEXTURE))
        self.register_buffer("firm", torch.zeros(1, TEXTURE, TEXTURE))

    def read(self, path: Path) -> None:
        """Fill from the file that training/data/template.py writes."""
        with np.load(path) as archive:
            for name in ("upper", "lower", "plates", "motions", "shape", "turn", "firm"):
                getattr(self, name).copy_(torch.from_numpy(archive[name]))

    def axes(self, uv: Tensor, hollow: Tensor) -> tuple[Tensor, Tensor]:
        """Displacement of each pixel along each axis, in the head's own frame.

        uv [P,2,g,g] in -1..1 over the face's part of the layout; hollow [P,1,g,g] 1 where an
        eyeball or teeth are seen. Returns [P,3*AXES,g,g] twice, past the upper rims and past the
        lower ones, half-widths of the crop.
        """
        found = []
        # A rim is where the hollow begins, whatever row a blurred map reads there.
        near = (2 * F.max_pool2d(hollow, 3, 1, 1)).clamp(0, 1)
        for textures, side in ((self.upper, -1), (self.lower, 1)):
            rows = uv[:, 1:]
            for slit in (MOUTH, *EYES):
                middle = (slit.row - UV_CENTRE[1]) / UV_HALF[1]
                rim = middle + side * slit.rim / UV_HALF[1]
                top, bottom = ((v - UV_CENTRE[1]) / UV_HALF[1] for v in (slit.top, slit.bottom))
                mine = near * ((rows > top) & (rows < bottom))
                away = (uv[:, :1] - (slit.u - UV_CENTRE[0]) / UV_HALF[0]).abs() * UV_HALF[0]
                mine = mine * ((slit.joined - away) / (slit.joined - slit.parting)).clamp(0, 1)
                past = (
                    torch.maximum(rows, rows.new_tensor(rim))
                    if side < 0
                    else (torch.minimum(rows, rows.new_tensor(rim)))
                )
                rows = rows + mine * (past - rows)
            where = torch.cat([uv[:, :1], rows], 1)
            found.append(sample(textures[None].expand(uv.shape[0], -1, -1, -1), where))
        return found[0], found[1]

    def face(self, uv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """shape [P,3,g,g] (half-widths of the crop from the head joint, x right, y down, z to the
        viewer), turn and firm [P,1,g,g] of what each pixel shows."""
        all_ = torch.cat([self.shape, self.turn, self.firm])[None]
        shape, turn, firm = sample(all_.expand(uv.shape[0], -1, -1, -1), uv).split([3, 1, 1], 1)
        return shape, turn, firm

    def swept(self) -> Tensor:
        """[3]: area that a lid passes over in a full blink (eye at the image's left, at its right)
        and a lower lip at a jaw of 1, of the mean face, in squared half-widths of the crop."""
        areas = []
        for textures, axis, slit, side in (
            (self.upper, BLINK_LEFT + 1, EYES[0], -1),  # who is seen has the right at the left
            (self.upper, BLINK_LEFT, EYES[1], -1),
            (self.lower, JAW, MOUTH, 1),
        ):
            at = torch.linspace(-1, 1, 17, device=textures.device) * slit.half + slit.u
            rim = torch.full_like(at, slit.row + side * slit.rim)
            uv = torch.stack([(at - UV_CENTRE[0]) / UV_HALF[0], (rim - UV_CENTRE[1]) / UV_HALF[1]])
            down = sample(textures[None, 3 * axis + 1, None], uv[None, :, None])[0, 0, 0]
            wide = sample(self.shape[None, :1], uv[None, :, None])[0, 0, 0]
            steps = wide[1:] - wide[:-1]
            areas.append(((down[1:] + down[:-1]) / 2 * steps).sum())
        return torch.stack(areas)
