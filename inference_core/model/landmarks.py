# SPDX-License-Identifier: GPL-3.0-or-later
"""Six points of a face in a loose square around it, and whether there is a face at all."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .layers import Residual, grid

HEAT = 32  # cells across a heat map
POINTS = 6  # eyes, nose tip, mouth corners, chin; image left first


class LandmarkNet(nn.Module):
    """image [B,3,128,128] -> points [B,6,2] in -1..1 (x right, y down), confidence [B] 0..1.

    Points are the means of heat maps, so that a shifted picture shifts them exactly.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 5, 2, 2)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.GroupNorm(8, w) for w in widths)
        self.blocks = nn.ModuleList(nn.Sequential(Residual(w), Residual(w)) for w in widths)
        self.lift = nn.Conv2d(widths[3], widths[2], 1)
        self.lift2 = nn.Conv2d(widths[2], widths[1], 1)
        self.mix, self.mix2 = Residual(widths[2]), Residual(widths[1])
        self.sharpen = nn.GroupNorm(8, widths[1])
        self.heat = nn.Conv2d(widths[1], POINTS, 3, 1, 1)
        self.face = nn.Sequential(
            nn.SiLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear(widths[3] * 16, 64), nn.SiLU(), nn.Linear(64, 1),
        )  # fmt: skip

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        points, logit, _ = self.score(image)
        return points, torch.sigmoid(logit)

    def score(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """points [B,6,2], the logit [B] of there being a face, heat maps [B,6,32*32] as logits."""
        h = self.blocks[0](self.stem(image * 2 - 1))
        levels = [h]
        for norm, down, block in zip(self.norms[:-1], self.down, self.blocks[1:], strict=True):
            h = block(down(nn.functional.silu(norm(h))))
            levels.append(h)
        h = self.norms[-1](h)
        logit = self.face(h).float()[:, 0]
        up = nn.functional.interpolate
        h = self.mix(up(self.lift(h), scale_factor=2, mode="nearest") + levels[2])
        h = self.mix2(up(self.lift2(h), scale_factor=2, mode="nearest") + levels[1])
        heat = 4 * self.heat(nn.functional.silu(self.sharpen(h))).float().flatten(2)
        where = grid(HEAT, HEAT, heat).flatten(2)
        return torch.softmax(heat, 2) @ where.transpose(1, 2), logit, heat
