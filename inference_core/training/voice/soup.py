# SPDX-License-Identifier: GPL-3.0-or-later
"""Which encoder of a run is the best: its last state, its running average, or a mean of states.

A greedy soup (Wortsman et al. 2022, *Model soups*): the states in the order of their worth, each
added to the mean as long as the mean is not worth less for it. Worth is judged on synthetic voices
that were never trained on. `python -m inference_core.training.voice.soup --run RUN --corpus CORPUS`
does it for a run that was stopped before its end; training does it by itself.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference_core.runtime.voice import SPEECH_LEVEL, speech_level
from inference_core.training.voice import augment, checkpoint
from inference_core.training.voice.batches import Corpus
from inference_core.training.voice.encoder import EncoderSize, VoiceEncoder
from inference_core.training.voice.score import of_confusion, score

Weights = dict[str, Tensor]
Worth = Callable[[Weights], float]

LAST, CHOSEN, STATES = "last.safetensors", "chosen.safetensors", "states"
# Utterances that judge, spread over the part; each is heard plainly and from far.
JUDGES = 26


@dataclass(frozen=True, slots=True)
class Choice:
    """The weights that are worth most, the states whose mean they are, and what they are worth."""

    weights: Weights
    names: tuple[str, ...]
    worth: float

    def line(self) -> str:
        """What was chosen, for a log and for pack.json."""
        of = self.names[0] if len(self.names) == 1 else f"the mean of {', '.join(self.names)}"
        return f"{of} ({self.worth:.1%} of the viseme frames of unseen synthetic voices)"


def mean(states: list[Weights]) -> Weights:
    """The mean of each number of `states`; counters are the first one's."""
    return {
        name: torch.stack([state[name].float() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }


def greedy(states: dict[str, Weights], worth: Worth) -> Choice:
    """The greedy soup of `states` (at least one)."""
    alone = {name: worth(weights) for name, weights in states.items()}
    order = sorted(states, key=lambda name: alone[name], reverse=True)
    names, best = [order[0]], alone[order[0]]
    chosen = states[order[0]]
    for name in order[1:]:
        tried = mean([states[n] for n in (*names, name)])
        value = worth(tried)
        if value >= best:
            names, best, chosen = [*names, name], value, tried
    return Choice(chosen, tuple(names), best)


def far(samples: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Speech [n] at 16 kHz as an old recording has it: dull, nothing above 4 kHz, noise, a room."""
    hertz = np.fft.rfftfreq(len(samples), 1 / 16_000).clip(1)
    decibel = -6 * np.log2(hertz.clip(500) / 500) - 60 * np.log2(hertz / 3600).clip(0)
    dull = np.fft.irfft(np.fft.rfft(samples) * 10 ** (decibel / 20), len(samples))
    generator = torch.Generator().manual_seed(seed)
    heard = augment.room(torch.from_numpy(dull.astype(np.float32))[None], generator)[0].numpy()
    noise = np.random.default_rng(seed).normal(0, 1, len(heard)).astype(np.float32)
    return heard + noise * np.float32(speech_level(heard) * 10 ** (-22 / 20))


def judge_of(size: EncoderSize, corpus: Corpus, count: int = JUDGES) -> Worth:
    """Share of the viseme frames that weights hear right in `count` utterances, plain and far."""
    encoder = VoiceEncoder(size).eval()
    every = max(len(corpus.said) // count, 1)
    some = Corpus.of(corpus.pcm, corpus.said[::every][:count])

    def posteriors(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return encoder(torch.from_numpy(samples)[None]).softmax(-1)[0].numpy()

    def posteriors_far(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        heard = far(samples, len(samples))
        return posteriors(heard * np.float32(SPEECH_LEVEL / max(speech_level(heard), 1e-4)))

    def worth(weights: Weights) -> float:
        encoder.load_state_dict(weights)
        confusion = score(posteriors, some).confusion + score(posteriors_far, some).confusion
        return of_confusion(confusion).viseme_right

    return worth


def states_of(run: Path) -> dict[str, Weights]:
    """The encoders of a run by name: `last`, `average`, and those kept on the way."""
    _, _, groups = checkpoint.load(run / LAST)
    states = {"last": groups["weights"], "average": groups["average"]}
    for path in sorted((run / STATES).glob("*.safetensors")):
        states[path.stem] = checkpoint.load(path)[2]["average"]
    return states


def choose(run: Path, corpus: Path) -> Choice:
    """Write `chosen.safetensors` of the run in folder `run`, judged on a corpus' unseen voices."""
    size, progress, _ = checkpoint.load(run / LAST)
    choice = greedy(states_of(run), judge_of(size, Corpus(corpus, "unseen_voice")))
    checkpoint.save(run / CHOSEN, size, progress, {"average": choice.weights})
    return choice


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run")
    parser.add_argument("--corpus", type=Path, required=True)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    print(f"{options.run / CHOSEN}: {choose(options.run, options.corpus).line()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
