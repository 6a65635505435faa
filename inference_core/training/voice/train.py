# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the voice encoder: `python -m inference_core.training.voice.train --config FILE.json`.

The run is measured in minutes, so that it ends when it should on any machine: the learning rate
follows the time spent. It can be stopped and started again at will; `last.safetensors` holds the
weights, their average, the optimiser's moments and the place, `states/` averages on the way.
`loss.csv` gets a row every 20 steps and `score.csv` one after every few minutes. At the end the
best of the states or of their means (`soup.py`) is written to `chosen.safetensors`.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from inference_core.protocol.controls import VISEMES
from inference_core.runtime.mouth import PP
from inference_core.runtime.phones import PHONES, VISEME_INDEX
from inference_core.training.voice import checkpoint, soup
from inference_core.training.voice.batches import Batch, Corpus, make_batch
from inference_core.training.voice.checkpoint import Progress
from inference_core.training.voice.encoder import EncoderSize, VoiceEncoder
from inference_core.training.voice.export import into_pack
from inference_core.training.voice.score import score


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@dataclass(frozen=True)
class Config:
    """A run. Paths are relative to the working folder."""

    corpus: str = "corpus"
    out: str = "run"
    pack: str = ""  # a pack that gets the encoder when the minutes are spent
    start: str = ""  # a checkpoint whose averaged encoder a new run begins with
    minutes: float = 75.0
    batch: int = 8
    seconds: float = 4.0
    rate: float = 1.5e-3
    warmup_steps: int = 100
    fall: float = 0.55  # share of the time over which the learning rate falls
    weight_decay: float = 0.02
    average: float = 0.998
    threads: int = 1
    # Only with AVX-512 bf16 or AMX; elsewhere bfloat16 takes four times as long.
    bfloat16: bool = field(default_factory=has_bfloat16)
    seed: int = 1
    save_every_minutes: float = 5.0
    keep_every_minutes: float = 12.0  # a state of its own to choose from at the end
    size: EncoderSize = field(default_factory=EncoderSize)

    @staticmethod
    def read(path: Path) -> "Config":
        """From a JSON file; a key that is no field is an error."""
        values = json.loads(path.read_text(encoding="utf-8"))
        unknown = set(values) - {f.name for f in fields(Config)}
        if unknown:
            raise SystemExit(f"{path}: unknown settings {', '.join(sorted(unknown))}")
        values["size"] = EncoderSize(**values.get("size", {}))
        return Config(**values)


# Phones [P, V] of each viseme; the breath belongs to none.
_GROUPS = torch.from_numpy((VISEME_INDEX[:, None] == np.arange(len(VISEMES))).astype(np.float32))


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """How wrong phone logits [B, T, P] are about the phones [B, T, PARTS] under the frames.

    Cross-entropy of the phones, and half as much each of the visemes and of whether the lips are
    shut: to mistake n for m shows, n for d does not, and lips that shut on n are as wrong as lips
    that stay open on m.
    """
    chances = F.log_softmax(logits.float(), -1)
    phone = -chances.gather(-1, target).mean()
    shown = (chances.exp() @ _GROUPS).clamp(1e-6, 1 - 1e-6)
    viseme = torch.from_numpy(VISEME_INDEX)[target]
    right = -shown.log().gather(-1, viseme.clamp(min=0)) * (viseme >= 0)
    shut = (viseme == PP).float().mean(-1)
    lips = F.binary_cross_entropy(shown[..., PP], shut)
    return phone + 0.5 * right.mean() + 0.5 * lips


# Odd, so that an odd step hears an even step's batch.
AGAIN = 15

# What the optimisers keep per parameter, by the names torch gives it.
STATES = ("step", "exp_avg", "exp_avg_sq", "momentum_buffer")


def optimisers_of(encoder: VoiceEncoder, config: Config) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformer, AdamW for everything else.

    With the few hours that a processor can hear in a run, Muon needs half the steps.
    """
    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, parameter in encoder.named_parameters():
        inside = parameter.ndim == 2 and ("encoder.layers" in name or "projection" in name)
        (matrices if inside else rest).append(parameter)
    return [
        torch.optim.Muon(
            matrices,
            lr=config.rate,
            weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(
            rest, lr=config.rate, betas=(0.9, 0.98), weight_decay=config.weight_decay
        ),
    ]


class Run:
    """One training run: the encoder, its running average, the optimiser and the place."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.out = Path(config.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.progress = Progress()
        torch.manual_seed(config.seed)
        self.encoder = VoiceEncoder(config.size)
        self.average = {k: v.detach().clone() for k, v in self.encoder.state_dict().items()}
        self.optimisers = optimisers_of(self.encoder, config)
        self.last = self.out / soup.LAST
        if self.last.exists():
            self._resume()
        elif config.start:
            self._begin(Path(config.start))
        self.kept: dict[int, Batch] = {}
        corpus = Path(config.corpus)
        self.train = Corpus(corpus, "train")
        self.judges = {name: Corpus(corpus, name) for name in ("unseen_voice", "unseen_language")}

    def _begin(self, path: Path) -> None:
        size, _, groups = checkpoint.load(path)
        if size != self.config.size:
            raise SystemExit(f"{path} holds an encoder of another size than the configuration asks")
        self.encoder.load_state_dict(groups["average"])
        self.average = groups["average"]
        self.keep()  # what it begins with may be worth more than what comes of it
        print(f"beginning with the encoder of {path}", flush=True)

    def _resume(self) -> None:
        size, self.progress, groups = checkpoint.load(self.last)
        if size != self.config.size:
            raise SystemExit(f"{self.last} holds an encoder of another size; choose another folder")
        self.encoder.load_state_dict(groups["weights"])
        self.average = groups["average"]
        parameters = dict(self.encoder.named_parameters())
        for optimiser in self.optimisers:
            mine = {id(p) for group in optimiser.param_groups for p in group["params"]}
            for key in STATES:
                for name, value in groups.get(key, {}).items():
                    if id(parameters[name]) in mine:
                        optimiser.state[parameters[name]][key] = value
        print(f"going on from step {self.progress.step}", flush=True)

    def save(self) -> None:
        """Write `last.safetensors`."""
        groups = {"weights": self.encoder.state_dict(), "average": self.average}
        for name, parameter in self.encoder.named_parameters():
            for optimiser in self.optimisers:
                for key, value in optimiser.state.get(parameter, {}).items():
                    groups.setdefault(key, {})[name] = torch.as_tensor(value)
        checkpoint.save(self.last, self.config.size, self.progress, groups)

    def keep(self) -> None:
        """Keep the average as it is now as a state to choose from."""
        folder = self.out / soup.STATES
        folder.mkdir(exist_ok=True)
        path = folder / f"step_{self.progress.step:06d}.safetensors"
        checkpoint.save(path, self.config.size, self.progress, {"average": self.average})

    def learning_rate(self) -> float:
        """Linear warm-up by steps, a plateau, then a fall to 2 % over the last part of the time."""
        spent = min(self.progress.seconds / (self.config.minutes * 60), 1.0)
        fall = max(min(1.0, (1 - spent) / self.config.fall), 0.02)
        return self.config.rate * fall * min((self.progress.step + 1) / self.config.warmup_steps, 1)

    def batch(self, step: int) -> Batch:
        """What step number `step` hears: every batch is heard twice, `AGAIN` steps apart.

        Making one takes almost as long as learning from it, and other bands are hidden then.
        """
        number = step - AGAIN if step % 2 else step
        config = self.config
        batch = self.kept.pop(number, None) or make_batch(
            self.train, config.batch, config.seconds, (config.seed, max(number, 0))
        )
        if number == step:
            self.kept[number] = batch
        return batch

    def step(self, batch: Batch) -> float:
        """One step of the optimiser; returns the loss."""
        self.encoder.train()
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.learning_rate()
            optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bfloat16):
            logits = self.encoder(batch.samples)
        loss = loss_of(logits, batch.target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        keep = min(self.config.average, (1 + self.progress.step) / (10 + self.progress.step))
        with torch.no_grad():
            for name, value in self.encoder.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)
        self.progress.step += 1
        return float(loss.detach())

    def judge(self) -> None:
        """Score the average on voices and a language never trained on; a row in score.csv."""
        encoder = VoiceEncoder(self.config.size)
        encoder.load_state_dict(self.average)
        encoder.eval()

        def listen(samples: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return encoder(torch.from_numpy(samples)[None]).softmax(-1)[0].numpy()

        for name, corpus in self.judges.items():
            result = score(listen, corpus, 30)
            print(f"step {self.progress.step} {name}: {result.line()}", flush=True)
            path = self.out / "score.csv"
            new = not path.exists()
            with path.open("a", encoding="utf-8") as file:
                if new:
                    file.write("step,part,phone_right,viseme_right,closed,false_closed\n")
                file.write(
                    f"{self.progress.step},{name},{result.phone_right:.4f},"
                    f"{result.viseme_right:.4f},{result.closed:.4f},{result.false_closed:.5f}\n"
                )

    def go(self) -> None:
        """Train until the minutes are spent."""
        path = self.out / "loss.csv"
        if not path.exists():
            path.write_text("step,seconds,entropy,rate\n", encoding="utf-8")
        config, sums = self.config, 0.0
        saved = self.progress.seconds
        every = config.keep_every_minutes * 60
        clock = time.monotonic()
        while self.progress.seconds < config.minutes * 60:
            torch.manual_seed(config.seed * 1_000_003 + self.progress.step)
            sums += self.step(self.batch(self.progress.step))
            now = time.monotonic()
            before = self.progress.seconds
            self.progress.seconds += now - clock
            clock = now
            if before // every != self.progress.seconds // every:
                self.keep()
            if self.progress.step % 20 == 0:
                with path.open("a", encoding="utf-8") as file:
                    file.write(
                        f"{self.progress.step},{self.progress.seconds:.1f},{sums / 20:.4f},"
                        f"{self.learning_rate():.2e}\n"
                    )
                sums = 0.0
            if self.progress.seconds - saved > config.save_every_minutes * 60:
                self.save()
                self.judge()
                saved, clock = self.progress.seconds, time.monotonic()
        self.save()
        self.judge()
        choice = soup.choose(self.out, Path(config.corpus))
        print(f"chosen: {choice.line()}", flush=True)
        if config.pack:
            facts = f"wav2vec 2.0 with posteriors over {len(PHONES)} phones, "
            facts += f"{self.progress.step} steps in {self.progress.seconds / 60:.0f} minutes: "
            worst = into_pack(self.out / soup.CHOSEN, Path(config.pack), facts + choice.line())
            print(f"{config.pack} has the encoder; it differs by {worst:.1e} from torch")


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="settings as JSON")
    config = Config.read(parser.parse_args(argv).config)
    os.environ["OMP_NUM_THREADS"] = str(config.threads)
    torch.set_num_threads(config.threads)
    Run(config).go()
    return 0


if __name__ == "__main__":
    sys.exit(main())
