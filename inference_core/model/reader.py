# SPDX-License-Identifier: GPL-3.0-or-later
"""E_p and E_e: pose and emotion read off a frame, as codes and as values of the controls."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..protocol.controls import CONTROLS
from .expression import EMOTIONS, EYES, VISEMES
from .layers import Residual, grid

CODE = 64
_DEGREES = 20.0


class Encoder(nn.Module):
    """Strided residual CNN on a 128 picture; returns a code [B,CODE]."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 128, 160)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(5, widths[0], 5, 2, 2)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            # Normalised on the main path too: without it the signal fades to 1e-4 at the code.
            layers += [Residual(a), nn.GroupNorm(8, a), nn.SiLU(), nn.Conv2d(a, b, 3, 2, 1)]
        self.body = nn.Sequential(*layers, Residual(widths[-1]), nn.GroupNorm(8, widths[-1]))
        self.code = nn.Sequential(
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(widths[-1] * 16, 256),
            nn.SiLU(),
            nn.Linear(256, CODE),
        )

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-1]
        where = grid(size, size, x).expand(x.shape[0], -1, -1, -1).to(x.dtype)
        return self.code(self.body(self.stem(torch.cat([x * 2 - 1, where], 1))))


class Reader(nn.Module):
    """Two encoders and their read-outs: frames [B,3,256,256] -> controls [B,19], content [B,15]."""

    def __init__(self) -> None:
        super().__init__()
        self.pose_encoder = Encoder()
        self.emotion_encoder = Encoder()
        self.pose = nn.Linear(CODE, 3)
        self.emotion = nn.Linear(CODE, len(EMOTIONS))
        self.eyes = nn.Linear(CODE, len(EYES))
        self.mouth = nn.Linear(CODE, 1 + len(VISEMES) - 1)

    def read(self, frames: Tensor) -> dict[str, Tensor]:
        """pose [B,3] degrees; emotion [B,7]; eyes [B,4]; mouth [B,15]: jaw, visemes."""
        small = F.avg_pool2d(frames, 2)
        # Eyes and lips are small: the emotion encoder sees the middle of the crop, twice as large.
        quarter = frames.shape[-1] // 4
        close = frames[:, :, quarter : 3 * quarter, quarter : 3 * quarter]
        pose_code = self.pose_encoder(small).float()
        emotion_code = self.emotion_encoder(close).float()
        return {
            "pose": self.pose(pose_code) * _DEGREES,
            "emotion": self.emotion(emotion_code),
            "eyes": self.eyes(emotion_code),
            "mouth": self.mouth(emotion_code),
        }

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.read(frames)
        columns = {
            "yaw": seen["pose"][:, 0],
            "pitch": seen["pose"][:, 1],
            "roll": seen["pose"][:, 2],
        }
        columns |= {name: seen["emotion"][:, i].clamp(0, 1) for i, name in enumerate(EMOTIONS)}
        for i, name in enumerate(EYES):
            columns[name] = seen["eyes"][:, i].clamp(0 if "blink" in name else -1, 1)
        columns["jaw"] = seen["mouth"][:, 0].clamp(0, 1)
        controls = torch.stack(
            [
                columns.get(c.name, torch.full_like(columns["yaw"], c.default)).clamp(
                    c.minimum, c.maximum
                )
                for c in CONTROLS
            ],
            1,
        )
        speech = seen["mouth"][:, 1:].clamp(0, 1)
        speech = speech / speech.sum(1, keepdim=True).clamp_min(1)
        return controls, torch.cat([1 - speech.sum(1, keepdim=True), speech], 1)
