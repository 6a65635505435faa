# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks that the networks share."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def grid(height: int, width: int, like: Tensor) -> Tensor:
    """Pixel centres [1,2,h,w] in -1..1 (x right, y down), as grid_sample counts them."""
    ys = (torch.arange(height, device=like.device, dtype=torch.float32) + 0.5) * (2 / height) - 1
    xs = (torch.arange(width, device=like.device, dtype=torch.float32) + 0.5) * (2 / width) - 1
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([x, y])[None]


def full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Within it what is computed on the device of `like` keeps its own precision, whatever autocast
    is around: bfloat16 rounds a place in -1..1 by up to a quarter of a pixel of a 256 crop."""
    kind = like.device.type
    return (
        torch.autocast(kind, enabled=False)
        if torch.amp.is_autocast_available(kind)
        else nullcontext()
    )


def sample(image: Tensor, where: Tensor) -> Tensor:
    """image [B,C,H,W] read at where [B,2,h,w] (-1..1); float32, edges repeated.

    Places are held to the outermost pixel centres instead of asking for the padding "border", which
    says the same: on a CPU, ONNX Runtime has a fast way for "zeros" alone.
    """
    where = where.float()
    h, w = image.shape[-2:]
    if h == w:
        where = where.clamp(1 / w - 1, 1 - 1 / w)
    else:
        x, y = where.split(1, 1)
        where = torch.cat([x.clamp(1 / w - 1, 1 - 1 / w), y.clamp(1 / h - 1, 1 - 1 / h)], 1)
    return F.grid_sample(
        image.float(),
        where.permute(0, 2, 3, 1),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )


def resize(x: Tensor, size: int) -> Tensor:
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)


def pull_push(weighted: Tensor) -> Tensor:
    """[B,C+1,g,g] (w times values, w) -> [B,C,g,g]: averages, from coarser levels where w is small
    (Gortler et al. 1996, section 3.3.3)."""
    w = weighted[:, -1:]
    values = weighted[:, :-1] / w.clamp_min(1e-12)
    if weighted.shape[-1] <= 4:
        return values
    coarse = pull_push(F.avg_pool2d(weighted, 2))
    up = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    trust = w / (w + 1e-4)
    return trust * values + (1 - trust) * up


class Residual(nn.Module):
    """Two 3x3 convolutions around a skip; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(F.silu(self.norm(x)))
        return x + self.second(F.silu(h))


class ModulatedConv(nn.Module):
    """StyleGAN2's modulated convolution (Karras et al. 2020, section 2.2) and a shift.

    Scale in, one dense convolution for the whole batch, scale out: the same function as per-sample
    weights, several times faster on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, latent: int, kernel: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        )
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = nn.Linear(latent, inputs)
        self.shift = nn.Linear(latent, outputs)
        nn.init.normal_(self.scale.weight, std=0.5 / latent**0.5)
        nn.init.ones_(self.scale.bias)
        nn.init.normal_(self.shift.weight, std=0.3 / latent**0.5)
        nn.init.zeros_(self.shift.bias)
        self.padding = kernel // 2

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.scale(w)
        demodulate = torch.rsqrt(style.square() @ self.weight.square().sum((2, 3)).t() + 1e-6)
        h = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.padding)
        h = h * demodulate[:, :, None, None] + (self.bias + self.shift(w))[:, :, None, None]
        return F.leaky_relu(h, 0.2)
