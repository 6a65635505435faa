# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames, seconds and frame rates, without rounding.

Blender's rate is `fps / fps_base`, both stored as numbers that are only near the rate that is
meant: 23.976 is 24 / 1.001 with 1.001 as a float32. The nearest fraction with a denominator up
to 1000 is the base that was meant.
"""

from dataclasses import dataclass
from fractions import Fraction


def frame_rate(fps: int, fps_base: float) -> Fraction:
    """The frames per second of a scene: `frame_rate(24, 1.001)` is 24000/1001."""
    return Fraction(fps) / Fraction(fps_base).limit_denominator(1000)


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames `first` to `last` of the scene's timeline, both included; empty if last < first."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many frames there are."""
        return max(0, self.last - self.first + 1)

    def samples(self, fps: Fraction, rate: int) -> int:
        """How many samples at `rate` per second the frames last."""
        return round(self.count * rate / fps)


def clock(seconds: float) -> str:
    """A time left as people say it: `8 s`, `1:05 min`, `2:03 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
