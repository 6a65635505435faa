# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that does as the portrait tells it: the portrait's bytes are JSON with what to do.

frame_ms      time that a frame takes
frame_bytes   size of a frame's file
distinct      how many different files there are
die_at        the process ends by SIGKILL when it comes to that frame (-1: in `keys`)
stuck_at      that frame never comes, though Python goes on
stuck_in_c    with stuck_at: no Python code runs meanwhile, as in a stuck native library
fail          SpeakError with this code from `generate`
raise         another exception from `generate`
print         what the process prints to stdout and stderr before each frame
"""

import ctypes
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError
from inference_core.runtime.notice import Notice
from inference_core.service.worker import run


@dataclass
class Portrait:
    """What to do, under the key of its bytes."""

    key: str
    told: dict[str, Any]
    width: int = 640
    height: int = 480
    own: Any = field(default_factory=lambda: np.arange(COUNT, dtype=np.float32))
    faces: Any = ((1, 2, 3, 4), (np.float32(5), 6, 7, 8))
    chosen: int = 0
    notices: Any = (Notice("portrait_several_faces", {"count": 2}),)


@dataclass
class Voice:
    """A voice of some length."""

    key: str
    seconds: float
    notices: Any = ()


@dataclass
class Frame:
    """A frame whose file is a pattern that its number and the seed make."""

    index: int
    key: str
    png: bytes
    measured: Any


@dataclass
class Seal:
    """Appends the statement, unless there is none."""

    consent: str
    notices: Any = ()

    def __call__(self, png: bytes, key: str) -> bytes:
        return png if self.consent == "unstated" else png + self.consent.encode()


class SlowEngine:
    """The engine's calls, with real keys and made-up frames."""

    def __init__(self, pack: Path, threads: int | None = None) -> None:
        self.pack = pack

    def describe(self) -> dict[str, object]:
        """Facts in numpy's types, which the link must not mind."""
        return {"pack": "slow", "version": "1", "sizes": np.array([256, 512]), "has_voice": True}

    def prepare(self, data: bytes, face: int | None = None, box: Any = None) -> Portrait:
        """The portrait's bytes are what to do."""
        try:
            told = json.loads(data)
        except ValueError:
            raise SpeakError("portrait_unreadable") from None
        return Portrait(hashlib.sha256(data + str((face, box)).encode()).hexdigest(), told)

    def listen(self, samples: Any, rate: int) -> Voice:
        """Only its length counts."""
        digest = hashlib.sha256(samples.tobytes() + str((samples.shape, rate)).encode())
        return Voice(digest.hexdigest(), len(samples) / rate)

    def propose_keys(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        frames: int,
        seed: int,
        amount: float,
        start: float,
    ) -> tuple[Any, Any]:
        """A ramp, and the two keys of each control that make it."""
        ramp = np.arange(frames * COUNT, dtype=np.float64).reshape(frames, COUNT) * amount
        keys = [(c, f, ramp[f, c], COUNT * amount) for c in range(COUNT) for f in (0, frames - 1)]
        return ramp, np.array(keys)

    def seal(self, portrait: Portrait, consent: str) -> Seal:
        """Writes the statement behind the file."""
        return Seal(consent)

    def keys(
        self, portrait: Portrait, voice: Voice | None, *shot: Any, mark: bool = True
    ) -> list[str]:
        """One key per row of the curves."""
        if portrait.told.get("die_at") == -1:
            os.kill(os.getpid(), signal.SIGKILL)
        return [hashlib.sha256(row.tobytes()).hexdigest() for row in shot[1]]

    def generate(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        controls: Any,
        size: int,
        seed: int = 0,
        start: float = 0.0,
        indices: Sequence[int] | None = None,
        mark: bool = True,
    ) -> Iterator[Frame]:
        """Frames, as the portrait tells."""
        if portrait.told.get("fail"):
            raise SpeakError(portrait.told["fail"])
        if portrait.told.get("raise"):
            raise RuntimeError(portrait.told["raise"])
        keys = self.keys(portrait, voice, fps, controls)
        return self._frames(portrait.told, controls, keys, seed, indices)

    def _frames(
        self, told: dict[str, Any], controls: Any, keys: list[str], seed: int, indices: Any
    ) -> Iterator[Frame]:
        for index in range(len(controls)) if indices is None else indices:
            if told.get("die_at") == index:
                os.kill(os.getpid(), signal.SIGKILL)
            if told.get("stuck_at") == index:
                _be_stuck(told.get("stuck_in_c", False))
            if text := told.get("print"):
                print(text, flush=True)
                print(text, file=sys.stderr, flush=True)
            if pause := told.get("frame_ms"):
                time.sleep(pause / 1000)
            value = (index + seed) % told.get("distinct", 251)
            file = _file(value, told.get("frame_bytes", 100))
            yield Frame(index, keys[index], file, controls[index])


@lru_cache(maxsize=8)
def _file(value: int, size: int) -> bytes:
    return bytes([value]) * size


def _be_stuck(in_c: bool) -> None:
    if in_c:
        # Unlike CDLL, PyDLL does not let go of the interpreter meanwhile.
        ctypes.PyDLL(None).sleep(3600)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    run(make=SlowEngine)
