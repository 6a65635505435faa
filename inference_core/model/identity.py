# SPDX-License-Identifier: GPL-3.0-or-later
"""E_i: what one portrait is, read once: a code, features to warp, and its geometry."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .expression import AXES
from .layers import Residual, grid

GRID = 128
FEATURES = 24
CODE = 128


class Portrait(NamedTuple):
    """features [P,FEATURES,g,g]; code [P,CODE]; depth, turn, alpha [P,1,g,g];
    axes [P,3*AXES,g,g]; frame [P,4] (pivot x y z, 1 / camera distance). float32."""

    features: Tensor
    code: Tensor
    depth: Tensor
    turn: Tensor
    alpha: Tensor
    axes: Tensor
    frame: Tensor


class IdentityEncoder(nn.Module):
    """A U-Net from a 256 crop to a 128 grid, with a pooled code from its waist."""

    typical: Tensor
    reach: Tensor

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 192, 224)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(5, widths[0], 5, 2, 2)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.inward = nn.ModuleList(
            nn.Sequential(*(Residual(w) for _ in range(1 if i == 0 else 2)))
            for i, w in enumerate(widths)
        )
        # Normalised on the main path too: without it activations grow until the code saturates.
        self.calm = nn.ModuleList(nn.GroupNorm(8, w) for w in widths)
        up = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in up)
        self.join = nn.ModuleList(nn.Conv2d(2 * b, b, 1) for _, b in up)
        self.settle = nn.ModuleList(nn.GroupNorm(8, a) for a, _ in up)
        self.outward = nn.ModuleList(Residual(b) for _, b in up)
        self.code = nn.Sequential(
            nn.Linear(widths[-1] * 16, 256), nn.LayerNorm(256), nn.SiLU(), nn.Linear(256, CODE)
        )
        self.frame = nn.Linear(CODE, 4)
        nn.init.zeros_(self.frame.weight)
        nn.init.zeros_(self.frame.bias)
        self.features = nn.Conv2d(widths[0], FEATURES, 1)
        self.shape = nn.Conv2d(widths[0], 3, 3, 1, 1)
        self.axes = nn.Conv2d(widths[0], 3 * AXES, 1)
        nn.init.normal_(self.axes.weight, std=1e-3)
        # Where the head joint is in the canonical crop of an average person, and a 50 mm lens.
        self.register_buffer("typical", torch.tensor([0.0, 0.35, -0.15, 0.12]))
        self.register_buffer("reach", torch.tensor([0.3, 0.3, 0.3, 0.1]))

    def forward(self, portrait: Tensor) -> Portrait:
        """portrait [P,3,256,256], 0..1."""
        size = portrait.shape[-1]
        where = grid(size, size, portrait).expand(portrait.shape[0], -1, -1, -1).to(portrait.dtype)
        h = self.inward[0](self.stem(torch.cat([portrait * 2 - 1, where], 1)))
        skips = [h]
        for calm, down, block in zip(self.calm[:-1], self.down, self.inward[1:], strict=True):
            h = block(down(F.silu(calm(h))))
            skips.append(h)
        code = self.code(F.silu(F.adaptive_avg_pool2d(self.calm[-1](h), 4)).flatten(1)).float()
        for settle, up, join, block, skip in zip(
            self.settle, self.up, self.join, self.outward, skips[-2::-1], strict=True
        ):
            h = F.interpolate(up(settle(h)), scale_factor=2, mode="bilinear", align_corners=False)
            h = block(join(torch.cat([h, skip], 1)))
        h = F.silu(h)
        shape = self.shape(h).float()
        return Portrait(
            features=self.features(h).float(),
            code=code,
            depth=shape[:, 0:1],
            turn=torch.sigmoid(shape[:, 1:2]),
            alpha=torch.sigmoid(shape[:, 2:3]),
            axes=self.axes(h).float() * 0.1,
            frame=self.typical + self.reach * torch.tanh(0.3 * self.frame(code).float()),
        )
