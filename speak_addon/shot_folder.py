# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of one shot: `frame_######.png` and `shot.json`, and nothing else.

Without bpy. A file gets its final name only when it is whole; what a crash leaves is a `.part`
file that the next generation removes. Each frame carries its key in a text chunk, so finished
frames are recognised whatever happened since.
"""

import contextlib
import errno
import json
import os
import struct
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from ..inference_core.protocol.errors import SpeakError
from . import json_portions, portions

SHOT_FILE = "shot.json"
PART = ".part"
# A `.part` this old belongs to nobody any more; a younger one may be another Blender's.
STALE_SECONDS = 60.0
# EDQUOT is missing on Windows, which says ENOSPC for a full quota.
FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
# The key stands in the first text chunk, behind the image header and what signs the file.
HEAD = 8192
SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEY_CHUNK = b"tEXtspeak-key\0"


def frame_name(index: int) -> str:
    """The file of a frame, counted from 0 at the first frame of the shot."""
    return f"frame_{index:06d}.png"


def frame_key(path: Path) -> str | None:
    """The key in a frame's file; None when there is no such file or it is no frame of ours."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    at = head.find(KEY_CHUNK)
    if not head.startswith(SIGNATURE) or at < 4:
        return None
    (length,) = struct.unpack(">I", head[at - 4 : at])
    return head[at + len(KEY_CHUNK) : at + 4 + length].decode("latin-1")


def part_of(final: Path) -> Path:
    """Where a file is written before it has its name."""
    # The process in the name: two Blenders on one shot never write into one file.
    return final.with_name(f"{final.name}.{os.getpid()}{PART}")


@contextlib.contextmanager
def writing(final: Path) -> Iterator[BinaryIO]:
    """A file that gets its name only when it is whole.

    Raises SpeakError(folder_read_only, disk_full).
    """
    part = part_of(final)
    with as_speak_error(final.parent):
        try:
            with part.open("wb") as file:
                yield file
            part.replace(final)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise


class ShotFolder:
    """Writes into the folder of one shot."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> None:
        """Make the folder and try it. Raises SpeakError(folder_read_only, disk_full)."""
        with as_speak_error(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._remove_stale_parts()
            probe = part_of(self.path / "probe")
            try:
                probe.write_bytes(bytes(4096))
            finally:
                probe.unlink(missing_ok=True)

    def missing(self, keys: Sequence[str]) -> list[int]:
        """The frames whose file is not there or was made from something else."""
        return [
            index
            for index, key in enumerate(keys)
            if frame_key(self.path / frame_name(index)) != key
        ]

    def write_frame(self, index: int, png: bytes) -> None:
        """Write one frame. Raises SpeakError(folder_read_only, disk_full)."""
        self._write(self.path / frame_name(index), (png,))

    def write_shot(self, facts: Mapping[str, object]) -> None:
        """Write shot.json. Raises SpeakError(folder_read_only, disk_full)."""
        text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
        self._write(self.path / SHOT_FILE, (text.encode(), b"\n"))

    def read_shot(self) -> dict[str, object]:
        """What shot.json says; empty when there is none that can be read."""
        return portions.finish(self.reading_shot())

    def reading_shot(self) -> Generator[None, None, dict[str, object]]:
        """`read_shot` in portions."""
        try:
            text = (self.path / SHOT_FILE).read_text("utf-8")
            yield
            facts = yield from json_portions.steps(text)
        except (OSError, ValueError, RecursionError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def _write(self, final: Path, pieces: Iterable[bytes]) -> None:
        with writing(final) as file:
            file.writelines(pieces)

    def _remove_stale_parts(self) -> None:
        now = time.time()
        for part in self.path.glob(f"*{PART}"):
            with contextlib.suppress(OSError):
                if now - part.stat().st_mtime > STALE_SECONDS:
                    part.unlink()


class as_speak_error:
    """Turns an OSError into the sentence that the user can act on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            if error.errno in FULL:
                raise SpeakError("disk_full") from error
            raise SpeakError("folder_read_only", name=self._folder.name) from error
