# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion that the prosody of a phrase suggests: the emotion part of the auto layer.

Rules of thumb from studies of vocal emotion (Banse and Scherer 1996; Juslin and Laukka 2003): what
is louder, higher, wider or faster than the same voice's other phrases is more aroused, and the
range of the melody tells the pleasant from the unpleasant. Not learned from acted speech, blind to
the words, and held small: a proposal for the animator to keep, change or turn off.
"""

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import INDEX
from inference_core.runtime.intonation import Delivery

Times = NDArray[np.float64]

# Never more than this of one emotion, at amount 1.
MOST = 0.3
EMOTIONS = ("happy", "angry", "sad", "surprised", "fear")
# Seconds over which one phrase's mood turns into the next one's.
TURN = 0.6


def suggested(delivery: Delivery) -> dict[str, float]:
    """How much of each emotion a delivery suggests, 0 to `MOST`."""
    level = float(np.clip(delivery.level / 5, -1.5, 1.5))
    pitch = float(np.clip(delivery.pitch / 3, -1.5, 1.5))
    spread = float(np.clip(delivery.spread / 1.2, -1.5, 1.5))
    rate = float(np.clip(delivery.rate / 1.5, -1.5, 1.5))
    aroused = 0.4 * level + 0.35 * pitch + 0.25 * rate
    raw = {
        "happy": min(aroused, spread),
        "angry": min(0.7 * level + 0.3 * rate, 0.4 - spread, 0.8 - 0.5 * pitch),
        "sad": min(-aroused, 0.4 - spread),
        "surprised": min(pitch, delivery.rise / 3),
        "fear": min(pitch, 0.3 - level, 0.3 + rate),
    }
    # The first part is what any phrase strays by.
    return {name: MOST * float(np.clip(value - 0.25, 0, 1)) for name, value in raw.items()}


def mood(times: Times, delivered: list[Delivery]) -> dict[str, Times]:
    """Amounts [frames] of `EMOTIONS` at `times` in seconds: held over a phrase, eased between."""
    result = {name: np.zeros_like(times) for name in EMOTIONS}
    before = dict.fromkeys(EMOTIONS, 0.0)
    steps: list[tuple[float, dict[str, float]]] = []
    for i, delivery in enumerate(delivered):
        steps.append((delivery.phrase.start - 0.2, suggested(delivery)))
        last = i + 1 == len(delivered)
        if last or delivered[i + 1].phrase.start - delivery.phrase.end > 2.5:
            steps.append((delivery.phrase.end + 0.4, dict.fromkeys(EMOTIONS, 0.0)))
    for at, after in steps:
        x = ((times - at) / TURN).clip(0, 1)
        share = x * x * (3 - 2 * x)
        for name in EMOTIONS:
            result[name] += (after[name] - before[name]) * share
        before = after
    return result


def add_mood(offset: NDArray[np.float64], times: Times, delivered: list[Delivery]) -> None:
    """Add `mood` to the emotion columns of `offset` [frames, 19]."""
    for name, amount in mood(times, delivered).items():
        offset[:, INDEX[name]] += amount
