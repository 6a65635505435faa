# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of a reference clip: a folder, a numbered sequence, an animated image, a video.

Videos are decoded by the program ffmpeg where it is installed; nothing else needs it.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageSequence

from inference_core.protocol.errors import SpeakError

from .image_file import MAX_FILE

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
NUMBERED = re.compile(r"(.*?)(\d+)(\D*)$")
LONGEST_SIDE = 720  # pixels of a video's picture; a face needs no more to be read
BMP_HEADER = 14


@dataclass(frozen=True)
class Clip:
    """Pictures as the bytes of image files, in order; `fps` where the clip itself says it."""

    pictures: Iterator[bytes]
    fps: Fraction | None


def open_clip(path: Path) -> Clip:
    """The pictures of a clip. SpeakError: file_missing, clip_unreadable, clip_needs_ffmpeg."""
    if path.is_dir():
        found = [p for p in path.iterdir() if p.suffix.lower() in PICTURES]
        return Clip(_files(sorted(found, key=_in_order)), None)
    if not path.is_file():
        raise SpeakError("file_missing", name=path.name)
    if animated := _animated(path):
        return animated
    if path.suffix.lower() in PICTURES:
        return Clip(_files(sequence(path)), None)
    return _video(path)


def sequence(path: Path) -> list[Path]:
    """The files that are numbered as this one is, in order; it alone when it has no number."""
    found = NUMBERED.match(path.stem)
    if found is None:
        return [path]
    before, _, after = found.groups()
    same = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    numbered = []
    for other in path.parent.iterdir():
        match = same.fullmatch(other.stem)
        if match and other.suffix == path.suffix:
            numbered.append((int(match.group(1)), other))
    return [other for _, other in sorted(numbered)]


def _in_order(path: Path) -> list[tuple[int, str]]:
    """Names in the order of the numbers in them: 8 before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _files(paths: list[Path]) -> Iterator[bytes]:
    if not paths:
        raise SpeakError("clip_unreadable", reason="there are no pictures in it")

    def read() -> Iterator[bytes]:
        for path in paths:
            if path.stat().st_size > MAX_FILE:
                raise SpeakError(
                    "clip_unreadable", reason="{name} is far too large", name=path.name
                )
            yield path.read_bytes()

    return read()


def _animated(path: Path) -> Clip | None:
    """The pictures of a GIF, WebP or APNG that has several; None for anything else."""
    try:
        image = Image.open(path)
        count = getattr(image, "n_frames", 1)
    except Exception:
        return None
    if count < 2:
        return None
    milliseconds = float(image.info.get("duration") or 40)

    def frames() -> Iterator[bytes]:
        for frame in ImageSequence.Iterator(image):
            out = io.BytesIO()
            frame.convert("RGB").save(out, "PNG", compress_level=1)
            yield out.getvalue()

    return Clip(frames(), Fraction(1000 / milliseconds).limit_denominator(1001))


def _video(path: Path) -> Clip:
    ffmpeg, probe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if ffmpeg is None or probe is None:
        raise SpeakError("clip_needs_ffmpeg", name=path.name)
    asked = ["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate"]
    said = subprocess.run(
        [probe, *asked, "-of", "json", str(path)], capture_output=True, check=False
    )
    try:
        fps = Fraction(json.loads(said.stdout)["streams"][0]["avg_frame_rate"])
    except (ValueError, KeyError, IndexError, ZeroDivisionError):
        raise SpeakError("clip_unreadable", reason="it has no picture that can be read") from None
    limit = f"scale='min({LONGEST_SIDE},iw)':-2"
    command = [ffmpeg, "-v", "error", "-nostdin", "-i", str(path), "-vf", limit]
    command += ["-f", "image2pipe", "-c:v", "bmp", "-"]
    return Clip(_bitmaps(command), fps)


def _bitmaps(command: list[str]) -> Iterator[bytes]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            while len(header := process.stdout.read(BMP_HEADER)) == BMP_HEADER:
                size = int.from_bytes(header[2:6], "little")
                yield header + process.stdout.read(size - BMP_HEADER)
        finally:
            process.kill()
