# SPDX-License-Identifier: GPL-3.0-or-later
"""E_i: what one portrait is, read once: a code, features to warp, and its geometry."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .alignment import Alignment, align, depth_of, openings
from .expression import AXES, BLINK_LEFT
from .layers import Residual, full_precision, grid, pull_push
from .surface import Surface, SurfaceNet
from .template import EYES, MOUTH, UV_CENTRE, UV_HALF, Template

GRID = 128
FEATURES = 8
CODE = 128
_FADE = 13  # pixels of the grid over which the motion of skin fades out past the face's edge
_BLINK = (0.3, 2.5)  # times the blink of the mean face
_PRESSED = 1.3  # a lid goes past the other one, or a line of eye is left
_PUSHED = 0.07  # of the layout, beyond what a slit is felt: as far as a jaw pushes a lip, and more
_NEAR = 0.08  # of the template's half width: what belongs to an eye or to the mouth


class Portrait(NamedTuple):
    """What all frames of P portraits share, float32; g is the grid.

    features [P,FEATURES,g,g]; code [P,CODE]; depth, turn, alpha [P,1,g,g]; upper, lower
    [P,3*AXES,g,g] how skin moves along each axis, past the upper rims and past the lower ones of
    mouth and eyes, in the head's own frame; frame [P,4] (pivot x y z, 1 / camera distance); below
    [P,1,g,g] (1: skin under a mouth or an eye); inside [P,3,g,g] (1: eyeball at the image's left,
    at its right, inside of the mouth); anchors [P,3,3] (x, y, z of both eyes and of the mouth);
    fills [P,9,g,g] colours of the person past its edge, of the background behind it, of eyeballs
    past their lids; tone [P,3] light on the face, 1 = an average one; gap [P,1] how far the mouth
    stands open, in units of the jaw's axis.
    """

    features: Tensor
    code: Tensor
    depth: Tensor
    turn: Tensor
    alpha: Tensor
    upper: Tensor
    lower: Tensor
    frame: Tensor
    below: Tensor
    inside: Tensor
    anchors: Tensor
    fills: Tensor
    tone: Tensor
    gap: Tensor

    @property
    def axes(self) -> Tensor:
        """[P,3*AXES,g,g] how each pixel itself moves."""
        return self.upper + self.below * (self.lower - self.upper)


class Reading(NamedTuple):
    """What training supervises: a portrait, the map it was made from, how the head lies in it."""

    portrait: Portrait
    surface: Surface
    alignment: Alignment


def _crisp(x: Tensor) -> Tensor:
    return ((x - 0.5) * 2 + 0.5).clamp(0, 1)


def _head(turning: Tensor) -> Tensor:
    """1 on the head, 0 on the neck, from how much each pixel turns."""
    return ((turning - 0.7) * 5).clamp(0, 1)


def _smooth(x: Tensor, weight: Tensor) -> Tensor:
    """Means [P,1,g,g] over the surroundings, of what counts."""
    both = torch.cat([x * weight, weight], 1) + 1e-4 * torch.cat([x, torch.ones_like(x)], 1)
    for _ in range(2):
        both = F.avg_pool2d(both, 5, 1, 2, count_include_pad=False)
    return both[:, :1] / both[:, 1:]


def spread(colour: Tensor, weight: Tensor) -> Tensor:
    """[P,C,g,g]: averages of the nearest coloured places; weight [P,1,g,g] 0..1 says which are."""
    return pull_push(torch.cat([colour * weight, weight], 1))


class IdentityEncoder(nn.Module):
    """A U-Net from a 256 crop to a 128 grid, with a pooled code from its waist."""

    typical: Tensor
    typical_skin: Tensor
    slits: Tensor
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
        # A head turns about its joint and its neck together: about a point between them. And a
        # 50 mm lens.
        self.register_buffer("typical", torch.tensor([0.0, 0.18, -0.15, 0.12]))
        self.register_buffer("typical_skin", torch.tensor([0.62, 0.47, 0.40]))
        centres = [[slit.u, slit.row] for slit in (*EYES, MOUTH)]
        middle, half = torch.tensor(UV_CENTRE), torch.tensor(UV_HALF)
        self.register_buffer("slits", (torch.tensor(centres) - middle) / half)
        self.register_buffer("reach", torch.tensor([0.3, 0.3, 0.3, 0.1]))

    def forward(self, portrait: Tensor) -> Portrait:
        """portrait [P,3,256,256], 0..1."""
        return self.read(portrait).portrait

    def compile(self, *args: object, **kwargs: object) -> None:
        """Compiles its networks, as nn.Module.compile does; what `assemble` does with their maps is
        quick, and stays."""
        self._look = torch.compile(self._look, *args, **kwargs)  # type: ignore[method-assign, call-overload]
        self.surface.compile(*args, **kwargs)

    def code_of(self, portrait: Tensor) -> Tensor:
        """The code [P,CODE] alone."""
        code: Tensor = self.code(self.waist(portrait)).float()
        return code

    def read(self, portrait: Tensor) -> Reading:
        """portrait [P,3,256,256], 0..1."""
        h, code = self._look(portrait)
        small = F.avg_pool2d(portrait.float(), 2)
        features, shape = self.features(h).float(), self.shape(h).float()
        return self.assemble(small, features, code, shape, self.surface(portrait))

    def assemble(
        self,
        small: Tensor,
        features: Tensor,
        code: Tensor,
        shape: Tensor,
        surface: Surface,
    ) -> Reading:
        """Everything that follows from the maps of a portrait, which is small [P,3,g,g] here, in
        float32, whatever autocast is around: places are made of it.

        shape [P,3,g,g]: depth, and the logits of turn and alpha.
        """
        with full_precision(small):
            return self._assembled(small, features, code, shape, surface)

    def _assembled(
        self,
        small: Tensor,
        features: Tensor,
        code: Tensor,
        shape: Tensor,
        surface: Surface,
    ) -> Reading:
        uv, logits = surface.uv, surface.logits
        alpha = torch.sigmoid(shape[:, 2:3])
        face, inside = torch.sigmoid(logits[:, :1]), torch.sigmoid(logits[:, 2:])
        below = torch.sigmoid(logits[:, 1:2])
        gain = torch.exp(0.7 * torch.tanh(self.gain(code).float()))
        hollow = inside.amax(1, keepdim=True)
        points, turning, firm = self.template.face(uv)
        sure = _crisp(face) * alpha * (1 - hollow)
        lying = align(points, firm * sure)
        # Eyeballs and teeth count as skin here: what covers them stretches over them. A neck does
        # not: a chin moves over it.
        moving = _crisp(torch.maximum(face * _head(turning), hollow))
        # Past the face's edge its skin's motion fades out instead of tearing off.
        uv = uv * moving + spread(uv, moving) * (1 - moving)
        fading = F.avg_pool2d(F.max_pool2d(moving, _FADE, 1, _FADE // 2), _FADE, 1, _FADE // 2)
        fading = torch.maximum(moving, fading)
        opening = openings(inside, self.template.swept(), lying)
        # A blink closes the eyes that are there, however large they are.
        blinks = (_PRESSED * torch.cat([opening[:, 1:2], opening[:, :1]], 1)).clamp(*_BLINK)
        gain = torch.cat([gain[:, :BLINK_LEFT], blinks, gain[:, BLINK_LEFT + 2 :]], 1)
        gain = gain * lying.scale
        gains = gain.repeat_interleave(3, 1)[:, :, None, None] * fading
        upper, lower = (axes * gains for axes in self.template.axes(uv, hollow))
        below = self._below(uv, below) * fading
        # The mean face knows the depth of a face better than shading tells it. Hair has no fine
        # relief: what is read there is noise, and would tear in a turn.
        known = F.avg_pool2d(sure * (turning > 0.3), 3, 1, 1)
        other = alpha * (1 - known)
        depth, turn = _smooth(shape[:, 0:1], other), _smooth(torch.sigmoid(shape[:, 1:2]), other)
        depth = depth + known * (depth_of(points, lying) - depth)
        turn = turn + known * (turning - turn)
        anchors, tone = self._anchors(uv, alpha * moving, inside, depth, small)
        person = ((alpha - 0.6) * 5).clamp(0, 1)
        far = ((0.25 - F.max_pool2d(alpha, 5, 1, 2)) * 8).clamp(0, 1)
        eyeball = (inside[:, :2].sum(1, keepdim=True) * 3 - 1.5).clamp(0, 1)
        fills = [spread(small, weight) for weight in (person, far, eyeball)]
        read = Portrait(
            features=features,
            code=code,
            depth=depth,
            turn=turn,
            alpha=alpha,
            upper=upper,
            lower=lower,
            frame=torch.cat([lying.joint, torch.zeros_like(lying.joint)], 1)
            + self.typical
            + self.reach * torch.tanh(0.3 * self.frame(code).float()),
            below=below,
            inside=inside,
            anchors=anchors,
            fills=torch.cat(fills, 1),
            tone=tone,
            gap=opening[:, 2:],
        )
        return Reading(read, surface, lying)

    def waist(self, portrait: Tensor) -> Tensor:
        """What the code is made of, [P,16*widths[-1]]: means over sixteenths of the picture."""
        return self._pooled(self._inwards(portrait)[-1])

    def _pooled(self, waist: Tensor) -> Tensor:
        return F.silu(F.adaptive_avg_pool2d(self.calm[-1](waist), 4)).flatten(1)

    def _inwards(self, portrait: Tensor) -> list[Tensor]:
        """Features of every size, the smallest last."""
        size = portrait.shape[-1]
        where = grid(size, size, portrait).expand(portrait.shape[0], -1, -1, -1).to(portrait.dtype)
        h = self.inward[0](self.stem(torch.cat([portrait * 2 - 1, where], 1)))
        found = [h]
        for calm, down, block in zip(self.calm[:-1], self.down, self.inward[1:], strict=True):
            h = block(down(F.silu(calm(h))))
            found.append(h)
        return found

    def _look(self, portrait: Tensor) -> tuple[Tensor, Tensor]:
        """Features [P,w,128,128] of every place, and the code."""
        *skips, h = self._inwards(portrait)
        code = self.code(self._pooled(h)).float()
        for settle, up, join, block, skip in zip(
            self.settle, self.up, self.join, self.outward, skips[::-1], strict=True
        ):
            h = F.interpolate(up(settle(h)), scale_factor=2, mode="bilinear", align_corners=False)
            h = block(join(torch.cat([h, skip], 1)))
        return F.silu(h), code

    def _below(self, uv: Tensor, seen: Tensor) -> Tensor:
        """[P,1,g,g] 1 for skin past a lower rim: as seen near the rims, by its place farther down,
        down to where a rim may be pushed."""
        found = torch.zeros_like(seen)
        for k, slit in enumerate((*EYES, MOUTH)):
            offset = (uv - self.slits[k, :, None, None]) * uv.new_tensor(UV_HALF)[:, None, None]
            beside = (4 - 4 * offset[:, :1].abs() / (1.3 * slit.half)).clamp(0, 1)
            down = offset[:, 1:]
            near = (3 - down.abs() / (3 * slit.rim)).clamp(0, 1)
            under = torch.maximum(seen * near, (down / (3 * slit.rim) - 2).clamp(0, 1))
            reach = slit.bottom - slit.row + _PUSHED
            found = torch.maximum(found, under * beside * (5 * (1 - down / reach)).clamp(0, 1))
        return found

    def _anchors(
        self, uv: Tensor, sure: Tensor, inside: Tensor, depth: Tensor, small: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[P,3,3] places of eyes and mouth, [P,3] the light on the skin around the mouth."""
        away = (uv[:, None] - self.slits[:, :, None, None]).square().sum(2)  # [P,3,g,g]
        near = torch.exp(-away / _NEAR**2) * sure
        # An open eye is where its eyeball is; a closed one where the map says.
        weight = torch.cat([inside[:, :2] + 0.02 * near[:, :2], near[:, 2:]], 1) + 1e-6
        total = weight.sum((2, 3))[..., None]
        g = uv.shape[-1]
        place = torch.cat([grid(g, g, uv).expand(len(uv), -1, -1, -1), depth], 1)
        # Not as a product of matrices: how those add up so many terms depends on the threads.
        anchors = (weight[:, :, None] * place[:, None]).sum((3, 4)) / total
        around = torch.exp(-away[:, 2:] / (4 * _NEAR) ** 2) * sure * (1 - inside[:, 2:]) + 1e-6
        light = (small * around).sum((2, 3)) / around.sum((2, 3))
        return anchors, (light / self.typical_skin).clamp(0.2, 1.4) ** 0.8
