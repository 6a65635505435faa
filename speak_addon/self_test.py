# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core check` in a process of its own: every network once. Without bpy."""

import subprocess
import threading
from pathlib import Path

from ..inference_core.protocol.core_process import environment
from .core_link import CoreSettings

SECONDS = 180


class SelfTest:
    """Runs the core's own test; its lines come while it runs."""

    def __init__(self, settings: CoreSettings) -> None:
        self.lines: list[str] = []
        self.failed: bool | None = None
        self._settings = settings
        self._thread = threading.Thread(target=self._run, name="speak check", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.failed is None

    def start(self) -> None:
        """Begin; never blocks."""
        self._thread.start()

    def wait(self) -> None:
        """Until it has ended; for scripts."""
        self._thread.join(SECONDS)

    def _run(self) -> None:
        try:
            self.failed = self._code() != 0
        except OSError as error:
            self.lines.append(f"The core's Python cannot be started: {error.strerror}")
            self.failed = True

    def _code(self) -> int:
        settings = self._settings
        command = [str(settings.python), "-m", "inference_core", "check", *settings.arguments]
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        with subprocess.Popen(
            command,
            cwd=Path(settings.log).parent,
            env=environment(settings.root, settings.paths),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            creationflags=flags,
        ) as process:
            late = threading.Timer(SECONDS, process.kill)
            late.start()
            assert process.stdout is not None
            for line in process.stdout:
                self.lines.append(line.strip())
            late.cancel()
        return process.returncode
