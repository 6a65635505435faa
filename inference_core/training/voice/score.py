# SPDX-License-Identifier: GPL-3.0-or-later
"""How right the phones and visemes are on speech with known phones."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.mouth import PP, hard_labels
from inference_core.runtime.phones import PHONES, VISEME_INDEX
from inference_core.runtime.voice import SPEECH_LEVEL, speech_level
from inference_core.training.voice.batches import Corpus

Listen = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1 over the frames of some utterances."""

    frames: int
    phone_right: float  # the strongest phone is the one under the frame
    viseme_right: float  # its viseme is that of the phone; frames of h have none
    closed: float  # of the frames of p, b and m, those heard as one of them
    false_closed: float  # of the other frames, those heard as p, b or m
    confusion: NDArray[np.int64]  # [wanted, said] phones

    def line(self) -> str:
        """One line for a log."""
        return (
            f"phone {self.phone_right:.3f} viseme {self.viseme_right:.3f} "
            f"closed {self.closed:.3f} false {self.false_closed:.4f}"
        )


def score(listen: Listen, corpus: Corpus, utterances: int | None = None) -> Score:
    """Score `listen` (samples [n] at speech level to posteriors [n//320, P]) on a corpus part."""
    confusion = np.zeros((len(PHONES), len(PHONES)), np.int64)
    for said in corpus.said[:utterances]:
        samples = corpus.samples(said)
        posteriors = listen(samples * (SPEECH_LEVEL / max(speech_level(samples), 1e-4)))
        label = hard_labels(said.phones, len(posteriors))
        np.add.at(confusion, (label, posteriors.argmax(1)), 1)
    return of_confusion(confusion)


def of_confusion(confusion: NDArray[np.int64]) -> Score:
    """The figures of a confusion matrix [wanted, said]."""
    wanted, guess = VISEME_INDEX[:, None], VISEME_INDEX[None]
    counted = np.broadcast_to(wanted >= 0, confusion.shape)
    shut = wanted == PP

    def share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
        return float(confusion[of & among].sum() / max(confusion[among].sum(), 1))

    said_shut = np.broadcast_to(guess == PP, confusion.shape)
    shut = np.broadcast_to(shut, confusion.shape)
    return Score(
        frames=int(confusion.sum()),
        phone_right=float(confusion.trace() / max(confusion.sum(), 1)),
        viseme_right=share(wanted == guess, counted),
        closed=share(said_shut, shut),
        false_closed=share(said_shut, ~shut),
        confusion=confusion,
    )
