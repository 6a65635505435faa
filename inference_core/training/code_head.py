# SPDX-License-Identifier: GPL-3.0-or-later
"""E_i's last layers, and what reads its code: what of SPEAK takes part in IRFD.

The trunk of E_i gives the geometry, too, and stays as the stages before it made it. The layers that
make the code of it are taught to say who somebody is, and not how they look just now; what reads
the code is taught to go on saying what it said.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.speak import Speak

_HELD = 20.0  # weight of what must not change
_FRAME = 0.3  # as much of a reading of the camera counts: identity.py scales it so


class CodeHead(nn.Module):
    """Copies of `identity.code`, `identity.gain`, `identity.frame` and the editing module."""

    def __init__(self) -> None:
        super().__init__()
        speak = Speak()
        self.code = speak.identity.code
        self.gain = speak.identity.gain
        self.frame = speak.identity.frame
        self.editing = speak.editing

    def take(self, speak: Speak) -> None:
        """Start from a model's layers."""
        for mine, theirs in self._pairs(speak):
            mine.load_state_dict(theirs.state_dict())

    def give(self, speak: Speak) -> None:
        """Put these layers into a model."""
        for mine, theirs in self._pairs(speak):
            theirs.load_state_dict(mine.state_dict())

    def of(self, waist: Tensor) -> Tensor:
        """[P,CODE] from `IdentityEncoder.waist`."""
        code: Tensor = self.code(waist).float()
        return code

    def changed(
        self, speak: Speak, code: Tensor, old: Tensor, states: tuple[Tensor, ...]
    ) -> Tensor:
        """How differently these layers drive the face from speak's own, 0 for a copy.

        code, old [P,CODE]: of these layers and of speak's; states: asked, own, pose, own_pose of P
        frames, as the editing module takes them.
        """
        with torch.no_grad():
            gain, frame = speak.identity.gain(old), speak.identity.frame(old)
            latent, change = speak.editing(*states, old)
        found_latent, found_change = self.editing(*states, code)
        wrong = F.mse_loss(torch.tanh(self.gain(code)), torch.tanh(gain))
        wrong = wrong + F.mse_loss(
            torch.tanh(_FRAME * self.frame(code)), torch.tanh(_FRAME * frame)
        )
        wrong = wrong + F.mse_loss(found_change, change) + 0.1 * F.mse_loss(found_latent, latent)
        return _HELD * wrong

    def _pairs(self, speak: Speak) -> list[tuple[nn.Module, nn.Module]]:
        identity = speak.identity
        return [
            (self.code, identity.code),
            (self.gain, identity.gain),
            (self.frame, identity.frame),
            (self.editing, speak.editing),
        ]


def spread_within(codes: Tensor, people: Tensor) -> float:
    """Variance of codes [N,CODE] of one person over the variance of all; people [N] their names."""
    middle = torch.stack([codes[people == p].mean(0) for p in people])
    return float((codes - middle).square().sum() / (codes - codes.mean(0)).square().sum())


def nearest_is_own(codes: Tensor, people: Tensor) -> float:
    """Share of pictures whose nearest other code is of the same person."""
    away = torch.cdist(codes, codes) + torch.eye(len(codes)) * 1e9
    return float((people[away.argmin(1)] == people).float().mean())
