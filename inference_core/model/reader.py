# SPDX-License-Identifier: GPL-3.0-or-later
"""E_p and E_e: pose and emotion read off a frame, as codes and as values of the controls.

Both look through the map of the face. E_p begins with how the mean face lies in the frame; E_e sees
the face as it would lie on the mean face, unturned, and by how much each place of it is elsewhere.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..protocol.controls import CONTROLS
from .alignment import Alignment, align, openings
from .expression import EMOTIONS, EYES, VISEMES
from .layers import Residual, grid, sample
from .surface import Surface, SurfaceNet
from .template import Template

CODE = 64
SIDE = 64  # cells along each side of the unturned face
_DEGREES = 20.0
_REACH = 0.85  # of the template's part of the layout that E_e sees
_INPUTS = 3 + 2 + 3 + 1 + 2  # colour; elsewhere; eyes and mouth inside, below; where
_FACTS = 6 + 1 + 2 + 2 + 3  # rotation, scale, joint, skew, openings


def angles(rotation: Tensor) -> Tensor:
    """Degrees [B,3] yaw, pitch, roll of rotations [B,3,3] within 90 degrees of frontal; the inverse
    of geometry.rotation."""
    r = rotation
    flat = (r[:, 0, 2].square() + r[:, 2, 2].square()).sqrt().clamp_min(1e-4)
    yaw = torch.atan(r[:, 0, 2] / r[:, 2, 2].clamp_min(1e-2))
    pitch = torch.atan(-r[:, 1, 2] / flat)
    roll = torch.atan(r[:, 1, 0] / r[:, 1, 1].clamp_min(1e-2))
    return torch.stack([yaw, pitch, roll], 1) * (180 / torch.pi)


class Encoder(nn.Module):
    """Strided residual CNN on SIDE cells; returns features [B,widths[-1]*16]."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 128)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(_INPUTS, widths[0], 5, 2, 2)
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            # Normalised on the main path too: without it the signal fades to 1e-4 at the code.
            layers += [Residual(a), nn.GroupNorm(8, a), nn.SiLU(), nn.Conv2d(a, b, 3, 2, 1)]
        self.body = nn.Sequential(*layers, Residual(widths[-1]), nn.GroupNorm(8, widths[-1]))

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.body(self.stem(x))).flatten(1)


class Reader(nn.Module):
    """Two encoders and their read-outs: frames [B,3,256,256] -> controls [B,19], content [B,15]."""

    def __init__(self) -> None:
        super().__init__()
        self.surface = SurfaceNet()
        self.template = Template()
        self.pose_encoder = nn.Sequential(
            nn.Linear(_FACTS, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, CODE)
        )
        self.encoder = Encoder()
        self.emotion_encoder = nn.Sequential(
            nn.Linear(128 * 16 + _FACTS, 256), nn.SiLU(), nn.Linear(256, CODE)
        )
        self.pose = nn.Linear(CODE, 3)
        self.emotion = nn.Linear(CODE, len(EMOTIONS))
        self.eyes = nn.Linear(CODE, len(EYES))
        self.mouth = nn.Linear(CODE, 1 + len(VISEMES) - 1)
        self.classes = nn.Linear(CODE, len(EMOTIONS) + 1)  # the paper's C_m; neutral first
        nn.init.zeros_(self.pose.weight)
        nn.init.zeros_(self.pose.bias)

    def look(self, frames: Tensor) -> tuple[Surface, Alignment]:
        """The map of the face in each frame, and how the mean face lies in it."""
        surface = self.surface(frames)
        points, _, firm = self.template.face(surface.uv)
        parts = torch.sigmoid(surface.logits)
        sure = (2 * parts[:, :1] - 0.5).clamp(0, 1) * (1 - parts[:, 2:].amax(1, keepdim=True))
        return surface, align(points, firm * sure)

    def unturned(self, frames: Tensor, surface: Surface, lying: Alignment) -> Tensor:
        """[B,_INPUTS,SIDE,SIDE]: what is seen at each place of the mean face."""
        cells = grid(SIDE, SIDE, frames) * _REACH
        shape, _, _ = self.template.face(cells)
        turned = lying.rotation[:, :2] * lying.scale[:, None]
        at = torch.einsum("bij,jyx->biyx", turned, shape[0]) + lying.joint[:, :, None, None]
        parts = torch.sigmoid(surface.logits)
        maps = sample(torch.cat([surface.uv, parts[:, 2:], parts[:, 1:2]], 1), at)
        elsewhere = ((maps[:, :2] - cells) * 4).clamp(-2, 2)
        where = cells.expand(frames.shape[0], -1, -1, -1)
        return torch.cat([sample(frames, at) * 2 - 1, elsewhere, maps[:, 2:], where], 1)

    def facts(self, surface: Surface, lying: Alignment) -> Tensor:
        """[B,_FACTS]: pose, place and openings, as they follow from the map."""
        inside = torch.sigmoid(surface.logits[:, 2:])
        opening = openings(inside, self.template.swept(), lying)
        turned = lying.rotation[:, :2].flatten(1)
        return torch.cat(
            [turned, lying.scale, lying.joint, 5 * lying.skew, opening.clamp(0, 3)], 1
        ).float()

    def codes(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes of pose and emotion [B,CODE] each, and the pose [B,3] in degrees that the map alone
        says."""
        with torch.no_grad():  # the map is learned by itself
            surface, lying = self.look(frames)
            facts = self.facts(surface, lying)
            seen = self.unturned(frames, surface, lying)
        features = torch.cat([self.encoder(seen).float(), facts], 1)
        return self.pose_encoder(facts), self.emotion_encoder(features), angles(lying.rotation)

    def values(self, pose_code: Tensor, emotion_code: Tensor, start: Tensor) -> dict[str, Tensor]:
        """pose [B,3] degrees; emotion [B,7]; eyes [B,4]; mouth [B,15]: jaw, visemes; classes [B,8]
        logits, neutral first."""
        return {
            "pose": start + self.pose(pose_code) * _DEGREES,
            "emotion": self.emotion(emotion_code),
            "eyes": self.eyes(emotion_code),
            "mouth": self.mouth(emotion_code),
            "classes": self.classes(emotion_code),
        }

    def read(self, frames: Tensor) -> dict[str, Tensor]:
        """`values` of frames [B,3,256,256]."""
        return self.values(*self.codes(frames))

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
