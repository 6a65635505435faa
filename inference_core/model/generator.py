# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator: samples the portrait where the geometry says, and paints what it cannot know."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .editing import LATENT
from .identity import FEATURES
from .layers import ModulatedConv, grid, resize, sample

_INPUTS = FEATURES + 12 + 4  # warped features, warped RGB unshuffled by 2, cover, matte, motion


_WORTH_PAINTING = 0.012  # half-widths of the crop: what expression must move to open the painter


class Drawing(NamedTuple):
    """rgb [B,3,S,S] 0..1; painted [B,3,2g,2g] and keep [B,1,2g,2g]: what was invented, and how much
    of the warped portrait is kept; warped [B,3,2g,2g]."""

    rgb: Tensor
    painted: Tensor
    keep: Tensor
    warped: Tensor


class Generator(nn.Module):
    """A modulated U-Net on the warped portrait; its output is twice the size of its grid."""

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
        self.flow = nn.Conv2d(widths[0], 2, 3, 1, 1)
        self.paint = nn.Conv2d(widths[0], 16, 3, 1, 1)
        nn.init.zeros_(self.flow.weight)
        if self.flow.bias is not None:
            nn.init.zeros_(self.flow.bias)

    def forward(
        self,
        portrait: Tensor,
        features: Tensor,
        alpha: Tensor,
        where: Tensor,
        cover: Tensor,
        latent: Tensor,
        effort: Tensor,
        busy: Tensor,
        window: tuple[int, int] = (0, 0),
    ) -> Drawing:
        """portrait [B|1,3,S,S]; features, alpha on the portrait's grid [B|1,.,g,g]; where [B,2,h,h]
        and cover [B,1,h,h] from the geometry; latent [B,LATENT]; busy [B,1,1,1], 0 where nothing
        but the portrait's own state is asked for. window: (top, left) of where and cover in the
        grid, when training looks at a part only."""
        batch, h, g = where.shape[0], where.shape[2], features.shape[-1]
        width = portrait.shape[-1]

        def expand(x: Tensor) -> Tensor:
            return x.expand(batch, -1, -1, -1)

        def finer(motion: Tensor, whole: int, part: int) -> Tensor:
            """Places at `whole` pixels across the crop, of which `part` are asked for.

            Motion, not places, is interpolated: places would shrink at the borders.
            """
            top, left = window[0] * part // h, window[1] * part // h
            place = grid(whole, whole, motion)
            if part != whole:
                place = place[:, :, top : top + part, left : left + part]
            return place + resize(motion, part)

        motion = where - finer(torch.zeros_like(where), g, h)
        small = resize(portrait, 2 * g)  # from 512 this is the exact average of 2x2
        rough = sample(expand(small), finer(motion, 2 * g, 2 * h))
        matte = sample(expand(alpha), where)
        feature = sample(expand(features), where)
        x = torch.cat([feature, F.pixel_unshuffle(rough, 2) * 2 - 1, cover, matte, motion], 1)
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
        nudge = torch.tanh(self.flow(x).float()) * 0.06 * busy
        painted = F.pixel_shuffle(self.paint(x).float(), 2)
        # Where the portrait is seen and only turned, its own pixels are always better than paint.
        moved = sample(effort, where) / _WORTH_PAINTING
        needed = (1 - cover + moved + 4 * matte * (1 - matte)).clamp(0, 1) * busy
        keep = 1 - torch.sigmoid(painted[:, 3:4] - 2) * resize(needed, 2 * h)
        # The invented colour is a change of the warped one: easy where they nearly agree.
        colour = (rough + painted[:, :3]).clamp(0, 1)
        part = width if h == g else width * h // g
        warped = sample(expand(portrait), finer(motion + nudge, width, part))
        mask, paint = resize(keep, part), resize(colour, part)
        return Drawing(warped * mask + paint * (1 - mask), colour, keep, warped)
