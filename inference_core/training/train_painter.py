# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the generator: what a turn uncovers, lids and the inside of mouths; the rest stays as is.

python -m inference_core.training.train_painter inference_core/training/configs/painter.toml
    --data FOLDER --speak GEOMETRY.safetensors --out FOLDER [--minutes 40]

Writes log.csv, samples_*.png, last.safetensors (all of SPEAK), from which it resumes, and
best.safetensors: the weights with the least loss on people never trained on.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from ..model.generator import Drawing
from ..model.identity import Portrait
from ..model.layers import resize
from ..model.speak import Speak, activity
from . import checkpoint
from .data.dataset import Batch
from .discriminator import (
    R1_EVERY,
    Discriminator,
    believed,
    gradient_penalty,
    perceived,
    told_apart,
)
from .inputs import prepare, swayed
from .loop import Loop
from .losses import coarse_loss, feature_weight, picture_loss
from .precision import autocast, compile_parts, processor
from .sync import frozen, spoken, sync_loss

KEYS = ("pictures", "alpha", "flow", "material", "pose", "expression", "points")
_LOGGED = ("picture", "coarse", "matte", "timid", "adversarial", "perceptual", "sync")
_ELSEWHERE = 0.05  # weight of pixels that are not painted, which only the mask's skirt changes
_GRAIN = 0.8  # of the fine picture loss is not asked of what is uncovered
_BOLD = 0.1  # weight of paint where a copy could be: of two that are as wrong, the sharp one


@dataclass(frozen=True)
class Config:
    seed: int = 0
    batch: int = 3  # portraits per step
    drawn: int = 3  # targets drawn per portrait and step
    rate: float = 1e-3
    average: float = 0.99
    total_steps: int = 20000  # the learning rate falls to its floor here, or when time is up
    sample_every: int = 200
    threads: int = 1
    adversarial: float = 0.0  # weight of the discriminator's say about what is painted; 0: none
    perceptual: float = 1.0  # weight of its features, where there is one
    judged_from: int = 0  # the step at which it starts to speak
    compiled: bool | None = None  # all networks, by torch.compile; not given: on a GPU
    sync: float = 0.0  # weight of the sync expert's say about mouths; 0: none
    motion: bool = False  # learns how far sounds and emotions move a face, instead of painting


class Drawn(NamedTuple):
    """What is made, true pictures [B,3,s,s] and mattes [B,1,s,s], the points [B,6,2] of their faces
    and what they say, content [B,15]."""

    drawing: Drawing
    truth: Tensor
    alpha: Tensor
    points: Tensor
    content: Tensor


def draw(net: Speak, ready: Batch, drawn: int, motion: bool = False) -> Drawn:
    """At most `drawn` targets of every portrait in what `prepare` gives, the frames of one standing
    together. motion: gradients reach what moves faces, too."""
    groups, drawn = len(ready["pictures"]), min(drawn, ready["pictures"].shape[1] - 1)
    device = ready["pictures"].device
    who = torch.arange(groups, device=device).repeat_interleave(drawn)
    to = torch.arange(1, 1 + drawn, device=device).repeat(groups)
    with autocast(device):
        portrait = net.identity(ready["seen"].contiguous(memory_format=torch.channels_last))
    each = Portrait(*(x[who] for x in portrait))
    with torch.set_grad_enabled(motion and torch.is_grad_enabled()):
        mine, asked = ready["expression"][who, 0], ready["expression"][who, to]
        own_pose, pose = ready["pose"][who, 0], ready["pose"][who, to]
        sway = ready["sway"][who, to - 1]
        with autocast(device):
            latent, change = net.editing(asked, mine, pose, own_pose, each.code)
        still = torch.tensor([[0.0, 0.0, 1.0]], device=device).expand(len(who), -1)
        found = net.layers(
            each, each, change.float(), own_pose, pose, still,
            sway[:, :, None, None] * each.alpha,
        )  # fmt: skip
        busy = activity(asked - mine, pose - own_pose, swayed(sway))
    with autocast(device):
        drawing = net.generator(
            ready["pictures"][who, 0], each.features, found, latent.float(), busy
        )
    return Drawn(
        drawing,
        ready["pictures"][who, to],
        ready["alpha"][who, to][:, None],
        ready["points"][who, to],
        spoken(asked),
    )


class Painter(Loop):
    """Training state; `net` is all of SPEAK, of which only the generator learns, or (`motion`) only
    what weighs the axes of expression: the editing module's correction and E_i's strengths."""

    logged = _LOGGED

    def __init__(
        self, config: Config, data: Path, out: Path, speak: Path, expert: Path | None = None
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        device = processor(config.threads)
        self.net = Speak()
        start_from(self.net, speak)
        self.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.net.requires_grad_(False)
        # Of what E_i reads only the features that are painted with may change.
        paint = (self.net.generator, self.net.identity.features)
        moves = (self.net.editing.correction, self.net.identity.gain)
        for part in moves if config.motion else paint:
            part.requires_grad_(True)
        compile_parts(
            config.compiled, device, self.net.identity, self.net.editing, self.net.generator
        )
        self.judge: Discriminator | None = None
        self.shown: tuple[Tensor, Tensor, Tensor] | None = None
        if config.adversarial:
            self.judge = Discriminator().to(device)
            compile_parts(config.compiled, device, self.judge)
            self.judge_optimiser = torch.optim.AdamW(self.judge.parameters(), 2e-4, (0.0, 0.99))
        super().__init__(config, self.net, data, out, KEYS)
        if config.sync and expert is None:
            raise ValueError("the sync loss asks an expert: give the file of one (train_sync)")
        self.expert = frozen(expert).to(self.device) if config.sync and expert else None

    def others(self) -> dict[str, checkpoint.Learner]:
        """The discriminator goes on, too."""
        return {} if self.judge is None else {"judge": (self.judge, self.judge_optimiser)}

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """A step of the generator, and then one of the discriminator, where there is one."""
        losses = super().learn(batch)
        self._teach_judge()
        return losses

    def _draw(self, ready: Batch) -> Drawn:
        return draw(self.net, ready, self.config.drawn, self.config.motion)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        ready = prepare(batch, self.rng, self.device)
        shown = self._draw(ready)
        found = self._wrong(shown)
        made = shown.drawing.rgb.float()
        if self.judge is not None and self.step >= self.config.judged_from:
            # True and painted frames differ where there may be paint, and nowhere else.
            needed = resize(shown.drawing.needed, shown.truth.shape[-1]).detach()
            real = (made + (shown.truth - made) * needed).detach()
            with autocast(self.device):
                opinions = self.judge(made, needed)
                found["adversarial"] = self.config.adversarial * believed(opinions)
                with torch.no_grad():
                    true = self.judge(real, needed)
                found["perceptual"] = self.config.perceptual * perceived(true, opinions)
            self.shown = (real, made.detach(), needed)
        if self.expert is not None:
            others = spoken(ready["expression"]).flatten(0, 1)
            found["sync"] = self.config.sync * sync_loss(
                self.expert, made, shown.points, shown.content, others
            )
        return found

    def _wrong(self, shown: Drawn) -> dict[str, Tensor]:
        """What the truth alone says against a drawing: of what is painted, or (`motion`) of eyes
        and mouth; elsewhere nothing follows from how far a face moves."""
        drawing, truth = shown.drawing, shown.truth
        if self.config.motion:
            near = _ELSEWHERE + feature_weight(shown.points, truth.shape[-1], 1.0) - 1
            return {"picture": 3 * picture_loss(drawing.rgb.float(), truth, near)}
        size = truth.shape[-1]
        needed = resize(drawing.needed, size).detach()
        # What is copied has the portrait's strands and grain, and never the truth's: it is held to
        # the truth in its colours, and only a little in its detail.
        bare = resize(drawing.uncovered, size).detach()
        weight = _ELSEWHERE + needed * feature_weight(shown.points, size, 2.0) * (1 - _GRAIN * bare)
        wrong = F.binary_cross_entropy_with_logits(
            drawing.matte.float(), resize(shown.alpha, drawing.matte.shape[-1]), reduction="none"
        )
        uncovered = drawing.uncovered
        seen = uncovered * resize(shown.alpha, uncovered.shape[-1])
        made = drawing.rgb.float()
        return {
            "picture": 3 * picture_loss(made, truth, weight),
            "coarse": 3 * coarse_loss(made, truth, _ELSEWHERE + bare),
            "matte": (wrong * uncovered).sum() / uncovered.sum().clamp_min(1),
            "timid": _BOLD * ((1 - drawing.copied) * seen).sum() / seen.sum().clamp_min(1),
        }

    def _teach_judge(self) -> None:
        """One step of the discriminator, on the frames that it has just judged."""
        if self.judge is None or self.shown is None:
            return
        real, made, mask = self.shown
        self.shown = None
        with autocast(self.device):
            loss = told_apart(self.judge(real, mask), self.judge(made, mask))
        if self.step % R1_EVERY == 0:
            loss = loss + gradient_penalty(self.judge, real, mask)
        self.judge_optimiser.zero_grad()
        loss.backward()
        self.judge_optimiser.step()

    @torch.no_grad()
    def evaluate(self) -> float:
        """Minus the loss on people never trained on, of which the discriminator has no say, for it
        changes, nor the expert. Says PSNR before and after painting; a sheet of portrait, two
        truths, the same as made, and before painting."""
        scores: dict[str, list[float]] = {"painted": [], "before": [], "where painted": []}
        strips, losses = [], []
        for i in range(len(self.evaluation["pictures"])):
            one = {k: v[i : i + 1] for k, v in self.evaluation.items()}
            ready = prepare(one, self.rng, self.device, augment=False)
            shown = self._draw(ready)
            drawing, truth = shown.drawing, shown.truth
            losses.append(float(torch.stack(list(self._wrong(shown).values())).sum()))
            mask = resize(drawing.needed, truth.shape[-1])
            made = drawing.rgb.float()
            for name, frame in (("painted", made), ("before", drawing.layered)):
                scores[name] += _decibels((frame - truth).square().mean((1, 2, 3)))
            local = ((made - truth).square() * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)) + 1)
            scores["where painted"] += _decibels(local)
            if i < 8:
                row = [ready["pictures"][0, 0], *truth[:2], *made[:2], *drawing.layered[:2]]
                strips.append(torch.cat(row, 2))
        sheet = (torch.cat(strips, 1).clamp(0, 1) * 255).byte().permute(1, 2, 0).cpu().numpy()
        Image.fromarray(sheet).save(self.out / f"samples_{self.step:06d}.png")
        self.tell(", ".join(f"{name} {np.mean(values):.2f} dB" for name, values in scores.items()))
        return -float(np.mean(losses))


def _decibels(mse: Tensor) -> list[float]:
    values: list[float] = (-10 * mse.clamp_min(1e-8).log10()).tolist()
    return values


def start_from(net: Speak, geometry: Path) -> None:
    """The averaged weights of a run of `train`, but for a generator of another shape."""
    own = net.state_dict()
    prefix = "average."
    for name, value in load_file(geometry).items():
        key = name.removeprefix(prefix)
        if name.startswith(prefix) and key in own and own[key].shape == value.shape:
            own[key] = value
    net.load_state_dict(own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and eval/")
    parser.add_argument("--speak", type=Path, required=True, help="best.safetensors of `train`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--expert", type=Path, help="last.safetensors of `train_sync`")
    parser.add_argument("--minutes", type=float, default=math.inf)
    options = parser.parse_args()
    config = Config(**tomllib.loads(options.config.read_text()))
    painter = Painter(config, options.data, options.out, options.speak, options.expert)
    painter.run(options.minutes)


if __name__ == "__main__":
    main()
