# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core read` in a process of its own. Without bpy."""

import subprocess
import threading
from fractions import Fraction
from pathlib import Path

from ..inference_core.protocol.core_process import environment
from ..inference_core.protocol.errors import SpeakError
from . import core_lines
from .core_link import CoreSettings


class ClipReader:
    """Reads a clip; `done` pictures so far."""

    def __init__(
        self,
        settings: CoreSettings,
        clip: Path,
        out: Path,
        portrait: Path,
        fps: Fraction,
        clip_fps: Fraction | None,
        say: core_lines.Say,
    ) -> None:
        """Start it; `say` is words.say. Raises SpeakError(core_start_failed)."""
        self._say = say
        command = [str(settings.python), "-m", "inference_core", "read", str(clip)]
        command += ["--out", str(out), "--portrait", str(portrait), "--fps", str(fps)]
        command += ["--clip-fps", str(clip_fps)] if clip_fps else []
        try:
            self._process = subprocess.Popen(
                [*command, *settings.arguments],
                env=environment(settings.root, settings.paths),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise SpeakError("core_start_failed", reason=str(error.strerror)) from error
        self.done = 0
        self._lines: list[str] = []
        threading.Thread(target=self._listen, name="speak clip", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or not."""
        return self._process.poll() is not None

    def check(self) -> None:
        """Raises the SpeakError that it ended with."""
        if self._process.returncode == 0:
            return
        told = core_lines.error("\n".join(self._lines), self._say)
        if told is not None:
            raise told
        last = self._lines[-1].strip().rstrip(".") if self._lines else ""
        raise SpeakError("clip_unreadable", reason=last or "the core ended without a word")

    def stop(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            count, _, rest = line.partition(" pictures read")
            if rest and count.isdecimal():
                self.done = int(count)
            else:
                self._lines.append(line.rstrip())
