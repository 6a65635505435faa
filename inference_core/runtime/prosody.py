# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a voice pauses and what it stresses, from loudness alone.

Loudness comes at 50 Hz as RMS. Everything is relative to the voice's own level, so a quiet
recording moves the head like a loud one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.voice import CONTENT_RATE, QUIETEST, level_of

# Seconds. A shorter gap is a stop consonant, a longer stretch gets a second posture.
SHORTEST_PAUSE, SHORTEST_PHRASE, LONGEST_PHRASE = 0.28, 0.2, 3.6
STRESS_SPACING = 0.38


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of talking in seconds; `pause` says whether silence follows it."""

    start: float
    end: float
    pause: bool


@dataclass(frozen=True, slots=True)
class Stress:
    """A stressed syllable: its loudest moment in seconds, and how much it stands out (0..1)."""

    time: float
    strength: float


def smooth(track: NDArray[np.floating], seconds: float) -> NDArray[np.float64]:
    """`track` [T] at 50 Hz under a Hann window of `seconds`; ends are held."""
    half = max(1, round(seconds * CONTENT_RATE / 2))
    kernel = np.hanning(2 * half + 3)[1:-1]
    padded = np.pad(np.asarray(track, np.float64), half, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def activity(loudness: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether somebody talks, per content frame [T]."""
    level = level_of(loudness)
    if level < QUIETEST:
        return np.zeros(len(loudness), bool)
    # In a noisy room the floor counts, in a studio the level; a third of it is always talking.
    floor = float(np.percentile(loudness, 8))
    threshold = min(max(0.1 * level, 2 * floor), 0.35 * level)
    return smooth(loudness, 0.08) > threshold


def phrases(loudness: NDArray[np.floating]) -> list[Phrase]:
    """Phrases in order; a long one is divided where it is quietest."""
    talking = activity(loudness)
    if not talking.any():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], talking.astype(np.int8), [0]])))
    found: list[list[int]] = []
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        if found and low - found[-1][1] < SHORTEST_PAUSE * CONTENT_RATE:
            found[-1][1] = int(high)
        else:
            found.append([int(low), int(high)])
    envelope = smooth(loudness, 0.16)
    result: list[Phrase] = []
    for low, high in found:
        if high - low >= SHORTEST_PHRASE * CONTENT_RATE:
            result += _divided(envelope, low, high)
    return result


def _divided(envelope: NDArray[np.float64], low: int, high: int) -> list[Phrase]:
    if high - low <= LONGEST_PHRASE * CONTENT_RATE:
        return [Phrase(low / CONTENT_RATE, high / CONTENT_RATE, True)]
    # Not near the ends: a phrase of two words wants no posture of its own.
    margin = CONTENT_RATE
    middle = low + margin + int(envelope[low + margin : high - margin].argmin())
    first, rest = _divided(envelope, low, middle), _divided(envelope, middle, high)
    first[-1] = Phrase(first[-1].start, first[-1].end, False)
    return first + rest


def stresses(loudness: NDArray[np.floating]) -> list[Stress]:
    """Stressed syllables in order, at least 0.38 s apart."""
    level = level_of(loudness)
    if level < QUIETEST or len(loudness) < 5:
        return []
    decibel = 20 * np.log10(smooth(loudness, 0.12) / level + 1e-3)
    around = smooth(np.maximum(decibel, -25), 1.6)
    height = (decibel - around) / 12
    peak = (decibel[1:-1] >= decibel[:-2]) & (decibel[1:-1] > decibel[2:])
    peak &= (height[1:-1] > 0.15) & (decibel[1:-1] > -10)
    candidates = sorted(np.flatnonzero(peak) + 1, key=lambda at: -height[at])
    taken: list[int] = []
    free = np.ones(len(decibel), bool)
    reach = round(STRESS_SPACING * CONTENT_RATE)
    for at in candidates:
        if free[at]:
            taken.append(int(at))
            free[max(at - reach, 0) : at + reach] = False
    return [
        Stress((at + 0.5) / CONTENT_RATE, float(np.clip(height[at], 0, 1))) for at in sorted(taken)
    ]
