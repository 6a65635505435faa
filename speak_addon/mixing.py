# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice mixed down by another Blender without a window, so that this one goes on. Without bpy.

Mixing down holds the interpreter of the Blender that does it, on whatever thread: 10 to 30
milliseconds per second of voice. What a few plain strips sound like is told by a handful of facts,
from which `mix_strips.py` builds the same timeline there.
"""

import json
import os
import subprocess
import tempfile
import time
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

SCRIPT = Path(__file__).with_name("mix_strips.py")
# How long it may take to start, and then per second of sound.
START_SECONDS, PATIENCE = 30.0, 1.0


def command(binary: str, python: str) -> list[str]:
    """How another Blender is started with the script: `binary`, or bpy as a module of `python`."""
    if binary:
        quiet = ["--background", "--factory-startup", "-noaudio"]
        return [binary, *quiet, "--python-exit-code", "1", "--python", str(SCRIPT), "--"]
    return [python, str(SCRIPT)]


class Mixing:
    """One mixdown on its way. count: the samples of the whole, at `rate` samples per second."""

    def __init__(
        self, start: Sequence[str], facts: Mapping[str, Any], count: int, rate: int
    ) -> None:
        """Start it. facts: as `mix_strips.py` reads them. Raises OSError."""
        self._count = count
        self._folder = tempfile.TemporaryDirectory(prefix="speak-")
        folder = Path(self._folder.name)
        self._path = folder / "voice.wav"
        told = folder / "facts.json"
        told.write_text(json.dumps({**facts, "count": count, "rate": rate}), "utf-8")
        self._deadline = time.monotonic() + START_SECONDS + PATIENCE * count / rate
        self._process = subprocess.Popen(
            [*start, str(told), str(self._path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            start_new_session=os.name == "posix",
        )
        self.samples: Samples | None = None

    def done(self) -> bool:
        """Whether it has ended; `samples` [count] are there then, or None when it failed."""
        if self._process.poll() is None and time.monotonic() < self._deadline:
            return False
        if self.samples is None and self._process.returncode == 0:
            self.samples = read_finished(self._path, self._count)
        self.stop()
        return True

    def stop(self) -> None:
        """End it and take its folder away; a second time does nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def wait_for(path: Path, count: int, seconds: float) -> Samples | None:
    """The samples of a file that is being written, or None when it does not come in time.

    Blender 5.2.0 to 5.2.2 return from a mixdown before the file is there.
    """
    deadline = time.monotonic() + seconds
    while (samples := read_finished(path, count)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)
    return samples


def read_finished(path: Path, count: int) -> Samples | None:
    """The first `count` samples, as a mixdown has a few more at its end; None while it has less."""
    try:
        # The header is completed last; until then it names fewer samples than there are, or more.
        with wave.open(str(path), "rb") as file:
            if file.getnframes() < count:
                return None
            data = file.readframes(count)
    except (OSError, EOFError, wave.Error):
        return None
    samples = np.frombuffer(data, "<i2")
    return samples.astype(np.int16) if len(samples) == count else None
