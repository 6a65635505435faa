# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program shades which faces of a head."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np


class Part(IntEnum):
    """What shaders/surface.frag shades, each by a program of its own."""

    SKIN = 0
    EYES = 1
    CARUNCLES = 2
    TEETH = 3
    HAIR = 4


_PART_OF = (
    *(Part.SKIN, Part.EYES, Part.EYES, Part.CARUNCLES, Part.CARUNCLES),
    *(Part.TEETH, Part.TEETH, Part.HAIR),
)  # by material


@dataclass(frozen=True)
class Run:
    """Faces first to first + count of a head, all of one part."""

    part: Part
    first: int
    count: int


def runs(material: np.ndarray) -> list[Run]:
    """material [f]: of each face. In the order of the faces, as few as there can be."""
    part = np.array(_PART_OF)[material.astype(int)]
    starts = np.r_[0, np.nonzero(np.diff(part))[0] + 1, len(part)]
    return [Run(Part(int(part[a])), int(a), int(b - a)) for a, b in pairwise(starts)]
