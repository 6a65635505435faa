# SPDX-License-Identifier: GPL-3.0-or-later
"""Control tracks float32 [frames, 19]: held to their ranges, put together from layers, kept as
CSV.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference_core.protocol import curves_csv
from inference_core.protocol.controls import COUNT, DEFAULTS, INDEX, MAXIMA, MINIMA, NAMES
from inference_core.protocol.errors import SpeakError

from .notice import Notice

Track = npt.NDArray[np.float32]

MOST_FRAMES = (
    1_000_000  # eleven hours at 24 fps; a mistyped number is refused before memory is taken
)
DEFAULT_ROW: Track = np.array(DEFAULTS, np.float32)
LOWEST: Track = np.array(MINIMA, np.float32)
HIGHEST: Track = np.array(MAXIMA, np.float32)


def defaults(frames: int) -> Track:
    """The defaults of all controls, [frames, 19]."""
    return np.tile(DEFAULT_ROW, (frames, 1))


def clamped(controls: npt.ArrayLike) -> tuple[Track, list[Notice]]:
    """Any numbers [N, 19] as a track inside the ranges, and a notice when some had to move.

    NaN becomes the default, infinities the limit they name. SpeakError: controls_shape, no_frames,
    too_many_frames.
    """
    try:
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # 1e300 is infinity as float32, and clamped
            track = np.array(controls, np.float32)
    except (TypeError, ValueError):
        raise SpeakError("controls_shape", shape="no numbers", count=COUNT) from None
    if track.ndim != 2 or track.shape[1] != COUNT:
        raise SpeakError("controls_shape", shape=str(track.shape), count=COUNT)
    if not len(track):
        raise SpeakError("no_frames")
    if len(track) > MOST_FRAMES:
        raise SpeakError("too_many_frames", frames=len(track), limit=MOST_FRAMES)
    moved = ~((track >= LOWEST) & (track <= HIGHEST))  # true for NaN as well
    if not moved.any():
        return track, []
    track = np.clip(np.where(np.isnan(track), DEFAULT_ROW, track), LOWEST, HIGHEST)
    names = ", ".join(NAMES[i] for i in np.flatnonzero(moved.any(0)))
    return track, [Notice("controls_clamped", {"count": int(moved.sum()), "names": names})]


def layered(auto: Track, edit: Track) -> Track:
    """The edit layer over the auto layer: each edit counts as its distance from the default."""
    return (auto + (edit - DEFAULT_ROW)).astype(np.float32)


def to_csv(frames: Iterable[int], track: npt.NDArray[np.float32]) -> str:
    """A CSV with `frame` and all controls, numbers as short as a float32 survives."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["frame", *NAMES])
    for frame, row in zip(frames, track, strict=True):
        writer.writerow([frame, *(str(value) for value in row)])
    return out.getvalue()


def read_csv(path: Path, frames: int) -> Track:
    """The edit layer of a CSV as a track [frames, 19]: what the file does not name is at its
    default.

    Values are not clamped yet, so they may be NaN or 1e9. SpeakError: those of `curves_csv.read`.
    """
    track = defaults(frames)
    with np.errstate(over="ignore"):
        for frame, values in curves_csv.read(path, frames).items():
            for name, value in values.items():
                track[frame, INDEX[name]] = value
    return track
