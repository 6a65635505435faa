# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips to be measured: a movie, a folder of pictures, or one of our own shots."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..provenance.look import IMAGES, MOVIE_OPTIONS, MOVIES
from ..runtime.audio_file import read_audio

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

MOST_FRAMES = 250  # held in memory at a time; 10 s
DEFAULT_FPS = Fraction(25)


class ClipError(Exception):
    """Why something cannot be measured, in a sentence."""


@dataclass(frozen=True)
class Clip:
    """Pictures [n, h, w, 3] in time; sound [n] mono with its rate, and our shot.json, if any."""

    name: str
    pictures: Bytes
    fps: Fraction
    sound: Floats | None = None
    rate: int = 0
    shot: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pictures.shape[2], self.pictures.shape[1]

    def resized(self, size: tuple[int, int]) -> Clip:
        """The same with pictures of another size (bicubic)."""
        if size == self.size:
            return self
        pictures = [
            np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
            for picture in self.pictures
        ]
        return Clip(self.name, np.stack(pictures), self.fps, self.sound, self.rate, self.shot)


def load(path: Path, most: int = MOST_FRAMES) -> Clip:
    """Read a clip, its first `most` frames. ClipError."""
    if path.is_dir():
        return _folder(path, most)
    if path.suffix.lower() in MOVIES:
        return _movie(path, most)
    if path.suffix.lower() in IMAGES:
        return Clip(path.stem, _stacked([_picture(path)], path.name), DEFAULT_FPS)
    raise ClipError(f"{path.name} is neither a movie nor a picture nor a folder of pictures.")


def _picture(path: Path) -> Bytes:
    try:
        return np.asarray(Image.open(path).convert("RGB"))
    except (OSError, ValueError) as error:
        raise ClipError(f"{path.name} is not a picture that can be read.") from error


def _stacked(pictures: list[Bytes], name: str) -> Bytes:
    if not pictures:
        raise ClipError(f"{name} has no pictures.")
    if len({picture.shape for picture in pictures}) > 1:
        raise ClipError(f"The pictures of {name} differ in size.")
    return np.stack(pictures)


def _folder(path: Path, most: int) -> Clip:
    """A folder of pictures in the order of their names, with a WAV in it as the sound."""
    files = sorted(one for one in path.iterdir() if one.suffix.lower() in IMAGES)[:most]
    pictures = _stacked([_picture(file) for file in files], path.name)
    shot: dict[str, Any] = {}
    try:
        found = json.loads((path / "shot.json").read_bytes())
        shot = found if isinstance(found, dict) else {}
    except (OSError, ValueError, RecursionError):
        pass
    fps = DEFAULT_FPS
    rate = shot.get("fps")
    if isinstance(rate, list) and [type(n) for n in rate] == [int, int] and min(rate) > 0:
        fps = Fraction(*rate)
    sounds = sorted(path.glob("*.wav"))
    sound, samples = _sound(sounds[0]) if sounds else (None, 0)
    return Clip(path.name, pictures, fps, sound, samples, shot)


def _sound(path: Path) -> tuple[Floats, int]:
    samples, rate = read_audio(path)
    return samples.mean(1).astype(np.float32), rate


def _movie(path: Path, most: int) -> Clip:
    try:
        import av
    except ImportError:
        raise ClipError("Movies need the Python package av (requirements/bench.txt).") from None
    pictures: list[Bytes] = []
    try:
        with path.open("rb") as file, av.open(file, "r", options=MOVIE_OPTIONS) as movie:
            stream = movie.streams.video[0]
            fps = Fraction(stream.average_rate or DEFAULT_FPS)
            for frame in movie.decode(stream):
                pictures.append(frame.to_ndarray(format="rgb24").astype(np.uint8))
                if len(pictures) == most:
                    break
        sound, rate = _movie_sound(path)
    except (av.error.FFmpegError, OSError, ValueError, IndexError, AttributeError) as error:
        raise ClipError(f"{path.name} is not a movie that can be read.") from error
    return Clip(path.stem, _stacked(pictures, path.name), fps, sound, rate)


def _movie_sound(path: Path) -> tuple[Floats | None, int]:
    """The sound as mono at 16 kHz; None where there is none."""
    import av

    rate = 16_000
    with path.open("rb") as file, av.open(file, "r", options=MOVIE_OPTIONS) as movie:
        if not movie.streams.audio:
            return None, 0
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        parts = [
            part.to_ndarray().reshape(-1)
            for frame in movie.decode(movie.streams.audio[0])
            for part in resampler.resample(frame)
        ]
    return (np.concatenate(parts).astype(np.float32), rate) if parts else (None, 0)
