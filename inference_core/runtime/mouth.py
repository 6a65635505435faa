# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mouth does for a list of phones: coarticulated viseme weights at 50 Hz.

Dominance functions after Cohen and Massaro (1993): every phone pulls the mouth towards its viseme
with a strength that falls off around it, and the pulls are averaged. On top of it the lips
*must* close on p, b, m and meet the teeth on f, v: there a plateau overrides the average.
"""

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import VISEMES
from inference_core.runtime.phones import INDEX, STOPS, VISEME_INDEX
from inference_core.runtime.phones import SIL as SILENCE

RATE = 50.0
COUNT = len(VISEMES)
SIL, PP, FF, TH, DD, KK, CH, SS, NN, RR, AA, E, IH, OH, OU = range(COUNT)

# Strength of each viseme's pull, and how far it reaches before and after the phone in seconds.
# Rounding starts early (the lips have nothing else to do), the tip of the tongue is quick. What
# the tongue does inside of the mouth leaves the lips to the vowels around it.
_STRENGTH = {SIL: 0.7, PP: 1.2, FF: 1.2, TH: 1.3, DD: 0.75, KK: 0.5, CH: 2.2, SS: 1.3, NN: 0.65,
             RR: 1.2, AA: 1.2, E: 1.0, IH: 1.0, OH: 1.4, OU: 1.7}  # fmt: skip
_BEFORE = {SIL: 0.04, PP: 0.015, FF: 0.015, TH: 0.02, CH: 0.04, OH: 0.04, OU: 0.05}
_AFTER = {SIL: 0.04, PP: 0.012, FF: 0.015, TH: 0.02, CH: 0.03, OH: 0.03, OU: 0.035}
_REACH = 0.025

# Seconds over which the lips arrive at a closure and leave it. They part slower than they meet:
# nothing stops them on the way, and what opens at once looks torn.
_CLOSING, _OPENING = 0.04, 0.07
# A gap in the voice that is shorter is no pause: nobody shuts the mouth in it, except for the p or
# b that ends it.
_GAP = 0.13
_FULL = {PP: 1.0, FF: 0.95}
# A stop is shut until its burst, which comes about here.
_BURST = 0.72
_STOPS = frozenset(INDEX[name] for name in STOPS)
_PRESSED = (INDEX["p"], INDEX["b"])
# How much of f and v a generated face shows as s, whose teeth are seen: its own f has the lower lip
# in its place, but under the upper lip instead of under the teeth, and reads as p.
_TEETH = 0.35

FAINT = 0.003  # under which a pull is none

STRENGTH = np.array([_STRENGTH[i] for i in range(COUNT)])
BEFORE = np.array([_BEFORE.get(i, _REACH) for i in range(COUNT)])
AFTER = np.array([_AFTER.get(i, _REACH) for i in range(COUNT)])


def frame_times(frames: int) -> NDArray[np.float64]:
    """Centres of the frames in seconds: frame k covers k/50 to (k+1)/50 s."""
    return (np.arange(frames) + 0.5) / RATE


def hard_labels(phones: NDArray[np.float64], frames: int) -> NDArray[np.int64]:
    """The phone that covers each frame's centre; silence where nothing is.

    phones [n, 3] = start, end, index in the inventory.
    """
    if len(phones) == 0:
        return np.zeros(frames, np.int64)
    times = frame_times(frames)
    at = np.searchsorted(phones[:, 0], times, side="right") - 1
    labels = phones[np.clip(at, 0, None), 2].astype(np.int64)
    outside = (at < 0) | (times >= phones[np.clip(at, 0, None), 1])
    return np.where(outside, 0, labels)


def viseme_weights(phones: NDArray[np.float64], frames: int) -> NDArray[np.float32]:
    """Weights [frames, 15], each row summing to 1, for phones [n, 3] as in `hard_labels`."""
    times = frame_times(frames)[:, None]
    result = np.zeros((frames, COUNT))
    phones = _without_gaps(phones)
    viseme = VISEME_INDEX[phones[:, 2].astype(np.int64)]
    spoken, kind = phones[viseme >= 0], viseme[viseme >= 0]  # h has no mouth of its own
    if len(spoken) == 0:
        result[:, SIL] = 1
        return result.astype(np.float32)
    start, end = spoken[:, 0], spoken[:, 1]
    # The pull is full in the middle half of the phone.
    # Bounded, so that a long silence does not reach into the words around it.
    quarter = np.minimum((end - start) / 4, 0.05)
    before = np.clip(start + quarter - times, 0, None) / (BEFORE[kind] + 0.3 * quarter)
    after = np.clip(times - end + quarter, 0, None) / (AFTER[kind] + 0.3 * quarter)
    pull = STRENGTH[kind] * np.exp(-((before + after) ** 1.3))
    # Faint pulls end altogether: a frame depends on the voice around it and on nothing farther.
    pull = np.clip(pull - FAINT, 0, None)
    np.add.at(result.T, kind, pull.T)
    result[:, SIL] += 1e-6  # far from every phone
    result /= result.sum(1, keepdims=True)
    for lips, full in _FULL.items():
        held = np.maximum(_plateau(spoken[kind == lips], times[:, 0]) * full, result[:, lips])
        result *= ((1 - held) / np.maximum(1 - result[:, lips], 1e-9))[:, None]
        result[:, lips] = held
    return result.astype(np.float32)


def on_a_face(content: NDArray[np.float32]) -> NDArray[np.float32]:
    """Content [N, 15] as a generated face is told it: on f and v the lip meets teeth that are seen.

    Rigs have an f of their own and get the content as it is.
    """
    shown = content.copy()
    teeth = _TEETH * content[:, FF]
    shown[:, FF] -= teeth
    shown[:, SS] += teeth
    return shown


def _without_gaps(phones: NDArray[np.float64]) -> NDArray[np.float64]:
    """Phones [n, 3] without the silences inside of words; one before p or b is a held closure."""
    if len(phones) < 3:
        return phones
    gap = (phones[:, 2] == INDEX[SILENCE]) & (phones[:, 1] - phones[:, 0] < _GAP)
    gap[[0, -1]] = False
    held = gap & np.isin(np.roll(phones[:, 2], -1), _PRESSED)
    closed = phones.copy()
    closed[held, 2] = INDEX["m"]
    return closed[~gap | held]


def _plateau(phones: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """0..1 per frame: 1 while the lips are shut, with smooth ramps around."""
    level = np.zeros(len(times))
    half_frame = 0.5 / RATE
    for start, end, phone in phones:
        until = start + _BURST * (end - start) if int(phone) in _STOPS else end
        middle = (start + until) / 2
        # At least one frame's centre lies on the plateau, however short the phone is.
        low = min(start + 0.15 * (until - start), middle - half_frame)
        high = max(until, middle + half_frame)
        ramp = np.minimum((times - low) / _CLOSING + 1, (high - times) / _OPENING + 1).clip(0, 1)
        level = np.maximum(level, ramp * ramp * (3 - 2 * ramp))
    return level


BLOCK = 1000
# Seconds around a block outside of which no phone pulls.
AROUND = 1.0


def content_of_phones(phones: NDArray[np.float64], result: NDArray[np.float32]) -> None:
    """Fill `result` [T, 15] with `viseme_weights` of phones [n, 3] in order, block by block."""
    for low in range(0, len(result), BLOCK):
        high = min(low + BLOCK, len(result))
        first = np.searchsorted(phones[:, 1], low / RATE - AROUND)
        last = np.searchsorted(phones[:, 0], high / RATE + AROUND)
        near = phones[first:last].copy()
        near[:, :2] -= low / RATE
        result[low:high] = viseme_weights(near, high - low)
