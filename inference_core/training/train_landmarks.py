# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the aligner's landmark network on the same rendered groups.

python -m inference_core.training.train_landmarks --data FOLDER --out FILE.safetensors --minutes 10
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.landmarks import HEAT, LandmarkNet
from ..model.layers import grid
from . import checkpoint
from .augment import degrade, grade, occlude
from .data.dataset import GroupFolder
from .precision import autocast, processor

SIDE = 128
# The detector's box has the eyes at 0.38 of its height and the mouth at 0.77 (measured on faces of
# all kinds), and is 0.6 of the network's square.
_TYPICAL = 4.25  # side of the square over the distance from eyes to mouth
_DROP = 0.31  # its centre: this far from the eyes towards the mouth
_BATCH = 32
_BLOB = 1.2  # cells: the spread of a point's blob


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    device = processor(options.threads)
    net = LandmarkNet()
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = checkpoint.Average(net, 0.995)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    groups = GroupFolder(options.data / "train", ("pictures", "points"))
    begun, step = time.monotonic(), 0
    if options.out.exists():
        step = checkpoint.load(options.out, net, average, optimiser)
        print(f"resumed at step {step}", flush=True)
    rng = torch.Generator().manual_seed(step)
    for batch in groups.batches(_BATCH // 4, seed=step):
        done = (time.monotonic() - begun) / (options.minutes * 60)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * min(1, (step + 1) / 50) * max(0.02, min(1.0, 2 * (1 - done)))
        pictures = batch["pictures"].permute(0, 1, 4, 2, 3).float() / 255
        pictures = grade(pictures, rng).flatten(0, 1)
        images, truth, face = crops(pictures, batch["points"].flatten(0, 1), rng)
        images = occlude(degrade(images, rng), rng).contiguous(memory_format=torch.channels_last)
        images, truth, face = images.to(device), truth.to(device), face.to(device)
        with autocast(device):
            found, logit, heat = net.score(images)
        near = face * (truth.abs().amax((1, 2)) < 1.05)
        error = (found - truth).norm(dim=2).mean(1)
        loss = (error * near).sum() / near.sum().clamp_min(1)
        loss = loss + 0.1 * (heat_loss(heat, truth) * near).sum() / near.sum().clamp_min(1)
        loss = loss + 0.1 * F.binary_cross_entropy_with_logits(logit, face)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average.update(net, step)
        step += 1
        if step % 200 == 0:
            checkpoint.save(options.out, net, average, optimiser, step)
        if step % 50 == 0:
            right = ((logit > 0) == (face > 0.5)).float().mean()
            print(
                step, f"loss {float(loss.detach()):.4f} faces right {float(right):.3f}", flush=True
            )
    checkpoint.save(options.out, net, average, optimiser, step)


if __name__ == "__main__":
    main()
