# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two accounts of the same speech agree: frames, boundaries, shut lips."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.mouth import PP, frame_times, hard_labels
from inference_core.runtime.phones import INDEX, VISEME_INDEX

# Seconds around a judged boundary within which a heard one can be the same.
SAME = 0.15
# Seconds within which lips must be seen shut around an aligned p, b, m.
NEAR = 0.06
# PocketSphinx writes AH for the vowel of "cut" and for that of "about" alike: both are right there.
_EITHER = INDEX["ʌ"], INDEX["ə"]
# Seconds around p, b, m outside of which shut lips are wrong.
FAR = 0.1


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts over some recordings; `boundary_errors` in seconds."""

    frames: int
    phone_right: int
    viseme_right: int
    boundaries: int
    boundary_errors: tuple[float, ...]
    lips: int
    lips_shut: int
    elsewhere: int
    falsely_shut: int

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))

    @property
    def phone_share(self) -> float:
        """Of the frames, those with the judged phone."""
        return self.phone_right / max(self.frames, 1)

    @property
    def viseme_share(self) -> float:
        """Of the frames, those with the judged phone's viseme."""
        return self.viseme_right / max(self.frames, 1)

    @property
    def boundary_error(self) -> float:
        """Median distance in seconds of the boundaries that were found."""
        return float(np.median(self.boundary_errors)) if self.boundary_errors else float("nan")

    @property
    def shut_share(self) -> float:
        """Of the judged p, b and m, those with shut lips within 60 ms."""
        return self.lips_shut / self.lips if self.lips else float("nan")

    @property
    def false_share(self) -> float:
        """Of the frames of other sounds far from any p, b or m, those with shut lips."""
        return self.falsely_shut / max(self.elsewhere, 1)

    @property
    def found_share(self) -> float:
        """Of the judged boundaries, those that have a heard one of the same kind."""
        return len(self.boundary_errors) / max(self.boundaries, 1)


NOTHING = Agreement(0, 0, 0, 0, (), 0, 0, 0, 0)


def _boundary_errors(heard: NDArray[np.float64], judge: NDArray[np.float64]) -> tuple[float, ...]:
    """For each judged boundary the distance of the nearest heard one that is of its kind.

    Of its kind: the phone before it or the phone after it has the same viseme in both. A boundary
    between two phones that neither account shares measures nothing.
    """
    if len(heard) < 2 or len(judge) < 2:
        return ()
    ours, theirs = (VISEME_INDEX[p[:, 2].astype(int)] for p in (heard, judge))
    errors = []
    for at, before, after in zip(judge[1:, 0], theirs, theirs[1:], strict=False):
        alike = (ours[:-1] == before) | (ours[1:] == after)
        if before == after or not alike.any():
            continue
        error = float(np.abs(heard[1:, 0][alike] - at).min())
        if error < SAME:
            errors.append(error)
    return tuple(errors)


def compare(
    heard: NDArray[np.float64],
    shut: NDArray[np.bool_],
    judge: NDArray[np.float64],
    frames: int,
) -> Agreement:
    """Heard phones [n, 3] against judged ones [k, 3] over `frames` of 20 ms.

    shut [frames]: whether the lips are asked to be.
    """
    wanted, said = hard_labels(judge, frames), hard_labels(heard, frames)
    counted = VISEME_INDEX[wanted] >= 0  # a breath has no mouth of its own
    either = np.isin(said, _EITHER) & (wanted == _EITHER[0])
    visemes = VISEME_INDEX[judge[:, 2].astype(int)]
    edges = int((visemes[1:] != visemes[:-1]).sum())
    lips = judge[visemes == PP]
    closed, far = closures(shut, frame_times(frames), lips)
    far &= wanted != INDEX["sil"]
    return Agreement(
        int(counted.sum()),
        int((either | (wanted == said))[counted].sum()),
        int((either | (VISEME_INDEX[wanted] == VISEME_INDEX[said]))[counted].sum()),
        edges,
        _boundary_errors(heard, judge),
        len(lips),
        int(sum(closed)),
        int(far.sum()),
        int(shut[far].sum()),
    )


def closures(
    shut: NDArray[np.bool_], times: NDArray[np.float64], lips: NDArray[np.float64]
) -> tuple[list[bool], NDArray[np.bool_]]:
    """Whether each of `lips` [k, 3] is met by shut lips within 60 ms, and which times are far.

    shut [t] at `times` [t] in seconds.
    """
    near = np.zeros(len(times), bool)
    met = []
    for start, end, _ in lips:
        near |= (times > start - FAR) & (times < end + FAR)
        window = (times >= start - NEAR) & (times <= end + NEAR)
        met.append(bool(shut[window].any()))
    return met, ~near
