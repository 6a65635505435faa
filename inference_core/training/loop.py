# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of training is, whatever is learned: steps, rates, averages, a log, a file to go on
from."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from . import checkpoint
from .data.dataset import Batch, GroupFolder
from .precision import uncompiled

_TOLD_EVERY = 25  # steps between lines of the log


class Pace(Protocol):
    """How long a run is and how fast it learns; the configurations have this in common."""

    @property
    def seed(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def total_steps(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def average(self) -> float: ...
    @property
    def sample_every(self) -> int: ...


class Loop:
    """A run over rendered groups. What is learned says `losses` and `evaluate`, and what is in the
    log. Writes log.csv, evaluation.txt, last.safetensors and best.safetensors to `out`, and resumes
    from the last; the best has the averaged weights that people never trained on spoke for."""

    logged: tuple[str, ...] = ()

    def __init__(
        self, config: Pace, net: nn.Module, data: Path, out: Path, keys: tuple[str, ...]
    ) -> None:
        self.out, self._pace, self._net = out, config, net
        self.device = next(net.parameters()).device
        self.average = checkpoint.Average(net, config.average)
        self.optimiser = torch.optim.AdamW(
            [p for p in net.parameters() if p.requires_grad],
            config.rate,
            betas=(0.9, 0.99),
            weight_decay=1e-4,
        )
        self.step, self._judged = 0, -1
        out.mkdir(parents=True, exist_ok=True)
        self.last = out / "last.safetensors"
        self.best = out / "best.safetensors"
        self.top = checkpoint.score(self.best)
        if self.last.exists():
            self.step = checkpoint.load(self.last, net, self.average, self.optimiser, self.others())
            print(f"resumed at step {self.step}", flush=True)
        self.rng = torch.Generator()
        self._seed()
        self.train_set = GroupFolder(data / "train", keys)
        self.batches: Iterator[Batch] = self.train_set.batches(config.batch, config.seed, self.step)
        held_out = GroupFolder(data / "eval", keys)
        self.evaluation = held_out.load(held_out.paths[::3][:16])

    def others(self) -> dict[str, checkpoint.Learner]:
        """What learns beside the network, by name: it is saved with it and goes on with it."""
        return {}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """What a step makes smaller, by name."""
        raise NotImplementedError

    def evaluate(self) -> float:
        """Say and show what the network is worth on people never trained on; the more the better.
        Called within `averaged`."""
        raise NotImplementedError

    def run(self, minutes: float) -> None:
        """Learn until the time is up or the steps are done."""
        begun, recent = time.monotonic(), []
        while self.step < self._pace.total_steps and time.monotonic() - begun < minutes * 60:
            for group in self.optimiser.param_groups:
                group["lr"] = self._rate((time.monotonic() - begun) / (minutes * 60))
            self._seed()
            losses = self.learn(next(self.batches))
            recent.append({k: float(v.detach()) for k, v in losses.items()})
            if self.step % _TOLD_EVERY == 0:
                self._log(recent, time.monotonic() - begun)
                recent = []
            if self.step % self._pace.sample_every == 0:
                self.judge_weights()
        if self._judged != self.step:
            self.judge_weights()

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """One step of the optimiser; the losses that it was made on."""
        losses = self.losses(batch)
        total = sum(losses.values(), torch.zeros((), device=self.device))
        self.optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self._net.parameters(), 1.0)
        self.optimiser.step()
        self.average.update(self._net, self.step)
        self.step += 1
        return losses

    def judge_weights(self) -> None:
        """Save the state of the run, and the averaged weights beside it if none were better."""
        self.save()
        self._judged = self.step
        # It has other shapes than a step, for which nothing is compiled.
        with uncompiled(), self.averaged():
            worth = self.evaluate()
        if worth > self.top:
            self.top = worth
            checkpoint.save(self.best, self._net, self.average, None, self.step, worth)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the network has its averaged weights."""
        kept = {k: v.clone() for k, v in self._net.state_dict().items()}
        self._net.load_state_dict(self.average.tensors)
        try:
            yield
        finally:
            self._net.load_state_dict(kept)

    def tell(self, found: str) -> None:
        """Say what an evaluation found, and keep it in evaluation.txt."""
        line = f"step {self.step}: {found}"
        print(line, flush=True)
        with (self.out / "evaluation.txt").open("a") as file:
            file.write(line + "\n")

    def save(self) -> None:
        """Write everything that is needed to go on."""
        checkpoint.save(
            self.last, self._net, self.average, self.optimiser, self.step, others=self.others()
        )

    def _seed(self) -> None:
        """Every step has random numbers of its own: after an interruption they are the same."""
        numbers = np.random.SeedSequence([self._pace.seed, self.step]).generate_state(1, np.uint64)
        self.rng.manual_seed(int(numbers[0]))

    def _rate(self, elapsed: float) -> float:
        """Warm-up, a plateau, and a fall over the rest of the steps or of the time."""
        warm = min(1.0, (self.step + 1) / 100)
        done = max(elapsed, self.step / self._pace.total_steps)
        return self._pace.rate * warm * max(0.02, min(1.0, 1.6 * (1 - done)))

    def _log(self, rows: list[dict[str, float]], seconds: float) -> None:
        path = self.out / "log.csv"
        new = not path.exists()
        means = [np.mean([r[k] for r in rows if k in r] or [np.nan]) for k in self.logged]
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "seconds", *self.logged])
            writer.writerow([self.step, round(seconds, 1), *(f"{m:.4f}" for m in means)])
        said = (f"{k} {m:.3f}" for k, m in zip(self.logged, means, strict=True))
        print(self.step, f"{seconds:.0f}s", *said, flush=True)
