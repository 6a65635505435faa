# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pixel of a portrait is a picture of: a place on the template's face, and which part."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Residual, grid

PARTS = 5  # face (skin of the face), below, eyeball at the image's left, at its right, mouth inside


BINS, REACH = 28, 1.4  # cells along each axis of the layout's part, from -REACH to REACH


class Surface(NamedTuple):
    """uv [P,2,g,g] in -1..1 of the template's part of the layout; logits [P,PARTS,g,g]; bins
    [P,2*BINS,g/2,g/2] the scores that uv is the mean of."""

    uv: Tensor
    logits: Tensor
    bins: Tensor


def cells(like: Tensor) -> Tensor:
    """Middles [BINS] of the cells."""
    return (torch.arange(BINS, device=like.device) + 0.5) * (2 * REACH / BINS) - REACH


class SurfaceNet(nn.Module):
    """A U-Net from a 256 crop to a 64 grid, where it says for each place which cells of the layout
    it sees. Choosing cells is learned in a tenth of the steps that a plain regression takes.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 160)) -> None:
        super().__init__()
        # Lids are two or three pixels of the crop: it is looked at in full.
        self.enter = nn.Conv2d(5, widths[0], 10, 4, 4)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.inward = nn.ModuleList(nn.Sequential(*(Residual(w) for _ in range(2))) for w in widths)
        # Normalised on the main path: without it the signal of deep levels fades.
        self.calm = nn.ModuleList(nn.GroupNorm(8, w) for w in widths)
        up = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in up)
        self.join = nn.ModuleList(nn.Conv2d(2 * b, b, 1) for _, b in up)
        self.outward = nn.ModuleList(Residual(b) for _, b in up)
        self.settle = nn.ModuleList(nn.GroupNorm(8, b) for _, b in up)
        self.place = nn.Conv2d(widths[0], 2 * BINS, 3, 1, 1)
        self.parts = nn.Conv2d(widths[0], 4 * PARTS, 3, 1, 1)

    def forward(self, portrait: Tensor) -> Surface:
        """portrait [P,3,2g,2g], 0..1; the maps are [P,...,g,g]."""
        size = portrait.shape[-1]
        here = grid(size, size, portrait).expand(portrait.shape[0], -1, -1, -1)
        h = self.inward[0](self.enter(torch.cat([portrait * 2 - 1, here.to(portrait.dtype)], 1)))
        skips = []
        for calm, down, block in zip(self.calm[:-1], self.down, self.inward[1:], strict=True):
            h = calm(h)
            skips.append(h)
            h = block(down(F.silu(h)))
        h = self.calm[-1](h)
        for up, join, block, settle, skip in zip(
            self.up, self.join, self.outward, self.settle, skips[::-1], strict=True
        ):
            h = F.interpolate(up(F.silu(h)), scale_factor=2, mode="bilinear", align_corners=False)
            h = settle(block(join(torch.cat([h, skip], 1))))
        h = F.silu(h)
        bins = 2 * self.place(h).float()
        middle = cells(bins)[:, None, None]
        uv = torch.cat(
            [(torch.softmax(b, 1) * middle).sum(1, keepdim=True) for b in bins.chunk(2, 1)], 1
        )
        uv = F.interpolate(uv, scale_factor=2, mode="bilinear", align_corners=False)
        # Rims must be sharp: parts have a value of their own for each pixel of the grid.
        return Surface(uv, F.pixel_shuffle(2 * self.parts(h).float(), 2), bins)
