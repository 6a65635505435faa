# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose and emotion read off a clip, SPEAK's own way in: E_p and E_e look at each picture.

The face is searched in the first picture and then looked for where it was. Pictures in which it
is not found take the values around them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from inference_core.protocol.controls import COUNT, EMOTIONS, INDEX
from inference_core.protocol.errors import SpeakError

from . import portrait as portraits
from .pack import Pack
from .portrait import Floats, Portrait

POSE = tuple(INDEX[name] for name in ("yaw", "pitch", "roll"))
EMOTION = tuple(INDEX[name] for name in EMOTIONS)
ROLL = INDEX["roll"]
# Seconds over which readings are smoothed: a picture's own noise is shorter, a nod is longer.
SMOOTH = {"pose": 0.08, "emotion": 0.25}

Box = tuple[float, float, float, float]


class FaceReader:
    """Reads the controls off successive pictures of one face."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        # Where the face was found, and the middle of its landmarks there.
        self._last: tuple[Box, npt.NDArray[np.float64]] | None = None

    def read(self, data: bytes) -> Floats | None:
        """Controls [19] seen in an image file, or None where there is no face.

        Roll is that of the head in the picture. SpeakError: those of an unreadable picture.
        """
        found = self._again(data) or self._search(data)
        if found is None:
            return None
        seen = found.own.copy()
        seen[ROLL] += tilt(found)
        return seen

    def _again(self, data: bytes) -> Portrait | None:
        """Look where the face was; the box then goes along with the landmarks."""
        if self._last is None:
            return None
        (x, y, width, height), middle = self._last
        found = self._prepare(data, (x, y, width, height))
        if found is None or found.confidence < portraits.SURE:
            return None
        now = found.points.mean(0)
        moved = now - middle
        self._last = (x + moved[0], y + moved[1], width, height), now
        return found

    def _search(self, data: bytes) -> Portrait | None:
        self._last = None
        found = self._prepare(data, None)
        if found is not None:
            x, y, width, height = found.faces[found.chosen]
            box = (float(x), float(y), float(width), float(height))
            self._last = box, found.points.mean(0)
        return found

    def _prepare(self, data: bytes, box: Box | None) -> Portrait | None:
        try:
            return portraits.prepare(self._pack, data, None, box)
        except SpeakError as error:
            if error.code in ("portrait_no_face", "portrait_bad_box"):
                return None
            raise


def tilt(found: Portrait) -> float:
    """How far the face is turned in its picture, in degrees, towards its own left shoulder."""
    return math.degrees(math.atan2(found.square.right_y, found.square.right_x))


def read_clip(
    pack: Pack, pictures: Iterable[bytes], step: Callable[[int], None] = lambda _: None
) -> Floats:
    """Controls [n, 19] of all pictures of a clip; `step` is told how many are done.

    SpeakError: clip_no_face when no picture has one, clip_unreadable without pictures.
    """
    reader = FaceReader(pack)
    rows: list[Floats] = []
    for number, data in enumerate(pictures, 1):
        seen = reader.read(data)
        rows.append(np.full(COUNT, np.nan, np.float32) if seen is None else seen)
        step(number)
    if not rows:
        raise SpeakError("clip_unreadable", reason="there are no pictures in it")
    track = np.stack(rows)
    known = np.isfinite(track).all(axis=1)
    if not known.any():
        raise SpeakError("clip_no_face")
    numbers = np.arange(len(track))
    for column in range(COUNT):
        track[:, column] = np.interp(numbers, numbers[known], track[known, column])
    return track


def at_frames(
    clip: Floats, clip_fps: Fraction, fps: Fraction, frames: int, start: float, width: float
) -> Floats:
    """A clip's values [n, k] at the frames of a shot [frames, k], smoothed over `width` seconds.

    Frame 0 shows the moment `start` of the clip; before and after it the ends are held.
    """
    smooth = _smoothed(clip.astype(np.float64), width * float(clip_fps))
    seconds = start + np.arange(frames) * float(1 / fps)
    places = seconds * float(clip_fps)
    numbers = np.arange(len(clip))
    columns = [np.interp(places, numbers, smooth[:, column]) for column in range(clip.shape[1])]
    return np.stack(columns, axis=1).astype(np.float32)


def _smoothed(values: npt.NDArray[np.float64], deviation: float) -> npt.NDArray[np.float64]:
    """Values [n, k] under a Gaussian of this deviation in rows, the ends repeated."""
    if deviation < 0.3 or len(values) < 2:
        return values
    reach = math.ceil(3 * deviation)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights /= weights.sum()
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    columns = [np.convolve(padded[:, k], weights, "valid") for k in range(values.shape[1])]
    return np.stack(columns, axis=1)
