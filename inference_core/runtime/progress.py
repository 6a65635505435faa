# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the rest will take, from the frames that were just finished."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 32  # the last frames that count: the pace changes when the machine gets busy


class Progress:
    """Counts finished frames and estimates the seconds left."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds; time starts now, so that loading counts for the first frame."""
        self.total = total
        self.done = 0
        self._clock = clock
        self._times = deque([clock()], maxlen=WINDOW + 1)

    def step(self) -> None:
        """One more frame is finished."""
        self.done += 1
        self._times.append(self._clock())

    @property
    def per_second(self) -> float | None:
        """Frames per second of the last frames, None before the first one."""
        steps = len(self._times) - 1
        span = self._times[-1] - self._times[0]
        return steps / span if steps and span > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last frame, None while nothing is known."""
        pace = self.per_second
        return None if pace is None else max(self.total - self.done, 0) / pace


def clock_text(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss, rounded up so that work that goes on never shows 0:00."""
    whole = int(-(-seconds // 1))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
