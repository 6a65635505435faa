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
from torch import Tensor, nn

from .expression import AXES
from .layers import sample

TEXTURE = 128
UV_CENTRE, UV_HALF = (0.327, 0.29), (0.21, 0.21)  # the part of the layout that holds a face


class Slit(NamedTuple):
    """Where skin opens, in texture coordinates: its middle and half length, the row on which its
    rims touch, how far from it the rims are seen, and the rows up to which it is felt."""

    u: float
    half: float
    row: float
    rim: float
    top: float
    bottom: float


MOUTH = Slit(0.327, 0.064, 0.3615, 0.0055, 0.325, 0.40)
EYES = (
    Slit(0.2638, 0.0215, 0.2166, 0.0024, 0.19, 0.235),  # at the image's left
    Slit(0.3902, 0.0215, 0.2166, 0.0024, 0.19, 0.235),
)
PLATE_SIZE = (96, 128)  # pixels
PLATE_HALF = (0.24, 0.18)  # half-widths of the crop from the mouth's middle to the plate's edges


class Template(nn.Module):
    """Shared displacement textures and mouth plates; empty until loaded."""

    upper: Tensor
    lower: Tensor
    plates: Tensor
    motions: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("upper", torch.zeros(3 * AXES, TEXTURE, TEXTURE))
        self.register_buffer("lower", torch.zeros(3 * AXES, TEXTURE, TEXTURE))
        self.register_buffer("plates", torch.zeros(3, 4, *PLATE_SIZE))
        self.register_buffer("motions", torch.zeros(3, AXES, 2))

    def read(self, path: Path) -> None:
        """Fill from the file that training/data/template.py writes."""
        with np.load(path) as archive:
            for name in ("upper", "lower", "plates", "motions"):
                getattr(self, name).copy_(torch.from_numpy(archive[name]))

    def axes(self, uv: Tensor, below: Tensor) -> Tensor:
        """Displacement of each pixel along each axis, in the head's own frame.

        uv [P,2,g,g] in -1..1 over the face's part of the layout; below [P,1,g,g] 1 for what moves
        with the lower lip. Returns [P,3*AXES,g,g], half-widths of the crop.
        """
        count = uv.shape[0]
        # One lookup serves both textures.
        both = torch.cat([self.upper, self.lower])[None].expand(count, -1, -1, -1)
        found = sample(both, uv)
        upper, lower = found.chunk(2, 1)
        return upper + below * (lower - upper)
