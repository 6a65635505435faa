# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells painted windows from true ones, and the losses of either side."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALES = 2
R1_EVERY = 16  # steps between gradient penalties (lazy regularisation, Karras et al. 2020)
_R1 = 2.0


class Judge(nn.Module):
    """One scale: patches of 34 pixels, with the features of every depth."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96)) -> None:
        super().__init__()
        sides = list(zip((4, *widths[:-1]), widths, strict=True))
        self.steps = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in sides)
        self.last = nn.Conv2d(widths[-1], 1, 3, 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """x [B,4,h,w] -> features of each depth, the scores [B,1,h/8,w/8] last."""
        found = []
        for step in self.steps:
            x = F.leaky_relu(step(x), 0.2)
            found.append(x)
        return [*found, self.last(x)]


class Discriminator(nn.Module):
    """Judges at several scales of a window [B,3,h,w] and the mask [B,1,h,w] of what was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.judges = nn.ModuleList(Judge() for _ in range(SCALES))

    def forward(self, window: Tensor, mask: Tensor) -> list[list[Tensor]]:
        x = torch.cat([window * 2 - 1, mask], 1)
        found = []
        for judge in self.judges:
            found.append(judge(x))
            x = F.avg_pool2d(x, 2)
        return found


def believed(found: list[list[Tensor]]) -> Tensor:
    """The generator's side of the non-saturating loss (Goodfellow et al. 2014)."""
    return torch.stack([F.softplus(-scale[-1]).mean() for scale in found]).mean()


def told_apart(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """The discriminator's side."""
    pairs = zip(real, made, strict=True)
    return torch.stack(
        [F.softplus(-r[-1]).mean() + F.softplus(m[-1]).mean() for r, m in pairs]
    ).mean()


def perceived(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """L1 between the features of the discriminator (Wang et al. 2018, feature matching): a
    perceptual loss without anybody else's weights."""
    return torch.stack(
        [
            F.l1_loss(m, r.detach())
            for real_scale, made_scale in zip(real, made, strict=True)
            for r, m in zip(real_scale[:-1], made_scale[:-1], strict=True)
        ]
    ).mean()


def gradient_penalty(judge: Discriminator, window: Tensor, mask: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018) on true windows, scaled for being taken now and then."""
    window = window.detach().requires_grad_()
    # Not judge(...): that may be compiled, and has no second derivative then.
    scores = torch.stack([scale[-1].sum() for scale in judge.forward(window, mask)]).sum()
    (gradient,) = torch.autograd.grad(scores, window, create_graph=True)
    return R1_EVERY * _R1 / 2 * gradient.square().sum((1, 2, 3)).mean() / window[0].numel()
