# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of a mood strip on the screen: its curve, the grab points of its ramps, a drag of one.

A strip is a box in pixels of its region; ramps and frames are told in frames. Without bpy.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from . import moods
from .moods import Mood

Side = Literal["in", "out"]
Point = tuple[float, float]

# Points of each ramp's curve; it is eased, so a line would say something else.
STEPS = 12
# Shift moves a grab point this much slower, and off the whole frames.
FINE = 0.1
# What Blender leaves free of a channel above and below a strip, as a share of it.
MARGIN = 0.06
NEAR = 1e-3  # frames


@dataclass(frozen=True, slots=True)
class Box:
    """Where a strip lies, in pixels of its region, y upward; frames `start` up to `end`."""

    left: float
    right: float
    bottom: float
    top: float
    start: float
    end: float

    def x(self, frame: float) -> float:
        """Where a frame begins, in pixels."""
        share = (frame - self.start) / (self.end - self.start)
        return self.left + share * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class View:
    """A region of `width` by `height` pixels that shows these frames and channels."""

    width: float
    height: float
    first: float
    last: float
    bottom: float
    top: float

    @property
    def frame_width(self) -> float:
        """Pixels per frame."""
        return self.width / (self.last - self.first)

    def box(self, start: float, end: float, channel: int) -> Box | None:
        """Where a strip lies; None when nothing of it can be seen."""
        if end < self.first or start > self.last:
            return None
        if channel + 1 < self.bottom or channel > self.top:
            return None
        up = self.height / (self.top - self.bottom)
        return Box(
            (start - self.first) * self.frame_width,
            (end - self.first) * self.frame_width,
            (channel + MARGIN - self.bottom) * up,
            (channel + 1 - MARGIN - self.bottom) * up,
            start,
            end,
        )


def curve(box: Box, ramp_in: float, ramp_out: float) -> list[Point]:
    """How strong the mood is from the left to the right of its strip: 0 below, 1 on top."""
    share = np.linspace(0.0, 1.0, STEPS + 1)
    frames = [box.start + share * ramp_in, box.end - share * ramp_out]
    length, both = box.end - box.start, ramp_in + ramp_out
    if both > length:  # they cross before either has ended
        frames.append(np.array([box.start + length * ramp_in / both]))
    # A little inside: without a ramp the mood is there at once, and gone at once.
    inside = np.unique(np.clip(np.concatenate(frames), box.start + NEAR, box.end - NEAR))
    strength = moods.envelope(inside, Mood(box.start, box.end, ramp_in, ramp_out, ()))
    height = box.top - box.bottom
    points = [
        (box.x(float(frame)), box.bottom + height * float(much))
        for frame, much in zip(inside, strength, strict=True)
    ]
    return [(box.left, box.bottom), *points, (box.right, box.bottom)]


def grab_points(box: Box, ramp_in: float, ramp_out: float, radius: float) -> dict[Side, Point]:
    """Where the ramps end: what the mouse takes hold of.

    They stay inside of the strip by `radius` pixels, beside the strip's own handles.
    """
    y = box.top - radius
    lowest, highest = box.left + radius, box.right - radius
    if lowest > highest:
        lowest = highest = (box.left + box.right) / 2
    return {
        "in": (min(max(box.x(box.start + ramp_in), lowest), highest), y),
        "out": (min(max(box.x(box.end - ramp_out), lowest), highest), y),
    }


def hit(mouse: Point, points: dict[Side, Point], reach: float) -> Side | None:
    """The grab point under the mouse, not further than `reach` pixels away; else None.

    Where both lie in one place, the side on which the mouse is decides.
    """
    (left, y), (right, _) = points["in"], points["out"]
    if abs(mouse[1] - y) > reach:
        return None
    to_in, to_out = abs(mouse[0] - left), abs(mouse[0] - right)
    if min(to_in, to_out) > reach:
        return None
    if to_in == to_out:
        return "in" if mouse[0] <= left else "out"
    return "in" if to_in < to_out else "out"


@dataclass(slots=True)
class Drag:
    """A ramp that is being dragged: the mouse's way so far, in frames, whole or fine."""

    side: Side
    ramp: float
    limit: float
    last_x: float
    way: float = 0.0

    def move(self, x: float, frame_width: float, fine: bool) -> float:
        """The ramp in frames with the mouse at `x` pixels, held to what there is room for."""
        step = (x - self.last_x) / max(frame_width, 1e-6) * (FINE if fine else 1.0)
        self.last_x = x
        self.way += step if self.side == "in" else -step
        wanted = self.ramp + self.way
        if not fine:
            wanted = float(round(wanted))
        return min(max(wanted, 0.0), self.limit)


def room(box: Box, other: float, most: float) -> float:
    """How long a ramp can become, in frames: up to the other ramp, and `most` at the longest."""
    return min(max(box.end - box.start - other, 0.0), most)
