# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the mouths of generated frames say what they were asked to, on people never trained on.

python -m inference_core.training.measure_sync --data FOLDER --expert EXPERT.safetensors
    --speak BEFORE.safetensors --speak AFTER.safetensors

A line for each expert and each state of SPEAK, and one for the true pictures, which is as far as
the expert goes. Read it off an expert that was not in the loss.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..model.speak import Speak
from .data.dataset import GroupFolder
from .data.group import DRAWN
from .inputs import prepare
from .sync import SyncExpert, agreement, alike, frozen, mouth_crops, spoken
from .train_painter import KEYS, draw, start_from

_SPOKEN = 0.3  # weight of sounds from which a mouth counts as speaking


class Mouths(NamedTuple):
    """Of n frames: crops [n,3,h,w], content [n,15], and true crops of the same places."""

    crops: Tensor
    content: Tensor
    truth: Tensor


@torch.no_grad()
def drawn_mouths(net: Speak, groups: GroupFolder) -> Mouths:
    """The mouths of all drawn targets, from exact labels."""
    found, rng = [], torch.Generator()
    for path in groups.paths:
        ready = prepare(groups.load([path]), rng, torch.device("cpu"), augment=False)
        shown = draw(net, ready, DRAWN)
        made = shown.drawing.rgb.float()
        crops = [mouth_crops(frames, shown.points) for frames in (made, shown.truth)]
        found.append(Mouths(crops[0], shown.content, crops[1]))
    return Mouths(*(torch.cat(parts) for parts in zip(*found, strict=True)))


@torch.no_grad()
def figures(expert: SyncExpert, crops: Tensor, content: Tensor, others: Tensor) -> dict[str, float]:
    """Of the speaking ones among mouths [n,3,h,w] asked for content [n,15]: mean agreement, cosine
    with the asked sound, and share of others [m,15] that fit worse."""
    rows = content[:, 1:].sum(1) > _SPOKEN
    crops, content = crops[rows], content[rows]
    sure = agreement(expert, crops, content, others)
    scores = expert.mouths(crops) @ expert.sounds(others).t()
    own = (expert.mouths(crops) * expert.sounds(content)).sum(1)
    other = ~alike(content, others)
    behind = (scores < own[:, None]) & other
    return {
        "minus log": -float(sure.mean()),
        "cosine": float(own.mean()),
        "pairs": float(behind.sum() / other.sum()),
        "mouths": float(len(crops)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--expert", type=Path, required=True, action="append")
    parser.add_argument("--speak", type=Path, required=True, action="append")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    groups = GroupFolder(options.data / "eval", KEYS)
    labels = groups.load(groups.paths)["expression"]
    others = spoken(labels.float()).flatten(0, 1)
    experts = {path: frozen(path) for path in options.expert}

    def tell(name: str, crops: Tensor, mouths: Mouths) -> None:
        for path, expert in experts.items():
            found = figures(expert, crops, mouths.content, others)
            said = ", ".join(f"{key} {value:.3f}" for key, value in found.items())
            print(f"{name}, judged by {path.parent.name}/{path.name}: {said}", flush=True)

    torch.set_num_threads(options.threads)
    for number, path in enumerate(options.speak):
        net = Speak()
        start_from(net, path)
        mouths = drawn_mouths(net.eval(), groups)
        if number == 0:
            tell("true pictures", mouths.truth, mouths)
        tell(path.parent.name + "/" + path.name, mouths.crops, mouths)
        error = (mouths.crops - mouths.truth).square().mean((1, 2, 3)).clamp_min(1e-8)
        print(f"  mouth {float(np.mean(-10 * error.log10().numpy())):.3f} dB", flush=True)


if __name__ == "__main__":
    main()
