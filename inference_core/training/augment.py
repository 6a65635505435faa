# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes renders look like photographs, prints and paintings: the bridge to real portraits.

A portrait and its targets get the same treatment, because a frame must keep the portrait's look.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def _uniform(shape: tuple[int, ...], low: float, high: float, rng: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=rng)


def _chance(count: int, probability: float, rng: torch.Generator) -> Tensor:
    return (torch.rand(count, generator=rng) < probability).float()[:, None, None, None, None]


def grade(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Colour: contrast, gamma, white balance, saturation, black and white, sepia.

    pictures [G,N,3,h,w] 0..1; one treatment per group. Pointwise, so targets stay exact.
    """
    g = pictures.shape[0]
    one = (g, 1, 1, 1, 1)
    x = pictures
    x = x.clamp(0, 1) ** torch.exp(torch.randn(one, generator=rng) * 0.25)
    x = (x - 0.5) * _uniform(one, 0.7, 1.25, rng) + 0.5 + _uniform(one, -0.12, 0.12, rng)
    x = x * (1 + 0.1 * torch.randn((g, 1, 3, 1, 1), generator=rng))
    grey = x.mean(2, keepdim=True)
    saturation = _uniform(one, 0.3, 1.4, rng) * (1 - _chance(g, 0.08, rng))
    x = grey + (x - grey) * saturation
    sepia = torch.tensor([1.12, 1.0, 0.78]).view(1, 1, 3, 1, 1)
    old = _chance(g, 0.12, rng)
    x = x * (1 - old) + (0.35 * x + 0.65 * grey) * sepia * old
    return x.clamp(0, 1)


def degrade(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """What is done to inputs only: blur, strokes, canvas, film grain, blocky compression.

    pictures [B,3,h,w] 0..1 (h a multiple of 8).
    """
    x = pictures.clone()
    for treat, probability in (
        (_soften, 0.25), (_paint, 0.12), (_oil, 0.10), (_posterise, 0.08),
        (_grain, 0.5), (_canvas, 0.12), (_block, 0.12),
    ):  # fmt: skip
        rows = torch.rand(len(x), generator=rng) < probability
        if bool(rows.any()):
            x[rows] = treat(x[rows], rng)
    return x.clamp(0, 1)


def shade_eyes(pictures: Tensor, eyes: Tensor, rng: torch.Generator) -> Tensor:
    """Eyes as painters and dim rooms show them, their white no brighter than the skin: in three
    pictures of ten eyeballs go towards a darker mean of what is around them.

    pictures [B,3,h,w] 0..1; eyes [B,h/2,w/2], 1 on eyeballs.
    """
    b, _, h, w = pictures.shape
    rows = torch.rand(b, generator=rng) < 0.3
    amount = _uniform((b, 1, 1, 1), 0.3, 0.85, rng) * rows.float()[:, None, None, None]
    dark = _uniform((b, 1, 1, 1), 0.45, 1.0, rng)
    around = F.interpolate(F.avg_pool2d(pictures, 16), size=(h, w), mode="bilinear")
    where = F.interpolate(eyes[:, None], size=(h, w), mode="bilinear")
    return pictures + amount * where * (dark * around - pictures)


def _soften(x: Tensor, rng: torch.Generator) -> Tensor:
    return F.interpolate(F.avg_pool2d(x, 2), size=x.shape[-2:], mode="bilinear")


def _paint(x: Tensor, rng: torch.Generator) -> Tensor:
    """Flattens detail as strokes do: the middle between an opening and a closing."""
    opened = F.max_pool2d(-F.max_pool2d(-x, 3, 1, 1), 3, 1, 1)
    closed = -F.max_pool2d(-F.max_pool2d(x, 3, 1, 1), 3, 1, 1)
    return 0.5 * (opened + closed)


def _oil(x: Tensor, rng: torch.Generator) -> Tensor:
    """Oil paint: every pixel takes the mean of the calmest of four squares that touch it
    (Kuwahara et al. 1976), squares of 3 or 5 pixels."""
    side = 3 if float(torch.rand((), generator=rng)) < 0.5 else 5
    grey = x.mean(1, keepdim=True)
    padded = F.pad(torch.cat([x, grey.square()], 1), [side - 1] * 4, mode="replicate")
    means = F.avg_pool2d(padded, side, 1)
    spread = means[:, 3:] - means[:, :3].mean(1, keepdim=True).square()
    h, w = x.shape[-2:]
    corners = [(0, 0), (0, side - 1), (side - 1, 0), (side - 1, side - 1)]
    cut = [(..., slice(t, t + h), slice(left, left + w)) for t, left in corners]
    calmest = torch.stack([spread[c] for c in cut]).argmin(0, keepdim=True)
    colours = torch.stack([means[:, :3][c] for c in cut])
    return colours.gather(0, calmest.expand(-1, -1, 3, -1, -1))[0]


def _posterise(x: Tensor, rng: torch.Generator) -> Tensor:
    levels = _uniform((len(x), 1, 1, 1), 8, 40, rng)
    return (x * levels).round() / levels


def _grain(x: Tensor, rng: torch.Generator) -> Tensor:
    noise = torch.randn(len(x), 1, *x.shape[-2:], generator=rng)
    return x + noise * _uniform((len(x), 1, 1, 1), 0, 0.06, rng)


def _canvas(x: Tensor, rng: torch.Generator) -> Tensor:
    h, w = x.shape[-2:]
    weave = torch.randn(len(x), 1, h // 2, w // 2, generator=rng)
    return x * (1 + 0.05 * F.interpolate(weave, size=(h, w), mode="bilinear"))


def _block(x: Tensor, rng: torch.Generator) -> Tensor:
    flat = F.interpolate(F.avg_pool2d(x, 8), scale_factor=8, mode="nearest")
    return flat + (x - flat) * 0.75


def occlude(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Flat patches over a few inputs, so that one covered part does not fool the rest."""
    b, _, h, w = pictures.shape
    x = pictures.clone()
    for i in range(b):
        if torch.rand((), generator=rng) < 0.15:
            size = torch.randint(h // 10, h // 3, (2,), generator=rng)
            top = int(torch.randint(0, h - int(size[0]), (), generator=rng))
            left = int(torch.randint(0, w - int(size[1]), (), generator=rng))
            colour = torch.rand(3, 1, 1, generator=rng)
            x[i, :, top : top + int(size[0]), left : left + int(size[1])] = colour
    return x
