# SPDX-License-Identifier: GPL-3.0-or-later
"""What the frames on disk were made from, and which of them an edit touches. Without bpy.

The answer is for people: at Generate the core's frame keys decide. It is exact as long as portrait,
voice and pack are the same; when one of those changes, it says that all frames may have to go.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.controls import COUNT
from .layers import Track, blend

# What a value may differ by and still be the same: as it was sent, and as shot.json and the curves
# of the auto layer give it back.
EXACT, ROUNDED = 1e-6, 2e-3


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything but the curves that frames are made from, in forms that can be compared."""

    portrait: str
    voice: str
    pack: str
    fps: str
    size: int
    seed: int
    amount: float
    mark: bool = True

    def differences(self, other: "Sources") -> tuple[str, ...]:
        """The names of the fields that differ."""
        return tuple(name for name in self.__slots__ if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, slots=True)
class Baseline:
    """The last generation of a shot. own [19]; auto and controls [frames, 19].

    auto is None when there was none or it is not known any more. keys: None where a frame was not
    made.
    """

    sources: Sources
    own: Track
    auto: Track | None
    controls: Track
    keys: tuple[str | None, ...]
    tolerance: float = EXACT


@dataclass(frozen=True, slots=True)
class Changes:
    """Which frames Generate will make. `frames` are numbers from 0, of `total` in the shot.

    why: what changed for all frames (names of `Sources`, or `auto`). missing: how many of `frames`
    are only gone from the disk.
    """

    frames: tuple[int, ...]
    total: int
    why: tuple[str, ...] = ()
    missing: int = 0


def from_record(record: Mapping[str, Any], auto: Track | None) -> Baseline | None:
    """The baseline in a shot.json; None when it says too little. auto: from its curves."""
    try:
        about = record["sources"]
        sources = Sources(**{name: about[name] for name in Sources.__slots__})
        own = np.array(about["own"], np.float32)
        controls = np.array(record["controls"]["rows"], np.float32)
        keys = tuple(record["keys"])
        used_auto = bool(about["auto"])
    except (KeyError, TypeError, ValueError):
        return None
    if own.shape != (COUNT,) or controls.shape != (len(keys), COUNT):
        return None
    return Baseline(sources, own, auto if used_auto else None, controls, keys, ROUNDED)


def changes(
    made: Baseline | None,
    now: Sources,
    use_auto: bool,
    edit: Track,
    weights: Track,
    present: Collection[int],
) -> Changes:
    """What an edit touches. edit [frames, 19] cleaned, weights [frames, 4], present: files."""
    total = len(edit)
    if made is None:
        return Changes(tuple(range(total)), total)
    why = made.sources.differences(now)
    if not use_auto:
        why = tuple(name for name in why if name != "amount")
    if use_auto and made.auto is None and not why:
        why = ("auto",)
    if why:
        return Changes(tuple(range(total)), total, why)
    known = min(total, len(made.controls), total if made.auto is None else len(made.auto))
    auto = made.auto[:known] if use_auto and made.auto is not None else None
    wanted = blend(made.own, auto, edit[:known], weights[:known])
    touched = np.ones(total, bool)
    touched[:known] = (np.abs(wanted - made.controls[:known]) > made.tolerance).any(axis=1)
    touched[:known] |= np.array([key is None for key in made.keys[:known]], bool)
    gone = _absent(total, present) & ~touched
    frames = tuple(int(index) for index in np.flatnonzero(touched | gone))
    return Changes(frames, total, (), int(gone.sum()))


def _absent(total: int, present: Collection[int]) -> npt.NDArray[np.bool_]:
    absent = np.ones(total, bool)
    there = [index for index in present if index < total]
    absent[there] = False
    return absent


def spans(frames: Collection[int]) -> list[tuple[int, int]]:
    """Frames as first and last of each run: [3, 4, 5, 9] is [(3, 5), (9, 9)]."""
    found: list[tuple[int, int]] = []
    for index in sorted(frames):
        if found and found[-1][1] == index - 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found
