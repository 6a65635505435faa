# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts print: one line per step, a moving line where the terminal allows one.

Standard library only: the scripts use it before anything is installed.
"""

import shutil
import sys
import time
from collections.abc import Iterable, Sequence

# Without a terminal (a log file, a build machine) a moving line becomes one line this often.
SECONDS_BETWEEN_LINES = 15.0


def say(text: str) -> None:
    """Print a line at once, so that it stands before the output of the process started next."""
    print(text, flush=True)


class Step:
    """A piece of work with a name: shows how far it is, and says how long it took.

    Used as a context manager. `seconds` holds the time once the step has ended.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds = 0.0
        self._moving = sys.stdout.isatty()
        self._started = time.monotonic()
        self._last_line = self._started

    def __enter__(self) -> "Step":
        self._started = self._last_line = time.monotonic()
        if not self._moving:
            say(f"{self.name} ...")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.seconds = time.monotonic() - self._started
        outcome = "done" if kind is None else "FAILED"
        self._clear()
        say(f"{self.name}: {outcome} in {self.seconds:.1f} s")

    def show(self, detail: str) -> None:
        """Say what is happening now."""
        now = time.monotonic()
        if self._moving:
            width = shutil.get_terminal_size().columns - 1
            line = f"{self.name}: {detail}"[:width]
            print(f"\r{line:<{width}}", end="", flush=True)
        elif now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            say(f"  {detail}")

    def _clear(self) -> None:
        if self._moving:
            print("\r" + " " * (shutil.get_terminal_size().columns - 1), end="\r", flush=True)


def table(rows: Iterable[Sequence[str]], header: Sequence[str] | None = None) -> str:
    """Rows as aligned text: the first column to the left, the others to the right."""
    every = [list(row) for row in rows]
    if header is not None:
        every.insert(0, list(header))
    if not every:
        return ""
    widths = [max(len(row[column]) for row in every) for column in range(len(every[0]))]
    lines = []
    for row in every:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    if header is not None:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
