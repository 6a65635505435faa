# SPDX-License-Identifier: GPL-3.0-or-later
"""E_i: what one portrait is, read once: a code, features to warp, and its geometry."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .expression import AXES
from .layers import Residual, grid, pull_push
from .surface import Surface, SurfaceNet
from .template import EYES, MOUTH, UV_CENTRE, UV_HALF, Template

GRID = 128
FEATURES = 8
CODE = 128
_NEAR = 0.08  # of the template's half width: what belongs to an eye or to the mouth


class Portrait(NamedTuple):
    """What all frames of P portraits share, float32; g is the grid.

    features [P,FEATURES,g,g]; code [P,CODE]; depth, turn, alpha [P,1,g,g]; axes [P,3*AXES,g,g] in
    the head's own frame; frame [P,4] (pivot x y z, 1 / camera distance); below [P,1,g,g] (1: skin
    under a mouth or an eye); inside [P,3,g,g] (1: eyeball at the image's left, at its right, inside
    of the mouth); anchors [P,3,3] (x, y, z of both eyes and of the mouth); fills [P,9,g,g] colours
    of the person past its edge, of the background behind it, of eyeballs past their lids; tone
    [P,3] light on the face, 1 = an average one.
    """

    features: Tensor
    code: Tensor
    depth: Tensor
    turn: Tensor
    alpha: Tensor
    axes: Tensor
    frame: Tensor
    below: Tensor
    inside: Tensor
    anchors: Tensor
    fills: Tensor
    tone: Tensor


class Reading(NamedTuple):
    """What training supervises: a portrait and the map it was made from."""

    portrait: Portrait
    surface: Surface


def _crisp(x: Tensor) -> Tensor:
    return ((x - 0.5) * 2 + 0.5).clamp(0, 1)


def spread(colour: Tensor, weight: Tensor) -> Tensor:
    """[P,C,g,g]: averages of the nearest coloured places; weight [P,1,g,g] 0..1 says which are."""
    return pull_push(torch.cat([colour * weight, weight], 1))


class IdentityEncoder(nn.Module):
    """A U-Net from a 256 crop to a 128 grid, with a pooled code from its waist."""

    typical: Tensor
    typical_skin: Tensor
    slits: Tensor
    slit_reach: Tensor
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
        self.surface = SurfaceNet()
        # How strongly this face moves along each axis; all faces move alike at first.
        self.gain = nn.Linear(CODE, AXES)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.gain.bias)
        self.template = Template()
        # Where the head joint is in the canonical crop of an average person, and a 50 mm lens.
        self.register_buffer("typical", torch.tensor([0.0, 0.35, -0.15, 0.12]))
        self.register_buffer("typical_skin", torch.tensor([0.62, 0.47, 0.40]))
        centres = [[slit.u, slit.row] for slit in (*EYES, MOUTH)]
        middle, half = torch.tensor(UV_CENTRE), torch.tensor(UV_HALF)
        self.register_buffer("slits", (torch.tensor(centres) - middle) / half)
        reach = [[1.3 * slit.half, 0.8 * (slit.bottom - slit.top)] for slit in (*EYES, MOUTH)]
        self.register_buffer("slit_reach", torch.tensor(reach) / half)
        self.register_buffer("reach", torch.tensor([0.3, 0.3, 0.3, 0.1]))

    def forward(self, portrait: Tensor) -> Portrait:
        """portrait [P,3,256,256], 0..1."""
        return self.read(portrait).portrait

    def read(self, portrait: Tensor) -> Reading:
        """portrait [P,3,256,256], 0..1."""
        h, code = self._look(portrait)
        small = F.avg_pool2d(portrait.float(), 2)
        features, shape = self.features(h).float(), self.shape(h).float()
        return self.assemble(small, features, code, shape, self.surface(small))

    def assemble(
        self,
        small: Tensor,
        features: Tensor,
        code: Tensor,
        shape: Tensor,
        surface: Surface,
    ) -> Reading:
        """Everything that follows from the maps of a portrait, which is small [P,3,g,g] here.

        shape [P,3,g,g]: depth, and the logits of turn and alpha.
        """
        uv, logits = surface.uv, surface.logits
        depth, alpha = shape[:, 0:1], torch.sigmoid(shape[:, 2:3])
        face, inside = torch.sigmoid(logits[:, :1]), torch.sigmoid(logits[:, 2:])
        below = torch.sigmoid(logits[:, 1:2])
        gain = torch.exp(0.7 * torch.tanh(self.gain(code).float()))
        # Eyeballs and teeth count as skin here: what covers them stretches over them.
        moving = _crisp(torch.maximum(face, inside.amax(1, keepdim=True)))
        gains = gain.repeat_interleave(3, 1)[:, :, None, None]
        axes = self.template.axes(uv, below) * (gains * moving)
        below = below * moving * self._at_slits(uv)
        anchors, tone = self._anchors(uv, alpha, inside, depth, small)
        person = ((alpha - 0.6) * 5).clamp(0, 1)
        far = ((0.25 - F.max_pool2d(alpha, 5, 1, 2)) * 8).clamp(0, 1)
        eyeball = (inside[:, :2].sum(1, keepdim=True) * 3 - 1.5).clamp(0, 1)
        fills = [spread(small, weight) for weight in (person, far, eyeball)]
        read = Portrait(
            features=features,
            code=code,
            depth=depth,
            turn=torch.sigmoid(shape[:, 1:2]),
            alpha=alpha,
            axes=axes,
            frame=self.typical + self.reach * torch.tanh(0.3 * self.frame(code).float()),
            below=below,
            inside=inside,
            anchors=anchors,
            fills=torch.cat(fills, 1),
            tone=tone,
        )
        return Reading(read, surface)

    def _look(self, portrait: Tensor) -> tuple[Tensor, Tensor]:
        """Features [P,w,128,128] of every place, and the code."""
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
        return F.silu(h), code

    def _at_slits(self, uv: Tensor) -> Tensor:
        """[P,1,g,g] 1 around eyes and mouth, where skin can part."""
        away = (uv[:, None] - self.slits[:, :, None, None]).abs()
        across = away / self.slit_reach[:, :, None, None]
        return (4 - 4 * across.amax(2)).clamp(0, 1).amax(1, keepdim=True)

    def _anchors(
        self, uv: Tensor, alpha: Tensor, inside: Tensor, depth: Tensor, small: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[P,3,3] places of eyes and mouth, [P,3] the light on the skin around the mouth."""
        away = (uv[:, None] - self.slits[:, :, None, None]).square().sum(2)  # [P,3,g,g]
        near = torch.exp(-away / _NEAR**2) * alpha
        # An open eye is where its eyeball is; a closed one where the map says.
        weight = torch.cat([inside[:, :2] + 0.02 * near[:, :2], near[:, 2:]], 1) + 1e-6
        total = weight.sum((2, 3))[..., None]
        g = uv.shape[-1]
        place = torch.cat([grid(g, g, uv).expand(len(uv), -1, -1, -1), depth], 1)
        anchors = torch.einsum("pkyx,pcyx->pkc", weight, place) / total
        around = torch.exp(-away[:, 2:] / (4 * _NEAR) ** 2) * alpha * (1 - inside[:, 2:]) + 1e-6
        light = (small * around).sum((2, 3)) / around.sum((2, 3))
        return anchors, (light / self.typical_skin).clamp(0.2, 1.4) ** 0.8
