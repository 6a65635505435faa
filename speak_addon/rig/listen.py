# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves of a voice, from a core process of their own: `inference_core voice`.

It answers in a file, runs beside whatever else is generated, and can be ended at any time.
"""

import json
import os
import subprocess
import tempfile
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

from .. import core_lines
from ..audio import RATE, Samples
from ..core_link import CoreSettings


class Listening:
    """One voice on its way through the core; `poll` until it is done."""

    def __init__(
        self,
        settings: CoreSettings,
        samples: Samples,
        fps: Fraction,
        gain: float,
        out: Path | None = None,
    ) -> None:
        """samples [n] int16 at 16 kHz; the curves go to `out`, by its suffix, or come as JSON."""
        self._folder = tempfile.TemporaryDirectory(prefix="speak-rig-")
        folder = Path(self._folder.name)
        self._out = out or folder / "curves.json"
        with wave.open(str(folder / "voice.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.astype("<i2").tobytes())
        command = [
            str(settings.python), "-m", settings.module, "voice", str(folder / "voice.wav"),
            "--out", str(self._out), "--fps", str(fps), "--gain", str(gain),
            *settings.arguments,
        ]  # fmt: skip
        paths = [str(settings.root), *(str(path) for path in settings.paths)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        self._process = subprocess.Popen(
            command,
            cwd=settings.root,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._process.poll() is not None

    def result(self) -> tuple[dict[str, Any], str]:
        """(curves, "") or ({}, all that it printed); waits for the end. Call it once."""
        _, said = self._process.communicate()
        try:
            if self._process.returncode != 0:
                return {}, said.strip() or core_lines.SILENT
            if self._out.suffix != ".json":
                return {}, ""
            return json.loads(self._out.read_text(encoding="utf-8")), ""
        finally:
            self._folder.cleanup()

    def stop(self) -> None:
        """End it; nothing is written."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()
