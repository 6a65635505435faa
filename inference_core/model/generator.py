# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator: what a frame shows and the portrait never did, and nothing else.

The layers carry what the portrait shows to where it belongs. Where a turn uncovers a place, it has
to be decided whether more of the person or the background is seen there, and in which colours; lids
that close and mouths that open want a touch. That is done on a grid of half the layers' size, which
paints softer than the portrait is; so what is painted keeps to colours, and the portrait lends it
its strands, grain and brushwork: what the frame shows beside the place, mirrored about the edge.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .composite import Layers, composite, finer
from .editing import LATENT
from .identity import FEATURES
from .layers import ModulatedConv, grid, pull_push, resize, sample

_MAPS = 7  # uncovered, touched, open, density, surely, matte, eye
# Features, three colours, maps, motion, and what is mirrored: colours, how far off the edge is.
_INPUTS = FEATURES + 9 + _MAPS + 2 + 4
_OUTPUTS = (1, 1, 3, 1)  # matte, touch, colours, copied
_REACH = 0.5  # how far paint may go from the colours that are there
_EDGE = 3  # grid pixels beyond the portrait's matte that its own soft edge may lie in
_BODY = 0.05  # how much the colours of the body count beside those of the head
_THIN = 0.25  # density under which skin is stretched so far that it shows nothing but itself
_RIM = 3  # grid pixels around an eye that belong to its lids
_SEAM = 0.08  # half-widths from the edge within which a copy looks like more of the same
_GRAIN = 0.04  # of detail that is copied on painted colours: strands and grain, no brows or lips
_COARSE = 8  # pixels of twice the grid that detail is finer than
_EDGE_GAIN = 4.0  # an outline that is guessed is still an outline, and no smoke


class Drawing(NamedTuple):
    """rgb [B,3,S,S] 0..1; layered [B,3,S,S] the same before painting; matte [B,1,g,g] logits of the
    person's matte, which count where uncovered [B,1,g,g] is; needed [B,1,g,g]: where paint may be;
    copied [B,1,g,g] 0..1: how much of the person is no paint but a mirrored copy."""

    rgb: Tensor
    layered: Tensor
    matte: Tensor
    uncovered: Tensor
    needed: Tensor
    copied: Tensor


def uncovered_by(found: Layers) -> Tensor:
    """[B,1,g,g]: 1 where the person stood in the portrait and little of what it shows lands."""
    stood = F.max_pool2d(found.alpha, 2 * _EDGE + 1, 1, _EDGE)
    thick = ((found.seen.density - _THIN) / 0.15).clamp(0, 1)
    empty = ((1 - found.seen.surely * thick) * 1.5 - 0.25).clamp(0, 1)
    return F.avg_pool2d(stood * empty * found.moved, 3, 1, 1, count_include_pad=False)


def stretched(found: Layers) -> Tensor:
    """[B,1,g,g]: 1 where skin is drawn out to twice its height or more, as a closing lid is."""
    rows = F.pad(found.upper[:, 1:], (0, 0, 1, 1), mode="replicate")
    slope = (rows[:, :, 2:] - rows[:, :, :-2]) * (found.upper.shape[-1] / 4)
    return ((0.7 - slope) * 5).clamp(0, 1)


def touched_up(found: Layers) -> Tensor:
    """[B,1,g,g]: 1 on lids and eyes. Mouths are as the layers show them: teeth and what is between
    lie a little elsewhere in every mouth, and the mean of where they may be is a grey rim."""
    seen = found.seen
    near = F.max_pool2d(found.parts[:, 2:], 2 * _RIM + 1, 1, _RIM)
    lids = torch.maximum(stretched(found), sample(near, seen.where))
    return torch.maximum(found.open, lids) * found.eye * seen.surely * found.moved


class Generator(nn.Module):
    """A modulated U-Net on the layered frame, on half its grid."""

    def __init__(self, widths: tuple[int, ...] = (48, 80, 112, 160)) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4 * _INPUTS, widths[0], 3, 1, 1)
        self.inward = nn.ModuleList(ModulatedConv(w, w, LATENT) for w in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths))
        self.waist = ModulatedConv(widths[-1], widths[-1], LATENT)
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairs)
        self.join = nn.ModuleList(ModulatedConv(2 * b, b, LATENT, 1) for _, b in pairs)
        self.outward = nn.ModuleList(ModulatedConv(b, b, LATENT) for _, b in pairs)
        self.leave = nn.Conv2d(widths[0], 4 * sum(_OUTPUTS), 3, 1, 1)
        for parameter in self.leave.parameters():
            nn.init.normal_(parameter, std=1e-3)

    def forward(
        self, picture: Tensor, features: Tensor, found: Layers, latent: Tensor, busy: Tensor
    ) -> Drawing:
        """picture [B,3,S,S]; features [B,FEATURES,g,g]; found: the layers; latent [B,LATENT]; busy
        [B,1,1,1], 0 where nothing but the portrait's own state is asked for."""
        g = features.shape[-1]
        whole = composite(picture, found, busy)
        half = resize(whole, 2 * g)  # from 512 exact averages
        small = F.avg_pool2d(half, 2)
        seen = found.seen
        uncovered = uncovered_by(found)
        touched = touched_up(found) * (1 - uncovered)
        # What is seen of the person goes on into what is not: smooth, where the layers' smear would
        # repeat brows and ears. That smear is kept from the network, or it copies it.
        shown = seen.person * (1 - 2 * uncovered).clamp(0, 1)
        weight = shown * (_BODY + found.head)  # a head is uncovered beside heads, not beside cloth
        here = grid(g, g, small).expand_as(small[:, :2])
        known = torch.cat([small, here, torch.ones_like(weight)], 1)
        near, edge = pull_push(known * weight).split([3, 2], 1)
        off = (edge - here).square().sum(1, keepdim=True).sqrt()
        mirrored = sample(half, finer(2 * edge - here, 2 * g))
        # A pixel beside the outline is half of the person, who is not to be copied with the ground.
        ground = (1 - seen.person) * (1 - 1.5 * uncovered).clamp(0, 1)
        behind = self._behind(small, known, found.behind, ground)
        x = torch.cat(
            [
                sample(features, found.upper) * shown,
                (small + uncovered * (near - small)) * 2 - 1, near * 2 - 1, found.behind * 2 - 1,
                uncovered, touched, found.open, seen.density, seen.surely, found.alpha, found.eye,
                (found.upper - grid(g, g, seen.where)) * 4,
                uncovered * (F.avg_pool2d(mirrored, 2) * 2 - 1), uncovered * off * 4,
            ],
            1,
        )  # fmt: skip
        matte, touch, colour, copied = self._paint(x, latent).split(_OUTPUTS, 1)
        colour = _REACH * torch.tanh(colour)
        copied = torch.sigmoid(copied + (1 - off / _SEAM) * 3)
        person = torch.sigmoid(matte)
        light = touched * torch.sigmoid(touch - 1) * colour
        tinted = behind + (1 - person) * colour
        maps = torch.cat([matte, busy * uncovered, copied, busy * light, near + colour, tinted], 1)
        maps = resize(maps, 2 * g)  # put together at twice the grid, as the layers are
        share = (0.5 + _EDGE_GAIN / 2 * torch.tanh(maps[:, :1] / 2)).clamp(0, 1)
        bare, copy, light, paint, behind = maps[:, 1:].split([1, 1, 3, 3, 3], 1)
        detail = mirrored - resize(F.avg_pool2d(mirrored, _COARSE), 2 * g)
        paint = paint + _GRAIN * torch.tanh(detail / _GRAIN)
        paint = paint + copy * (mirrored - paint)
        paint = behind + share * (paint - behind)
        both = resize(torch.cat([1 - bare, bare * paint + light], 1), picture.shape[-1])
        drawn = (whole * both[:, :1] + both[:, 1:]).clamp(0, 1)
        return Drawing(drawn, whole, matte, uncovered, torch.maximum(uncovered, touched), copied)

    def _behind(self, small: Tensor, known: Tensor, fill: Tensor, ground: Tensor) -> Tensor:
        """[B,3,g,g]: the background, mirrored about the edge of what is seen of it, ground
        [B,1,g,g], and farther off the portrait's fill [B,3,g,g]."""
        here = known[:, 3:5]
        edge = pull_push(known[:, 3:] * ground)
        near = torch.exp(-(edge - here).square().sum(1, keepdim=True) / _SEAM**2)
        return fill + near * (sample(small, 2 * edge - here) - fill)

    def _paint(self, x: Tensor, latent: Tensor) -> Tensor:
        """x [B,_INPUTS,g,g] -> [B,sum(_OUTPUTS),g,g]."""
        x = F.leaky_relu(self.enter(F.pixel_unshuffle(x, 2)), 0.2)
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
        return F.pixel_shuffle(self.leave(x).float(), 2)
