# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains E_p and E_e with their read-outs: pose, emotion, eyes and mouth off a frame.

python -m inference_core.training.train_reader --data FOLDER --out FILE.safetensors --minutes 30
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.expression import AXES, EMOTIONS, EYES
from ..model.reader import Reader
from . import checkpoint
from .augment import degrade, grade, occlude
from .data.dataset import Batch, GroupFolder

_KEYS = ("pictures", "pose", "expression")
_GROUPS = 6  # four frames each
_RATE = 1.5e-3


def labels(batch: Batch) -> dict[str, Tensor]:
    """What the reader should say of each frame (order of Reader.read), from a batch of groups."""
    frames = batch["pictures"].shape[1]
    expression = batch["expression"][:, :frames].flatten(0, 1).float()
    n = len(EMOTIONS)
    return {
        "pose": batch["pose"][:, :frames].flatten(0, 1).float(),
        "emotion": 0.5 * (expression[:, :n] + expression[:, n : 2 * n]),
        "eyes": expression[:, 2 * n : 2 * n + len(EYES)],
        "mouth": expression[:, 2 * n + len(EYES) : AXES],
    }


def reader_loss(seen: dict[str, Tensor], truth: dict[str, Tensor]) -> Tensor:
    """Smooth L1 per read-out; pose in units of 20 degrees."""
    pose = F.smooth_l1_loss(seen["pose"] / 20, truth["pose"] / 20, beta=0.1)
    rest = [F.smooth_l1_loss(seen[k], truth[k], beta=0.1) for k in ("emotion", "eyes", "mouth")]
    return pose + 2 * sum(rest, torch.zeros(()))


@torch.no_grad()
def evaluate(reader: Reader, batch: Batch) -> str:
    """Mean errors on people never trained on."""
    frames = batch["pictures"].permute(0, 1, 4, 2, 3).flatten(0, 1).float() / 255
    truth = labels(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = reader.read(frames)
    parts = []
    for key, value in truth.items():
        error = (seen[key] - value).abs().mean(0)
        spread = (value - value.mean(0)).abs().mean(0)
        parts.append(f"{key} {float(error.mean()):.3f} (a constant: {float(spread.mean()):.3f})")
    return ", ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    reader = Reader()
    reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = checkpoint.Average(reader, 0.995)
    optimiser = torch.optim.AdamW(reader.parameters(), _RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    step = 0
    if options.out.exists():
        step = checkpoint.load(options.out, reader, average, optimiser)
        print(f"resumed at step {step}", flush=True)
    rng = torch.Generator().manual_seed(step)
    groups = GroupFolder(options.data / "train", _KEYS)
    unseen = GroupFolder(options.data / "eval", _KEYS)
    held_out = unseen.load(unseen.paths[::3][:16])
    begun, recent = time.monotonic(), []
    for batch in groups.batches(_GROUPS, seed=step):
        done = (time.monotonic() - begun) / (options.minutes * 60)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1, (step + 1) / 50) * max(0.02, min(1.0, 2 * (1 - done)))
        pictures = grade(batch["pictures"].permute(0, 1, 4, 2, 3).float() / 255, rng).flatten(0, 1)
        frames = occlude(degrade(pictures, rng), rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            seen = reader.read(frames.contiguous(memory_format=torch.channels_last))
        loss = reader_loss(seen, labels(batch))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        average.update(reader, step)
        step += 1
        recent.append(float(loss.detach()))
        if step % 100 == 0:
            print(
                step,
                f"loss {sum(recent) / len(recent):.4f}",
                evaluate(reader, held_out),
                flush=True,
            )
            recent = []
            checkpoint.save(options.out, reader, average, optimiser, step)
    checkpoint.save(options.out, reader, average, optimiser, step)


if __name__ == "__main__":
    main()
