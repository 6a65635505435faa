# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator: nudges the warp and paints what the portrait cannot show, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .composite import Layers, composite
from .editing import LATENT
from .identity import FEATURES
from .layers import ModulatedConv, grid, resize, sample

_INPUTS = FEATURES + 3 + 7  # features, layered; needed, matte, open, eye, revealed, motion


class Drawing(NamedTuple):
    """rgb [B,3,S,S] 0..1; layered [B,3,S,S] the same before painting; all [B,...,2h,2h] of the
    window, when one was looked at. needed [B,1,2h,2h]: where paint may be."""

    rgb: Tensor
    layered: Tensor
    needed: Tensor


def stretched(found: Layers) -> Tensor:
    """[B,1,g,g]: 1 where skin is drawn out to twice its height or more, as a closing lid is."""
    rows = F.pad(found.upper[:, 1:], (0, 0, 1, 1), mode="replicate")
    slope = (rows[:, :, 2:] - rows[:, :, :-2]) * (found.upper.shape[-1] / 4)
    return ((0.7 - slope) * 5).clamp(0, 1)


def unpainted(picture: Tensor, found: Layers, busy: Tensor) -> Drawing:
    """The frame as the layers alone make it; arguments as in `Generator.forward`."""
    whole = composite(picture, found)
    made = picture + (whole - picture) * busy
    return Drawing(made.clamp(0, 1), whole, torch.zeros_like(whole[:, :1]))


class Generator(nn.Module):
    """A modulated U-Net on the layered frame; its output is twice the size of its grid."""

    def __init__(self, widths: tuple[int, ...] = (40, 80, 144, 192)) -> None:
        super().__init__()
        self.enter = nn.Conv2d(_INPUTS, widths[0], 3, 1, 1)
        self.inward = nn.ModuleList(ModulatedConv(w, w, LATENT) for w in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.waist = ModulatedConv(widths[-1], widths[-1], LATENT)
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairs)
        self.join = nn.ModuleList(ModulatedConv(2 * b, b, LATENT, 1) for _, b in pairs)
        self.outward = nn.ModuleList(ModulatedConv(b, b, LATENT) for _, b in pairs)
        self.colour = nn.Conv2d(widths[0], 16, 3, 1, 1)
        # Nothing is painted at first.
        for parameter in self.colour.parameters():
            nn.init.normal_(parameter, std=1e-3)

    def forward(
        self,
        picture: Tensor,
        features: Tensor,
        found: Layers,
        latent: Tensor,
        busy: Tensor,
        window: tuple[int, int, int] | None = None,
    ) -> Drawing:
        """picture [B,3,S,S]; features [B,FEATURES,g,g]; found: the layers; latent [B,LATENT]; busy
        [B,1,1,1], 0 where nothing but the portrait's own state is asked for. window: (top, left,
        side) of the grid, when training paints a part only."""
        g = features.shape[-1]
        whole = composite(picture, found)
        small = resize(resize(whole, 2 * g), g)  # from 256 and 512 exact averages
        seen = found.seen
        revealed = found.alpha * (1 - seen.person)
        edge = 4 * seen.person * (1 - seen.person)
        needed = torch.maximum(
            torch.maximum(found.open, seen.person * (1 - seen.surely)),
            torch.maximum(torch.maximum(revealed, edge), stretched(found)) * found.moved,
        )
        needed = F.max_pool2d(needed, 3, 1, 1)
        x = torch.cat(
            [
                sample(features, found.upper) * seen.person,
                small * 2 - 1,
                needed, seen.person, found.open, found.eye, revealed,
                (found.upper - grid(g, g, seen.where)) * 4,
            ],
            1,
        )  # fmt: skip
        if window is not None:
            top, left, side = window
            x = x[:, :, top : top + side, left : left + side]
            needed = needed[:, :, top : top + side, left : left + side]
        x = F.leaky_relu(self.enter(x), 0.2)
        skips = []
        for i, block in enumerate(self.inward):
            x = block(x, latent)
            if i < len(self.down):
                skips.append(x)
                x = self.down[i](x)
        x = self.waist(x, latent)
        for up, join, block, skip in zip(
            self.up, self.join, self.outward, skips[::-1], strict=True
        ):
            x = F.interpolate(up(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = block(join(torch.cat([x, skip], 1), latent), latent)
        painted = F.pixel_shuffle(self.colour(x).float(), 2)
        part = painted.shape[-1]
        needed = resize(needed, part)
        gate = torch.sigmoid(painted[:, 3:4] + 1) * needed
        paint = torch.tanh(painted[:, :3]) * gate
        if window is not None:
            cut = (..., slice(2 * top, 2 * top + part), slice(2 * left, 2 * left + part))
            return Drawing((whole[cut] + paint).clamp(0, 1), whole[cut], needed)
        # Paint has no detail beyond its own size; everything else comes from the picture.
        made = whole + resize(paint, picture.shape[-1])
        return Drawing((picture + (made - picture) * busy).clamp(0, 1), whole, needed)
