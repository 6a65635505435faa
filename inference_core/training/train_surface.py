# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the map of the face by itself, which is ten times quicker than within SPEAK.

python -m inference_core.training.train_surface --data FOLDER --out FILE.safetensors --minutes 20
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.identity import IdentityEncoder
from ..model.surface import SurfaceNet
from . import checkpoint
from .augment import degrade, grade, occlude, shade_eyes
from .data.dataset import Batch, GroupFolder
from .precision import autocast, compile_parts, processor
from .restore import restore
from .surface import mirrored, surface_losses

SIDE = 128
_BATCH = 16
_RATE = 2e-3
_KEYS = ("pictures", "uv", "material")


def views(batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures [B,3,2*SIDE,2*SIDE] as a portrait may look, uv [B,2,SIDE,SIDE] and material, moved,
    turned, scaled and mirrored together: any drawn picture of each group, so that wide mouths and
    closed eyes are learned too."""
    b, drawn = batch["pictures"].shape[:2]
    samples, which = torch.arange(b), torch.randint(drawn, (b,), generator=rng)
    pictures = batch["pictures"][samples, which].permute(0, 3, 1, 2).float() / 255
    seen = grade(pictures[:, None], rng)[:, 0]
    uv, material = batch["uv"][samples, which].float(), batch["material"][samples, which].float()
    scale = torch.exp(torch.randn(b, generator=rng) * 0.07)
    turn = torch.randn(b, generator=rng) * math.radians(4)
    c, s = turn.cos() * scale, turn.sin() * scale
    shift = torch.randn(b, 2, generator=rng) * 0.04
    rows = [torch.stack([c, -s, shift[:, 0]], 1), torch.stack([s, c, shift[:, 1]], 1)]
    theta = torch.stack(rows, 1)
    where = F.affine_grid(theta, [b, 3, 2 * SIDE, 2 * SIDE], align_corners=False)
    seen = F.grid_sample(seen, where, padding_mode="reflection", align_corners=False)
    where = F.affine_grid(theta, [b, 3, SIDE, SIDE], align_corners=False)
    labels = torch.cat([uv, material[:, None] + 1], 1)  # beyond the picture there is no label: 0
    labels = F.grid_sample(labels, where, mode="nearest", align_corners=False)
    uv, material = labels[:, :2], labels[:, 2] - 1
    flip = torch.rand(b, generator=rng) < 0.5
    other = mirrored(uv[flip], material[flip])
    seen[flip], uv[flip], material[flip] = seen[flip].flip(3), *other
    eyes = ((material == 1) | (material == 2)).float()
    return occlude(degrade(shade_eyes(seen, eyes, rng), rng), rng), uv, material


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pack", type=Path, help="start from the map of this pack")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(0)
    device = processor(options.threads)
    net = SurfaceNet()
    if options.pack:
        identity = IdentityEncoder()
        restore(
            identity, options.pack / "identity.onnx", "identity.", (torch.zeros(1, 3, 256, 256),)
        )
        net = identity.surface
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    compile_parts(None, device, net)
    average = checkpoint.Average(net, 0.99)
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, betas=(0.9, 0.99), weight_decay=1e-4)
    groups = GroupFolder(options.data / "train", _KEYS)
    begun, step = time.monotonic(), 0
    if options.out.exists():
        step = checkpoint.load(options.out, net, average, optimiser)
        print(f"resumed at step {step}", flush=True)
    rng = torch.Generator().manual_seed(step)
    recent: list[list[float]] = []
    for batch in groups.batches(_BATCH, seed=step):
        done = (time.monotonic() - begun) / (options.minutes * 60)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1, (step + 1) / 50) * max(0.02, min(1.0, 2 * (1 - done)))
        seen, uv, material = (x.to(device) for x in views(batch, rng))
        with autocast(device):
            found = net(seen.contiguous(memory_format=torch.channels_last))
        losses = surface_losses(found, uv, material)
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average.update(net, step)
        step += 1
        recent.append([float(v.detach()) for v in losses.values()])
        if step % 150 == 0:
            checkpoint.save(options.out, net, average, optimiser, step)
        if step % 25 == 0:
            means = torch.tensor(recent).mean(0).tolist()
            said = ", ".join(f"{k} {v:.3f}" for k, v in zip(losses, means, strict=True))
            print(f"{step} {time.monotonic() - begun:.0f}s {said}", flush=True)
            recent = []
    checkpoint.save(options.out, net, average, optimiser, step)


if __name__ == "__main__":
    main()
