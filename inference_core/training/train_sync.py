# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains an expert on mouths and sounds on rendered groups, for the sync loss or as its judge.

python -m inference_core.training.train_sync --data FOLDER --out FOLDER [--minutes 8] [--seed 0]

Writes log.csv, evaluation.txt, facts.json, best.safetensors and last.safetensors, and resumes from
the last. Two experts of different seeds know the same and err differently: one speaks in the loss,
the other judges what came of it. `--witness FOLDER` writes the trained expert as the witness of
`evaluate`, instead.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ..evaluation.witnesses import merged_facts
from ..model.expression import EMOTIONS, VISEMES
from .augment import degrade, grade, occlude
from .data.dataset import Batch, GroupFolder
from .export import halve_weights
from .loop import Loop
from .mouth_crop import HEIGHT, WIDTH
from .precision import autocast, processor
from .sync import WIDER, SyncExpert, alike, contrast, frozen, jittered, mouth_crops, spoken

_KEYS = ("pictures", "points", "expression")
_SPOKEN = 0.3  # weight of sounds from which a mouth counts as speaking
_DEGRADED = 0.4  # share of mouths that are blurred, grained and the like
_MOVED = 0.3  # weight of an emotion in the mouth from which a face counts as emotional


@dataclass(frozen=True)
class Config:
    seed: int = 0
    batch: int = 16  # groups of four pictures
    total_steps: int = 100000
    rate: float = 2e-3
    average: float = 0.995
    sample_every: int = 500
    threads: int = 1


class SyncTrainer(Loop):
    logged = ("heard", "seen", "own", "axes")

    def __init__(self, config: Config, data: Path, out: Path) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.net = SyncExpert().to(processor(config.threads))
        super().__init__(config, self.net, data, out, _KEYS)
        self.batches = self._shuffled()
        everybody = GroupFolder(data / "eval", _KEYS)
        self.evaluation = everybody.load(everybody.paths)
        self.people = [path.stem.split("_")[0] for path in everybody.paths]

    def _shuffled(self) -> Iterator[Batch]:
        """Endless random batches of mouths [G,N,3,h,w], uint8 and WIDER, and expression
        [G,N+M,AXES]. All mouths are cut once: to read whole pictures would take longer than a step.
        """
        paths = self.train_set.paths
        parts = [self.train_set.load([path]) for path in paths]
        mouths = torch.stack(
            [(mouth_crops(_floats(p["pictures"][0]), p["points"][0], WIDER) * 255).byte()
             for p in parts]
        )  # fmt: skip
        axes = torch.cat([part["expression"] for part in parts]).float()
        while True:
            picks = torch.randint(len(paths), (self.config.batch,), generator=self.rng)
            yield {"mouths": mouths[picks], "expression": axes[picks]}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        groups, n = batch["mouths"].shape[:2]
        crops = jittered(batch["mouths"].flatten(0, 1).float() / 255, self.rng)
        crops = grade(crops.unflatten(0, (groups, n)), self.rng).flatten(0, 1)
        # What blurs a face a little is much for a mouth.
        rows = torch.rand(len(crops), generator=self.rng) < _DEGRADED
        crops[rows] = occlude(degrade(crops[rows], self.rng), self.rng)
        crops = crops.unflatten(0, (groups, n)).to(self.device)
        axes = batch["expression"].to(self.device)
        with autocast(self.device):
            return contrast(self.net, crops, axes[:, :n], axes[:, n:].flatten(0, 1))

    @torch.no_grad()
    def evaluate(self) -> float:
        """The share of pairs that are told rightly on people never trained on; says and writes
        all figures of `matched`."""
        self.net.eval()
        found = matched(self.net, self.evaluation, self.people)
        self.net.train()
        self.tell(", ".join(f"{name} {value:.3f}" for name, value in found.items()))
        rounded = {name: round(value, 3) for name, value in found.items()}
        (self.out / "facts.json").write_text(json.dumps({"steps": self.step, **rounded}) + "\n")
        return found["pairs"]


def _floats(pictures: Tensor) -> Tensor:
    """uint8 [B,h,w,3] -> [B,3,h,w] 0..1."""
    return pictures.permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def matched(expert: SyncExpert, batch: Batch, people: list[str]) -> dict[str, float]:
    """How well the expert tells which sound a speaking mouth makes. `people`: whose each group is.

    Silence is no sound here. person and batch: share of mouths whose own sound is ranked first of
    those that are said in pictures of the same person, and of everybody; with what chance would be.
    pairs: share of the person's other sounds that are ranked behind the own one (chance 0.5), of
    all mouths, of calm and of emotional ones, and among pictures of the same strongest emotion.
    silence: how often a mouth's own sound is ranked before silence, and silence before a sound.
    """
    pictures = batch["pictures"]
    n = pictures.shape[1]
    axes = batch["expression"][:, :n].flatten(0, 1).float()
    content = spoken(axes)
    points = batch["points"].flatten(0, 1)
    seen = []
    for part, where in zip(pictures.flatten(0, 1).split(64), points.split(64), strict=True):
        crops = mouth_crops(_floats(part), where)
        seen.append(expert.mouths(crops.to(next(expert.parameters()).device)).cpu())
    heard = expert.sounds(content.to(next(expert.parameters()).device)).cpu()
    scores = torch.cat(seen) @ heard.t()
    own = scores.diagonal()[:, None]
    whose = torch.tensor([sorted(set(people)).index(p) for p in people]).repeat_interleave(n)
    speaking = content[:, 1:].sum(1) > _SPOKEN
    apart = ~alike(content, content)
    other = apart & speaking[None]
    mates = other & (whose[:, None] == whose[None])
    still = content[:, 1:].sum(1) < 0.01
    strength, mood = axes[:, len(EMOTIONS) : 2 * len(EMOTIONS)].max(1)
    moved = strength > _MOVED
    mood = torch.where(moved, mood, torch.full_like(mood, len(EMOTIONS)))
    behind = scores < own

    def share(among: Tensor, rows: Tensor) -> float:
        return float((behind & among)[rows].sum() / among[rows].sum().clamp_min(1))

    def first(among: Tensor) -> tuple[float, float]:
        rows = speaking & among.any(1)
        won = (behind | ~among).all(1)[rows].float().mean()
        return float(won), float((1 / (1 + among.sum(1)[rows])).mean())

    (person, person_chance), (everybody, everybody_chance) = first(mates), first(other)
    return {
        "person": person,
        "person_chance": person_chance,
        "batch": everybody,
        "batch_chance": everybody_chance,
        "pairs": share(mates, speaking),
        "pairs_calm": share(mates, speaking & ~moved),
        "pairs_moved": share(mates, speaking & moved),
        "pairs_same_emotion": share(mates & (mood[:, None] == mood[None]), speaking),
        "silence": (share(apart & still[None], speaking) + share(other, still)) / 2,
        "mouths": float(speaking.sum()),
    }


class _Both(nn.Module):
    def __init__(self, expert: SyncExpert) -> None:
        super().__init__()
        self.expert = expert

    def forward(self, mouths: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
        return self.expert.mouths(mouths), self.expert.sounds(content)


def write_witness(expert: SyncExpert, folder: Path) -> None:
    """sync.onnx in `folder`: mouths [n,3,h,w] and content [m,15] to unit vectors, half-precision
    weights."""
    path = folder / "sync.onnx"
    torch.onnx.export(
        _Both(expert).eval(),
        (torch.rand(2, 3, HEIGHT, WIDTH), torch.rand(3, len(VISEMES))),
        path,
        input_names=["mouths", "content"],
        output_names=["seen", "heard"],
        dynamic_axes={
            "mouths": {0: "n"}, "content": {0: "m"}, "seen": {0: "n"}, "heard": {0: "m"},
        },
        opset_version=20,
        dynamo=False,
    )  # fmt: skip
    model = onnx.load(path)
    halve_weights(model)
    onnx.save(model, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--witness", type=Path, help="do not train: write the expert's ONNX here")
    options = parser.parse_args()
    trainer = SyncTrainer(Config(seed=options.seed), options.data, options.out)
    if options.witness is None:
        trainer.run(options.minutes)
    else:
        with trainer.averaged():
            trainer.evaluate()
        write_witness(frozen(trainer.last), options.witness)
        known = json.loads((options.out / "facts.json").read_text())
        merged_facts(options.witness, {"sync": {"seed": options.seed, **known}})


if __name__ == "__main__":
    main()
