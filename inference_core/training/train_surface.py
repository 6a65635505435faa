# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the map of the face by itself, which is ten times quicker than within SPEAK.

python -m inference_core.training.train_surface --data FOLDER --out FOLDER [--minutes 20]

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

from ..model.identity import IdentityEncoder
from ..model.surface import SurfaceNet
from .augment import degrade, grade, occlude, shade_eyes
from .data.dataset import Batch
from .loop import Loop
from .precision import autocast, compile_parts, processor
from .restore import restore
from .surface import mirrored, surface_losses

SIDE = 128
_LOOKS = 4  # of every held-out group at an evaluation
_KEYS = ("pictures", "uv", "material")


@dataclass(frozen=True)
class Config:
    seed: int = 0
    batch: int = 16  # pictures per step, each of another portrait
    total_steps: int = 100000  # the learning rate falls to its floor here, or when time is up
    rate: float = 2e-3
    average: float = 0.99
    sample_every: int = 150
    threads: int = 1
    compiled: bool | None = None  # by torch.compile; not given: on a GPU


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


class SurfaceTrainer(Loop):
    """Training state of the map of the face; pack: whose map it starts from."""

    logged = ("cell", "uv", "face", "below", "inside")

    def __init__(self, config: Config, data: Path, out: Path, pack: Path | None = None) -> None:
        torch.manual_seed(config.seed)
        device = processor(config.threads)
        self.net = SurfaceNet() if pack is None else map_of(pack)
        self.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        compile_parts(config.compiled, device, self.net)
        super().__init__(config, self.net, data, out, _KEYS)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return self._wrong(batch, self.rng)

    def _wrong(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        seen, uv, material = (x.to(self.device) for x in views(batch, rng))
        with autocast(self.device):
            found = self.net(seen.contiguous(memory_format=torch.channels_last))
        return surface_losses(found, uv, material)

    @torch.no_grad()
    def evaluate(self) -> float:
        """Minus the loss on people never trained on, every time in the same views of them."""
        rng = torch.Generator().manual_seed(0)
        looks = [self._wrong(self.evaluation, rng) for _ in range(_LOOKS)]
        means = {k: float(torch.stack([x[k] for x in looks]).mean()) for k in self.logged}
        self.tell(", ".join(f"{k} {v:.3f}" for k, v in means.items()))
        return -sum(means.values())


def map_of(pack: Path) -> SurfaceNet:
    """The map of a pack."""
    identity = IdentityEncoder()
    restore(identity, pack / "identity.onnx", "identity.", (torch.zeros(1, 3, 256, 256),))
    return identity.surface


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pack", type=Path, help="start from the map of this pack")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    config = Config(threads=options.threads)
    SurfaceTrainer(config, options.data, options.out, options.pack).run(options.minutes)


if __name__ == "__main__":
    main()
