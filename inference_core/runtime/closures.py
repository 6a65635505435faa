# SPDX-License-Identifier: GPL-3.0-or-later
"""What the loudness of a voice says about shut lips.

Lips that shut hold the sound back: p, b and m lie in a dip of the loudness, a few dB deep for m and
twenty for p. A frame as loud as what is around it is rarely one of them, whatever an encoder says
about a voice that it does not know; and in the middle of a deep dip the mouth is not as open as
for a vowel or an l.
"""

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.phones import PHONES, VISEME_OF

# Frames (of 20 ms) on either side among which the loudest tells how deep a dip is.
REACH = 6
# Depths in dB, and by how many nats they speak for p, b and m, and against open sounds. What is
# as loud as its surroundings is taken for lips a third as readily, what lies 8 dB below them half
# as readily again, because on voices that it never heard an encoder misses lips more often than
# it invents them, and lips that stay open on m are seen by all. Chosen on synthetic voices.
LIPS = ((0.0, 2.0, 8.0), (-1.0, 0.0, 0.4))
OPEN = ((4.0, 12.0), (0.0, -2.0))

_IS_LIPS = np.array([VISEME_OF[phone] == "PP" for phone in PHONES])
_OPEN_VISEMES = frozenset({"aa", "E", "ih", "oh", "ou", "RR"})
_IS_OPEN = np.array([VISEME_OF[phone] in _OPEN_VISEMES or phone in ("l", "r") for phone in PHONES])
_SILENT = 1e-6  # of full scale; less is none


def dips(loudness: NDArray[np.floating]) -> NDArray[np.float32]:
    """How many dB each frame [T] lies below the loudest of those around it, on the nearer side.

    0 for the loudest frames, and where the voice begins or ends beside silence.
    """
    decibel = 20 * np.log10(np.maximum(loudness, _SILENT, dtype=np.float32))
    if not len(decibel):
        return decibel
    edge = np.full(REACH, decibel.min(), np.float32)
    padded = np.concatenate([edge, decibel, edge])
    loudest = np.lib.stride_tricks.sliding_window_view(padded, REACH + 1).max(1)
    return np.minimum(loudest[: len(decibel)], loudest[REACH:]) - decibel


def lean(depth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Nats [T, P] to add to log posteriors for dips [T] in dB."""
    return np.interp(depth, *LIPS)[:, None] * _IS_LIPS + np.interp(depth, *OPEN)[:, None] * _IS_OPEN
