# SPDX-License-Identifier: GPL-3.0-or-later
"""How right the visemes are on speech with known phones."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.voice import SPEECH_LEVEL, speech_level
from inference_core.training.voice.batches import Corpus
from inference_core.training.voice.targets import COUNT, PP, hard_labels, viseme_weights

Listen = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1 over the frames of some utterances."""

    frames: int
    phone_right: float  # the strongest viseme is that of the phone under the frame
    mouth_right: float  # the strongest viseme is the strongest of the wanted mouth
    closed: float  # of the frames in which the lips must be shut, those with PP above 0.5
    false_closed: float  # of the frames far from any closure, those with PP above 0.5
    events_closed: float  # of the p, b and m, those with a frame of PP above 0.7
    confusion: NDArray[np.int64]  # [wanted, said]

    def line(self) -> str:
        """One line for a log."""
        return (
            f"phone {self.phone_right:.3f} mouth {self.mouth_right:.3f} closed {self.closed:.3f} "
            f"events {self.events_closed:.3f} false {self.false_closed:.4f}"
        )


def score(listen: Listen, corpus: Corpus, utterances: int | None = None) -> Score:
    """Score `listen` (samples [n] at speech level to weights [n//320, 15]) on a corpus part."""
    phone: list[NDArray[np.bool_]] = []
    mouth: list[NDArray[np.bool_]] = []
    shut: list[NDArray[np.bool_]] = []
    open_: list[NDArray[np.bool_]] = []
    events: list[bool] = []
    confusion = np.zeros((COUNT, COUNT), np.int64)
    for said in corpus.said[:utterances]:
        samples = corpus.samples(said)
        weights = listen(samples * (SPEECH_LEVEL / max(speech_level(samples), 1e-4)))
        target = viseme_weights(said.phones, len(weights))
        label = hard_labels(said.phones, len(weights))
        guess, wanted = weights.argmax(1), target.argmax(1)
        phone.append((guess == label)[label >= 0])
        mouth.append(guess == wanted)
        shut.append((weights[:, PP] > 0.5)[target[:, PP] > 0.9])
        open_.append((weights[:, PP] > 0.5)[target[:, PP] < 0.05])
        np.add.at(confusion, (wanted, guess), 1)
        for start, end, viseme, _ in said.phones:
            if viseme == PP:
                low, high = int(start * 50), int(np.ceil(end * 50)) + 1
                events.append(bool(weights[low:high, PP].max(initial=0) > 0.7))
    return Score(
        frames=sum(map(len, mouth)),
        phone_right=float(np.concatenate(phone).mean()),
        mouth_right=float(np.concatenate(mouth).mean()),
        closed=float(np.concatenate(shut).mean()),
        false_closed=float(np.concatenate(open_).mean()),
        events_closed=float(np.mean(events)),
        confusion=confusion,
    )
