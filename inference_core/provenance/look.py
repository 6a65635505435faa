# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of a file: one of an image, a few of a movie where PyAV is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"}
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
MOVIES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ogv", ".mpg", ".mpeg"}
FLOATS = {".exr", ".hdr"}
# A playlist that calls itself a movie would make FFmpeg open other files and addresses.
MOVIE_OPTIONS = {
    "protocol_whitelist": "",
    "format_whitelist": "mov,mp4,m4a,3gp,avi,matroska,webm,ogg,mpeg,mpegts",
}
MOST_PIXELS = 8192 * 8192
MOVIE_LOOKS = 12  # pictures of a movie that are looked at


class CannotLookError(Exception):
    """Why a file's pictures cannot be seen, in a few words."""


class NoReaderError(CannotLookError):
    """Nothing here reads files of this kind, so they may be good."""


def pictures(path: Path, most: int = MOVIE_LOOKS) -> Iterator[Image.Image]:
    """Pictures of an image or movie, at most `most`, spread over its length. CannotLookError."""
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        yield _image(path)
    elif suffix in MOVIES:
        yield from _movie(path, most)
    elif suffix in FLOATS:
        raise NoReaderError("pictures of more than 8 bits carry no watermark")
    elif suffix:
        raise CannotLookError(f"{suffix} files cannot be looked at")
    else:
        raise CannotLookError("files without a suffix cannot be looked at")


def following(path: Path, count: int) -> list[Image.Image]:
    """An image, or the first frames of a movie, at most `count`, in RGB. CannotLookError."""
    if path.suffix.lower() not in MOVIES:
        return [image.convert("RGB") for image in pictures(path)]
    with _opened(path) as movie:
        return [frame.to_image() for frame in islice(movie.decode(video=0), count)]


def _image(path: Path) -> Image.Image:
    try:
        image = Image.open(path, formats=IMAGE_FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise CannotLookError(f"{image.width} x {image.height} pixels are too many")
        image.load()
    except CannotLookError:
        raise
    except Exception as error:  # Pillow's plugins raise anything
        raise CannotLookError("it is not an image that can be read") from error
    return image


def _movie(path: Path, most: int) -> Iterator[Image.Image]:
    with _opened(path) as movie:
        yield from _spread(movie, most)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A movie with pictures that something here decodes. CannotLookError."""
    try:
        import av
    except ImportError:
        raise NoReaderError("movies need the Python package av") from None
    try:
        with path.open("rb") as file, av.open(file, options=MOVIE_OPTIONS) as movie:
            if not movie.streams.video:
                raise CannotLookError("it has no pictures")
            stream = movie.streams.video[0]
            if stream.codec_context is None:
                raise CannotLookError("nothing here decodes its pictures")
            if stream.width * stream.height > MOST_PIXELS:
                raise CannotLookError(f"{stream.width} x {stream.height} pixels are too many")
            stream.thread_type = "AUTO"
            yield movie
    except CannotLookError:
        raise
    # PyAV says with many kinds of error that FFmpeg could make nothing of a file.
    except (av.error.FFmpegError, OSError, ValueError, AttributeError, TypeError) as error:
        raise CannotLookError("it is not a movie that can be read") from error


def _spread(movie: Any, most: int) -> Iterator[Image.Image]:
    """Frames at equal steps. Key frames are met first: they keep most of what a picture had."""
    stream = movie.streams.video[0]
    length = stream.duration or 0
    if length <= 0 or not stream.time_base:
        for number, frame in enumerate(movie.decode(stream)):
            if number == most:
                return
            yield frame.to_image()
        return
    start = stream.start_time or 0
    shown = None
    for number in range(most):
        movie.seek(start + length * number // most, stream=stream)
        frame = next(iter(movie.decode(stream)), None)
        if frame is not None and frame.pts != shown:
            shown = frame.pts
            yield frame.to_image()
