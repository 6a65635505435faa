# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains SPEAK's geometry on rendered groups. One command, resumable, CPU or CUDA.

python -m inference_core.training.train CONFIG.toml --data FOLDER --out FOLDER [--minutes 60]

The flow must be found before a picture can teach anything; `train_painter` comes after it. Writes
log.csv, samples_*.png, last.safetensors, from which it resumes, and best.safetensors: the weights
of the best evaluation on people never trained on.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..model.composite import composite
from ..model.geometry import forward_points
from ..model.identity import GRID, Portrait, Reading
from ..model.layers import grid
from ..model.speak import Speak
from . import checkpoint
from .data.dataset import HELD_MATERIAL, Batch
from .inputs import prepare
from .loop import Loop
from .losses import feature_weight, flow_loss
from .precision import autocast, compile_parts, processor
from .restore import restore
from .surface import surface_losses

_KEYS = ("pictures", "alpha", "flow", "depth", "material", "uv", "pose", "expression", "points")


_LOGGED = ("flow", "uv", "face", "below", "inside", "depth", "alpha", "frame")


@dataclass(frozen=True)
class Config:
    seed: int = 0
    batch: int = 6  # portraits per step
    tracked: int = 4  # targets whose flow is compared, per portrait and step
    total_steps: int = 20000  # the learning rate falls to its floor here
    rate: float = 1e-3
    average: float = 0.998
    sample_every: int = 300
    threads: int = 2
    feature_gain: float = 4.0  # extra weight of the flow around eyes and mouth
    map_fixed: bool = False  # leaves the map of the face as it is (train_surface is quicker at it)
    still_gain: float = 4.0  # extra weight of targets whose pose is the portrait's: pure expression
    compiled: bool | None = None  # E_i's networks, by torch.compile; not given: on a GPU


class Trainer(Loop):
    logged = _LOGGED

    def __init__(
        self,
        config: Config,
        data: Path,
        out: Path,
        pack: Path | None = None,
        surface: Path | None = None,
        start: Path | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        device = processor(config.threads)
        self.net = Speak()
        if pack is not None:
            start_from(self.net, pack)
        if start is not None:
            checkpoint.load_average(start, self.net)
        if surface is not None:
            checkpoint.load_average(surface, self.net.identity.surface)
        self.net.identity.template.read(data / "template.npz")
        self.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.speak = self.net
        if config.map_fixed:
            self.net.identity.surface.requires_grad_(False)
        compile_parts(config.compiled, device, self.net.identity, self.net.editing)
        super().__init__(config, self.net, data, out, _KEYS)

    def autocast(self) -> torch.autocast:
        return autocast(self.device)

    def geometry(self, ready: Batch, portrait: Portrait) -> tuple[Tensor, Tensor, Tensor]:
        """Forward points [G*T,3,g,g] of every tracked target, the editing module's latents, and
        the changes of expression [G*T,AXES]."""
        targets = ready["flow"].shape[1]
        expression, pose = ready["expression"], ready["pose"]
        own = expression[:, :1].expand(-1, targets, -1).flatten(0, 1)
        own_pose = pose[:, :1].expand(-1, targets, -1).flatten(0, 1)
        code = portrait.code.repeat_interleave(targets, 0)
        asked = expression[:, 1:].flatten(0, 1)
        with self.autocast():
            latent, change = self.speak.editing(
                asked, own, pose[:, 1:].flatten(0, 1), own_pose, code
            )
        still = torch.tensor([0.0, 0.0, 1.0], device=self.device).expand(len(asked), -1)
        points = forward_points(
            portrait.depth, portrait.turn, portrait.axes, portrait.frame,
            change.float(), own_pose, pose[:, 1:].flatten(0, 1), still,
        )  # fmt: skip
        return points, latent.float(), change.float()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        ready = prepare(self._pick(batch), self.rng, self.device)
        with self.autocast():
            reading = self.speak.identity.read(
                ready["seen"].contiguous(memory_format=torch.channels_last)
            )
        portrait = reading.portrait
        points, _, _ = self.geometry(ready, portrait)
        sway = ready["sway"].flatten(0, 1)[:, :, None, None]
        matte = portrait.alpha.detach().repeat_interleave(ready["flow"].shape[1], 0)
        points = torch.cat([points[:, :2] + sway * matte, points[:, 2:]], 1)
        return self._losses(ready, reading, points)

    def _pick(self, batch: Batch) -> Batch:
        """Keeps the portrait's picture and `tracked` of the targets."""
        targets = batch["flow"].shape[1]
        tracked = torch.randperm(targets, generator=self.rng)[: self.config.tracked]
        state = torch.cat([torch.zeros(1, dtype=torch.long), 1 + tracked])
        return batch | {
            "pictures": batch["pictures"][:, :1],
            "flow": batch["flow"][:, tracked],
            "pose": batch["pose"][:, state],
            "expression": batch["expression"][:, state],
        }

    def _losses(self, ready: Batch, reading: Reading, points: Tensor) -> dict[str, Tensor]:
        portrait = reading.portrait
        targets = ready["flow"].shape[1]
        place = points[:, :2] - grid(GRID, GRID, points)
        inside = (ready["material"] >= 0).float()[:, None]
        weight = feature_weight(ready["points"][:, 0], GRID, self.config.feature_gain)
        weight = (weight * inside + 0.3 * (1 - inside)).repeat_interleave(targets, 0)
        still = (ready["pose"][:, 1:] - ready["pose"][:, :1]).abs().amax(2) < 0.5
        weight = (
            weight * (1 + self.config.still_gain * still.flatten().float())[:, None, None, None]
        )
        truth = ready["flow"].flatten(0, 1)
        matte = F.avg_pool2d(ready["alpha"][:, :1], 2).clamp(0, 1)
        # What does not move with the head has no depth that a turn would show.
        solid = inside * (ready["material"] != HELD_MATERIAL)[:, None]
        depth = (portrait.depth - ready["depth"][:, None]).abs() * solid
        return {
            "flow": flow_loss(place, truth, weight),
            "depth": 2 * depth.sum() / solid.sum().clamp_min(1),
            "alpha": 0.5 * F.binary_cross_entropy(portrait.alpha.clamp(1e-4, 1 - 1e-4), matte),
            "frame": 0.01 * portrait.frame.square().mean(),
        } | (
            {}
            if self.config.map_fixed
            else surface_losses(reading.surface, ready["uv"], ready["material"])
        )

    @torch.no_grad()
    def evaluate(self) -> float:
        """PSNR of the layers alone on people never trained on. Says the flow's error, too; a sample
        grid of portrait, two truths, and the same as made."""
        self.net.eval()
        ready = prepare(self.evaluation, self.rng, self.device, augment=False)
        errors: list[float] = []
        scores: list[float] = []
        base: list[float] = []
        strips = []
        for i in range(len(ready["pictures"])):
            one = {k: v[i : i + 1] for k, v in ready.items()}
            with self.autocast():
                portrait = self.speak.identity(one["seen"])
            points, _, change = self.geometry(one, portrait)
            sway = one["sway"][0, :, :, None, None] * portrait.alpha
            points = torch.cat([points[:, :2] + sway, points[:, 2:]], 1)
            inside = (one["material"] >= 0)[0]
            distance = (
                (points[:, :2] - grid(GRID, GRID, points) - one["flow"][0]).norm(dim=1) * GRID / 2
            )
            errors.append(float(distance[:, inside].mean()))
            n = one["pictures"].shape[1] - 1
            each = Portrait(*(x.expand(n, *x.shape[1:]) for x in portrait))
            own_pose = one["pose"][:, 0].expand(n, -1)
            still = torch.tensor([[0.0, 0.0, 1.0]], device=self.device).expand(n, -1)
            found = self.speak.layers(
                each, each, change[:n], own_pose, one["pose"][0, 1 : 1 + n], still, sway[:n]
            )
            made = composite(one["pictures"][:, 0].expand(n, -1, -1, -1), found).clamp(0, 1)
            truth = one["pictures"][0, 1:]
            for shown, bag in ((made, scores), (one["pictures"][:, 0], base)):
                mse = (shown - truth).square().mean((1, 2, 3))
                bag += (-10 * mse.log10()).tolist()
            if i < 6:
                strips.append(torch.cat([one["pictures"][0, 0], *truth[:2], *made[:2]], 2))
        self.net.train()
        sheet = (torch.cat(strips, 1).clamp(0, 1) * 255).byte().permute(1, 2, 0).cpu().numpy()
        Image.fromarray(sheet).save(self.out / f"samples_{self.step:06d}.png")
        self.tell(
            f"PSNR {np.mean(scores):.2f} (portrait unmoved {np.mean(base):.2f}), "
            f"flow {np.mean(errors):.2f} of {GRID} px"
        )
        return float(np.mean(scores))


def start_from(net: Speak, pack: Path) -> None:
    """The weights of a pack that was exported from this code or from an earlier version of it."""
    example = (torch.zeros(1, 3, 256, 256),)
    left = restore(net.identity, pack / "identity.onnx", "identity.", example)
    left += restore(net.editing, pack / "frame.onnx", "speak.editing.")
    left += restore(net.generator, pack / "frame.onnx", "speak.generator.")
    print(f"started from {pack.name}; new: {', '.join(left) or 'nothing'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pack", type=Path, help="start from the weights of this pack")
    parser.add_argument("--start", type=Path, help="start from a checkpoint of another run")
    parser.add_argument("--surface", type=Path, help="start from this map of the face")
    parser.add_argument("--minutes", type=float, default=math.inf)
    options = parser.parse_args()
    config = Config(**tomllib.loads(options.config.read_text()))
    trainer = Trainer(
        config, options.data, options.out, options.pack, options.surface, options.start
    )
    trainer.run(options.minutes)


if __name__ == "__main__":
    main()
