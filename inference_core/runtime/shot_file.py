# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that `generate` writes: frames, the two CSV files and shot.json.

A file gets its final name only when it is whole. Each frame's file carries its key, so finished
frames are known again after any crash; shot.json adds what was measured on them and what they were
made from.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError

from .png import HEAD, key_of

SHOT, CONTROLS, MEASURED = "shot.json", "controls.csv", "measured.csv"
FORMAT = 1
# EDQUOT is missing on Windows, which says ENOSPC for a full quota.
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

Row = list[float]


def frame_name(index: int) -> str:
    """The file name of a frame of the shot, counted from 0."""
    return f"frame_{index:06d}.png"


class ShotFolder:
    """Reads and writes one shot's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> None:
        """Make the folder and try whether it can be written to.

        Before the first frame, so that nobody waits for a frame that has no place to go.
        SpeakError: folder_read_only, disk_full.
        """
        with self._sentences():
            self.path.mkdir(parents=True, exist_ok=True)
        self.write("probe", bytes(4096))
        with self._sentences():
            (self.path / "probe").unlink()

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all. SpeakError: folder_read_only, disk_full."""
        # The process in the name: two that write one shot never write into one file.
        part = self.path / f"{name}.{os.getpid()}.part"
        with self._sentences():
            try:
                part.write_bytes(data)
                part.replace(self.path / name)
            except BaseException:  # Ctrl-C as well
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
                raise

    def key(self, index: int) -> str | None:
        """The key in the file of a frame; None when there is none or it is not one of ours."""
        try:
            with (self.path / frame_name(index)).open("rb") as file:
                return key_of(file.read(HEAD))
        except OSError:
            return None

    def there(self, keys: Sequence[str]) -> set[int]:
        """The frames that are finished: their file is there and was made from the same."""
        return {index for index, key in enumerate(keys) if self.key(index) == key}

    def measured(self) -> dict[str, Row]:
        """What shot.json says was measured, by frame key; empty when it cannot be read."""
        try:
            facts = json.loads((self.path / SHOT).read_bytes())
            pairs = list(zip(facts["keys"], facts["measured"], strict=False))
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {key: row for key, row in pairs if isinstance(key, str) and _is_row(row)}

    def write_shot(self, facts: dict[str, Any]) -> None:
        """Write shot.json. SpeakError: folder_read_only, disk_full."""
        # A line per field: readable and comparable without a line for each of 19 values per frame.
        lines = [
            f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
            for name, value in facts.items()
        ]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        self.write(SHOT, text.encode())

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turns an OSError into what the user can do about it."""
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise SpeakError("disk_full") from error
            raise SpeakError("folder_read_only", name=self.path.name) from error


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == COUNT
        and all(isinstance(value, int | float) and math.isfinite(value) for value in row)
    )
