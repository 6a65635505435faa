# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones with times out of an encoder's posteriors."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.phones import PHONES
from inference_core.runtime.scratch import new_array

RATE = 50.0
# What changing to another phone costs, in nats: less chatters, more swallows short stops.
CHANGE = 2.0


def segments(parts: Iterable[NDArray[np.floating]], frames: int) -> NDArray[np.float64]:
    """The likeliest phones [n, 3] = start, end (seconds), index, for posteriors at 50 Hz.

    `parts` are posteriors [k, P] in order, `frames` in all. Viterbi (1967) over phones that may
    follow each other freely at a constant price. The rows cover 0 to frames / 50 s without a gap.
    """
    if frames == 0:
        return np.zeros((0, 3))
    best = np.zeros(frames, np.int32)  # the phone that a change into frame t comes from
    changed = new_array((frames, len(PHONES)), np.bool_)
    total = np.zeros(len(PHONES))
    t = 0
    for part in parts:
        for row in np.log(np.maximum(part, 1e-8, dtype=np.float64)):
            best[t] = total.argmax()
            fresh = total[best[t]] - CHANGE
            changed[t] = total < fresh
            total = np.maximum(total, fresh) - total[best[t]] + row
            t += 1
    path = np.zeros(frames, np.int32)
    path[-1] = total.argmax()
    for t in range(frames - 1, 0, -1):
        path[t - 1] = best[t] if changed[t, path[t]] else path[t]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1])
    ends = np.append(starts[1:], frames)
    return np.stack([starts / RATE, ends / RATE, path[starts]], 1).astype(np.float64)
