# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the phones of an utterance lie that says known phones at roughly known times.

Neural synthesisers tell how long each of their symbols takes, but in steps of 25 ms, with time
given to stress marks and spaces. An encoder that has learnt from exact times finds the boundaries.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.phones import INDEX, SIL
from inference_core.training.voice.phones import Phone, split

RATE = 50.0
# Seconds that a sound may begin before or end after what the synthesiser says.
SLACK = 0.12
# Of the frames of an utterance, those whose phone the encoder must hear, too: below, the
# synthesiser has said something else.
HEARD = 0.3
_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class Sound:
    """What should be said from about `start` to `end` seconds; a pause may be left out."""

    start: float
    end: float
    names: tuple[str, ...]

    @property
    def pause(self) -> bool:
        """Whether it is silence."""
        return self.names == (SIL,)


def _states(sounds: list[Sound]) -> tuple[list[int], list[int], NDArray[np.bool_]]:
    """Phone index and number of the sound of each state, and whether it may be left out."""
    phones, owner, optional = [], [], []
    for number, sound in enumerate(sounds):
        for name in sound.names:
            phones.append(INDEX[name])
            owner.append(number)
            optional.append(sound.pause)
    return phones, owner, np.array(optional)


def align(sounds: list[Sound], posteriors: NDArray[np.floating]) -> list[Phone] | None:
    """The phones of `sounds` in order, at the likeliest times for `posteriors` [T, P] at 50 Hz.

    A forced alignment (Viterbi) in which every phone takes a frame at least and stays within
    `SLACK` of its rough times; boundaries lie between frames as in `runtime.decode`. None where
    the sounds do not fit into the time or are not what is heard.
    """
    phones, owner, optional = _states(sounds)
    frames, count = len(posteriors), len(phones)
    if count == 0 or frames < count:
        return None
    chances = np.log(np.maximum(posteriors[:, phones], 1e-8, dtype=np.float64))
    middle = (np.arange(frames) + 0.5) / RATE
    start = np.array([sounds[i].start for i in owner]) - SLACK
    end = np.array([sounds[i].end for i in owner]) + SLACK
    chances[(middle[:, None] < start) | (middle[:, None] > end)] = _NEVER
    total = np.full(count, _NEVER)
    total[0] = chances[0, 0]
    if count > 1 and optional[0]:
        total[1] = chances[0, 1]
    moves = np.zeros((frames, count), np.int8)
    skip = np.concatenate([[False, False], optional[1:-1]])
    for t in range(1, frames):
        one = np.concatenate([[_NEVER], total[:-1]])
        two = np.where(skip, np.concatenate([[_NEVER, _NEVER], total[:-2]])[:count], _NEVER)
        ways = np.stack([total, one, two])
        moves[t] = ways.argmax(0)
        total = ways.max(0) + chances[t]
    last = count - 1
    if optional[-1] and total[-2] > total[-1]:
        last -= 1
    if total[last] < _NEVER / 2:
        return None
    path = np.zeros(frames, np.int64)
    path[-1] = last
    for t in range(frames - 1, 0, -1):
        path[t - 1] = path[t] - moves[t, path[t]]
    said = np.array(phones)[path]
    spoken = said != INDEX[SIL]
    if (posteriors.argmax(1) == said)[spoken].mean() < HEARD:
        return None
    return _as_phones(sounds, np.array(owner)[path], path, chances)


def _as_phones(
    sounds: list[Sound],
    owners: NDArray[np.int64],
    path: NDArray[np.int64],
    chances: NDArray[np.float64],
) -> list[Phone]:
    changes = np.flatnonzero(np.diff(owners)) + 1
    bounds = [0.0]
    for t in changes:
        before, after = path[t - 1], path[t]
        ahead = max(chances[t - 1, before] - chances[t - 1, after], 0.0)
        behind = max(chances[t, after] - chances[t, before], 0.0)
        inside = ahead / (ahead + behind) if ahead + behind > 0 else 0.5
        bounds.append((t - 0.5 + inside) / RATE)
    bounds.append(len(path) / RATE)
    result: list[Phone] = []
    for at, (low, high) in enumerate(pairwise(bounds)):
        number = owners[0 if at == 0 else changes[at - 1]]
        result += split(low, high, sounds[number].names)
    return result
