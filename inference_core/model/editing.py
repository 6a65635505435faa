# SPDX-License-Identifier: GPL-3.0-or-later
"""The editing module: speech, emotion, pose and identity fused into one latent per frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .expression import AXES
from .identity import CODE

LATENT = 192
_DEGREES = 20.0  # inputs near unit variance, or the latent never leaves its start


class EditingModule(nn.Module):
    """Fully connected blocks; identity enters each by AdaIN (the paper, 3.2.2).

    Departure from the paper: the expression axes also reach the geometry directly, so the latent
    adds a correction (how this face mixes speech and emotion) instead of carrying everything.
    """

    def __init__(self, hidden: int = 256, blocks: int = 3) -> None:
        super().__init__()
        inputs = 2 * AXES + 6
        self.enter = nn.Linear(inputs, hidden)
        self.blocks = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(blocks))
        self.style = nn.ModuleList(nn.Linear(CODE, 2 * hidden) for _ in range(blocks))
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.leave = nn.Sequential(nn.Linear(hidden, LATENT), nn.LayerNorm(LATENT))
        self.correction = nn.Linear(LATENT, AXES)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(
        self, asked: Tensor, own: Tensor, pose: Tensor, own_pose: Tensor, code: Tensor
    ) -> tuple[Tensor, Tensor]:
        """asked, own [B,AXES]; pose, own_pose [B,3] degrees; code [B,CODE].

        Returns the latent [B,LATENT] and the change of expression to draw [B,AXES], which is zero
        where the portrait's own expression is asked for.
        """
        change = asked - own
        turned = (pose - own_pose) / _DEGREES
        h = self.enter(torch.cat([asked, change, pose / _DEGREES, turned], 1))
        for block, style in zip(self.blocks, self.style, strict=True):
            gain, bias = style(code).chunk(2, 1)
            h = h + torch.nn.functional.silu(block(self.norm(h) * (1 + gain) + bias))
        latent = self.leave(h)
        busy = 1 - torch.exp(-change.square().sum(1, keepdim=True) * 4)
        return latent, change + 0.1 * busy * torch.tanh(self.correction(latent))
