# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the aligner's landmark network on the same rendered groups.

python -m inference_core.training.train_landmarks --data FOLDER --out FOLDER [--minutes 10]

Writes log.csv, evaluation.txt, last.safetensors, from which it resumes, and best.safetensors: the
weights with the least loss on people never trained on.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.landmarks import HEAT, LandmarkNet
from ..model.layers import grid
from .augment import degrade, grade, occlude
from .data.dataset import Batch
from .loop import Loop
from .precision import autocast, processor

SIDE = 128
# The detector's box has the eyes at 0.38 of its height and the mouth at 0.77 (measured on faces of
# all kinds), and is 0.6 of the network's square.
_TYPICAL = 4.25  # side of the square over the distance from eyes to mouth
_DROP = 0.31  # its centre: this far from the eyes towards the mouth
_BLOB = 1.2  # cells: the spread of a point's blob


@dataclass(frozen=True)
class Config:
    seed: int = 0
    batch: int = 8  # groups per step, of which every drawn picture is seen
    total_steps: int = 100000  # the learning rate falls to its floor here, or when time is up
    rate: float = 3e-3
    average: float = 0.995
    sample_every: int = 200
    threads: int = 2


def crops(
    pictures: Tensor, points: Tensor, rng: torch.Generator, empty: float = 0.2
) -> tuple[Tensor, Tensor, Tensor]:
    """Squares around faces as a detector would place them, some of them beside any face.

    pictures [B,3,s,s], points [B,6,2] in -1..1 -> images [B,3,128,128], points [B,6,2] in -1..1 of
    the square, face [B] 1 or 0.
    """
    b = len(pictures)
    eyes, mouth = points[:, :2].mean(1), points[:, 3:5].mean(1)
    down = mouth - eyes
    distance = down.norm(dim=1, keepdim=True)
    half = distance * _TYPICAL / 2 * torch.exp(torch.randn(b, 1, generator=rng) * 0.2)
    centre = eyes + _DROP * down + torch.randn(b, 2, generator=rng) * 0.12 * half
    turn = torch.randn(b, generator=rng) * math.radians(14)
    face = (torch.rand(b, generator=rng) >= empty).float()
    # No face: a square somewhere off it, or so small that only a part is seen.
    off = torch.sign(torch.randn(b, 2, generator=rng)) * (
        0.75 + 0.2 * torch.rand(b, 2, generator=rng)
    )
    tiny = (torch.rand(b, 1, generator=rng) < 0.4).float()
    part = points[torch.arange(b), torch.randint(0, 6, (b,), generator=rng)]
    nowhere = tiny * part + (1 - tiny) * off
    centre = centre * face[:, None] + nowhere * (1 - face[:, None])
    half = half * face[:, None] + half * (tiny * 0.25 + (1 - tiny) * 0.8) * (1 - face[:, None])
    c, s = turn.cos(), turn.sin()
    matrix = torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)  # crop -> picture
    theta = torch.cat([matrix * half[:, :, None], centre[:, :, None]], 2)
    where = F.affine_grid(theta, [b, 3, SIDE, SIDE], align_corners=False)
    images = F.grid_sample(pictures, where, padding_mode="reflection", align_corners=False)
    local = (points - centre[:, None]) / half[:, :, None]
    local = torch.bmm(local, matrix)  # the transpose of crop -> picture, row vectors
    return images, local, face


def heat_loss(heat: Tensor, points: Tensor) -> Tensor:
    """[B]: cross-entropy of the heat maps [B,6,HEAT*HEAT] with a blob at each point [B,6,2].

    The mean of a flat map says nothing about where to look; this does, from the first step.
    """
    where = grid(HEAT, HEAT, heat).flatten(2).transpose(1, 2)  # [1,cells,2]
    away = (points[:, :, None] - where[:, None]).square().sum(3)
    blob = torch.softmax(-away / (2 * (_BLOB * 2 / HEAT) ** 2), 2)
    return -(blob * F.log_softmax(heat, 2)).sum(2).mean(1)


class LandmarkTrainer(Loop):
    """Training state of the aligner's landmark network."""

    logged = ("points", "heat", "face")

    def __init__(self, config: Config, data: Path, out: Path) -> None:
        torch.manual_seed(config.seed)
        device = processor(config.threads)
        self.net = LandmarkNet()
        self.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(config, self.net, data, out, ("pictures", "points"))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return self._wrong(batch, self.rng)[0]

    def _wrong(self, batch: Batch, rng: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """Losses, and the share of squares of which it knows whether there is a face."""
        pictures = batch["pictures"].permute(0, 1, 4, 2, 3).float() / 255
        pictures = grade(pictures, rng).flatten(0, 1)
        images, truth, face = crops(pictures, batch["points"].flatten(0, 1), rng)
        images = occlude(degrade(images, rng), rng).contiguous(memory_format=torch.channels_last)
        images, truth, face = (x.to(self.device) for x in (images, truth, face))
        with autocast(self.device):
            found, logit, heat = self.net.score(images)
        near = face * (truth.abs().amax((1, 2)) < 1.05)
        some = near.sum().clamp_min(1)
        wrong = {
            "points": ((found - truth).norm(dim=2).mean(1) * near).sum() / some,
            "heat": 0.1 * (heat_loss(heat, truth) * near).sum() / some,
            "face": 0.1 * F.binary_cross_entropy_with_logits(logit, face),
        }
        return wrong, ((logit > 0) == (face > 0.5)).float().mean()

    @torch.no_grad()
    def evaluate(self) -> float:
        """Minus the loss on people never trained on, every time in the same squares around them."""
        wrong, right = self._wrong(self.evaluation, torch.Generator().manual_seed(0))
        off = float(wrong["points"]) * SIDE / 2
        self.tell(f"points off by {off:.2f} of {SIDE} px, faces right {float(right):.3f}")
        return -float(torch.stack(list(wrong.values())).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    config = Config(threads=options.threads)
    LandmarkTrainer(config, options.data, options.out).run(options.minutes)


if __name__ == "__main__":
    main()
