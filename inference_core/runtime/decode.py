# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones with times out of an encoder's posteriors."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.closures import dips, lean
from inference_core.runtime.phones import PHONES

RATE = 50.0
# What changing to another phone costs, in nats: less chatters, more swallows short stops.
CHANGE = 2.0
# Frames that are held before the first half of them is decided. Every path can change at every
# frame, so all paths have met long before that, and the answer is that for the whole.
HELD = 2000


class _Path:
    """Viterbi (1967) over phones that may follow each other freely at a constant price.

    Frames are decided block by block, so that hours take no memory.
    """

    def __init__(self, frames: int) -> None:
        self.phone = np.zeros(frames, np.int16)
        # Where a change to frame t lies, in frames: between the middles of t - 1 and t.
        self.boundary = np.arange(frames, dtype=np.float64)
        self._decided = 0
        self._held = 0
        # The frame that was decided last is kept in front of the held ones.
        self._best = np.zeros(HELD + 1, np.int16)
        self._changed = np.zeros((HELD + 1, len(PHONES)), np.bool_)
        self._chances = np.zeros((HELD + 1, len(PHONES)))
        self._total = np.zeros(len(PHONES))

    def hear(self, chances: NDArray[np.float64]) -> None:
        """The next frame's log posteriors [P]."""
        at = self._held + 1
        best = int(self._total.argmax())
        fresh = self._total[best] - CHANGE
        self._best[at] = best
        self._changed[at] = self._total < fresh
        self._chances[at] = chances
        self._total = np.maximum(self._total, fresh) - self._total[best] + chances
        self._held += 1
        if self._held == HELD:
            self._decide(HELD // 2)

    def end(self) -> None:
        """All has been heard."""
        if self._held:
            self._decide(self._held)

    def _decide(self, count: int) -> None:
        path = np.zeros(self._held + 1, np.int16)
        path[-1] = self._total.argmax()
        for t in range(self._held, 0, -1):
            path[t - 1] = self._best[t] if self._changed[t, path[t]] else path[t]
        first = self._decided
        if first:
            path[0] = self.phone[first - 1]
        self.phone[first : first + count] = path[1 : count + 1]
        changes = np.flatnonzero(np.diff(path[: count + 1])) + 1
        if not first:
            changes = changes[changes > 1]  # there is no frame before the first
        before, after = path[changes - 1], path[changes]
        # How much likelier each phone is than the other on its own side.
        ahead = self._chances[changes - 1, before] - self._chances[changes - 1, after]
        behind = self._chances[changes, after] - self._chances[changes, before]
        ahead, behind = np.maximum(ahead, 0), np.maximum(behind, 0)
        both = ahead + behind
        inside = np.where(both > 0, ahead / np.where(both > 0, both, 1), 0.5)
        self.boundary[first + changes - 1] = first + changes - 1.5 + inside
        for kept in (self._best, self._changed, self._chances):
            kept[: self._held + 1 - count] = kept[count : self._held + 1].copy()
        self._decided += count
        self._held -= count


def segments(
    parts: Iterable[NDArray[np.floating]],
    frames: int,
    loudness: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """The likeliest phones [n, 3] = start, end (seconds), index, for posteriors at 50 Hz.

    `parts` are posteriors [k, P] in order, `frames` in all. loudness [frames]: the voice's RMS, in
    whose dips the lips are looked for (`closures.lean`); None leaves all to the posteriors. The
    rows cover 0 to frames / 50 s without a gap. A boundary lies where one phone becomes likelier
    than the other, between the middles of the two frames, so it is finer than a frame.
    """
    if frames == 0:
        return np.zeros((0, 3))
    path = _Path(frames)
    depth = None if loudness is None else dips(loudness)
    at = 0
    for part in parts:
        chances = np.log(np.maximum(part, 1e-8, dtype=np.float64))
        if depth is not None:
            chances += lean(depth[at : at + len(part)])
        at += len(part)
        for row in chances:
            path.hear(row)
    path.end()
    changes = np.flatnonzero(np.diff(path.phone)) + 1
    starts = np.concatenate([[0.0], path.boundary[changes]])
    ends = np.append(starts[1:], frames)
    names = path.phone[np.concatenate([[0], changes])]
    return np.stack([starts / RATE, ends / RATE, names], 1).astype(np.float64)
