# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of one shot on disk, beside its folder: `<shot>.takes/`. Without bpy.

takes.json      the list: number, name, time, settings and frame keys of each take
take_0003.json  what is needed to have that take again: curves, settings, shot.json
frames/KEY.png  frames that a take needs and that the shot's folder no longer shows

A frame is the same file for all takes that have its key. A file of the shot's folder that is
replaced is linked in here first, so a take costs only what differs from the others.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..inference_core.protocol.errors import SpeakError
from .shot_folder import ShotFolder, as_speak_error, frame_key, frame_name, writing

LIST, FRAMES, SUFFIX = "takes.json", "frames", ".takes"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Take:
    """One generation. created: ISO 8601 in UTC. keys: one per frame."""

    number: int
    name: str
    created: str
    seed: int
    size: int
    pack: str
    keys: tuple[str, ...]
    named: bool = False


class TakeStore:
    """The takes of the shot whose frames lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder.with_name(folder.name + SUFFIX)

    def takes(self) -> list[Take]:
        """All takes by their numbers; none where the list cannot be read."""
        try:
            document = json.loads((self.path / LIST).read_bytes())
            found = [_take(entry) for entry in document["takes"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return sorted(found, key=lambda take: take.number)

    def find(self, number: int) -> Take | None:
        """A take by its number."""
        return next((take for take in self.takes() if take.number == number), None)

    def details(self, number: int) -> dict[str, Any]:
        """What `write_details` was given; empty when it cannot be read."""
        try:
            document = json.loads(self._details(number).read_bytes())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def add(self, take: Take) -> Take:
        """Keep a take under the next number; `write_details` follows.

        Raises SpeakError(folder_read_only, disk_full).
        """
        before = self.takes()
        take = replace(take, number=max((t.number for t in before), default=0) + 1)
        if not take.name:
            take = replace(take, name=f"Take {take.number}")
        self._write_list([*before, take])
        return take

    def write_details(self, number: int, details: Mapping[str, Any]) -> None:
        """What is needed to have a take again. Raises SpeakError(folder_read_only, disk_full)."""
        with writing(self._details(number)) as file:
            file.write(json.dumps(details, ensure_ascii=False).encode())

    def rename(self, number: int, name: str) -> None:
        """Give a take a name; named takes are never removed by themselves. Raises SpeakError."""
        self._write_list(
            [
                replace(take, name=name, named=True) if take.number == number else take
                for take in self.takes()
            ]
        )

    def delete(self, numbers: Sequence[int]) -> None:
        """Remove takes and the frames that no other take has. Raises SpeakError."""
        left = [take for take in self.takes() if take.number not in numbers]
        self._write_list(left)
        for number in numbers:
            with contextlib.suppress(OSError):
                self._details(number).unlink(missing_ok=True)
        needed = {key for take in left for key in take.keys}
        with contextlib.suppress(OSError):
            for path in (self.path / FRAMES).iterdir():
                if path.stem not in needed:
                    path.unlink(missing_ok=True)

    def superfluous(self, most: int) -> list[int]:
        """The numbers of the oldest unnamed takes beyond so many of them."""
        unnamed = [take.number for take in self.takes() if not take.named]
        return unnamed[: max(0, len(unnamed) - most)]

    def needed(self) -> frozenset[str]:
        """The keys of all frames of all takes."""
        return frozenset(key for take in self.takes() for key in take.keys)

    def frame(self, key: str) -> Path:
        """Where a frame lies that the shot's folder no longer shows."""
        return self.path / FRAMES / f"{key}.png"

    def shown(self, take: Take, index: int) -> Path | None:
        """The file of a take's frame, wherever it lies now."""
        if index >= len(take.keys):
            return None
        kept, current = self.frame(take.keys[index]), self.folder / frame_name(index)
        if kept.is_file():
            return kept
        return current if frame_key(current) == take.keys[index] else None

    def keep(self, index: int, needed: frozenset[str]) -> None:
        """Save the file of a frame, that is about to be replaced, if a take needs it."""
        current = self.folder / frame_name(index)
        key = frame_key(current)
        if key is None or key not in needed:
            return
        kept = self.frame(key)
        if not kept.is_file():
            self._make()
            _link(current, kept)

    def restore(self, index: int, key: str, needed: frozenset[str]) -> bool:
        """Let the shot's folder show a kept frame; whether it was there."""
        kept = self.frame(key)
        if not kept.is_file():
            return False
        self.keep(index, needed)
        _link(kept, self.folder / frame_name(index))
        return True

    def switch(self, take: Take, shot_json: Mapping[str, Any]) -> list[int]:
        """Let the shot's folder show a take; the frames that are gone. Raises SpeakError."""
        needed, folder = self.needed(), ShotFolder(self.folder)
        folder.open()
        gone = [
            index for index in folder.missing(take.keys)
            if not self.restore(index, take.keys[index], needed)
        ]  # fmt: skip
        folder.write_shot(shot_json)
        return gone

    def bytes(self) -> int:
        """How much disk the takes use beside the shot's own folder."""
        total = 0
        for path in self.path.rglob("*"):
            with contextlib.suppress(OSError):
                facts = path.stat()
                # A file that the shot's folder shows as well costs nothing here.
                if path.is_file() and facts.st_nlink < 2:
                    total += facts.st_size
        return total

    def _make(self) -> None:
        try:
            (self.path / FRAMES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpeakError("folder_read_only", name=self.path.name) from error

    def _details(self, number: int) -> Path:
        return self.path / f"take_{number:04d}.json"

    def _write_list(self, takes: Sequence[Take]) -> None:
        self._make()
        entries = [asdict(take) for take in takes]
        with writing(self.path / LIST) as file:
            file.write(json.dumps({"format": FORMAT, "takes": entries}).encode())


def _take(entry: Mapping[str, Any]) -> Take:
    return Take(**{**entry, "keys": tuple(entry["keys"])})


def _link(source: Path, target: Path) -> None:
    """Let `target` be the same file as `source`, or a copy where the disk has no links.

    Raises SpeakError(folder_read_only, disk_full).
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with as_speak_error(target.parent):
        part.unlink(missing_ok=True)
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)
        part.replace(target)
        # Renaming onto a name of the same file does nothing, by POSIX.
        part.unlink(missing_ok=True)
