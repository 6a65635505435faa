# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head wears, and how often."""

from __future__ import annotations

import numpy as np

from .colours import Colour
from .glasses import glasses
from .head import Head
from .headwear import headwear
from .lashes import lashes
from .strands import strands
from .worn import Piece

# Share of heads (lashes, glasses, hats, strands) and of groups (held) that have one.
GLASSES, HATS, STRANDS, LASHES, HELD = 0.20, 0.12, 0.15, 0.60, 0.08


def random_worn(head: Head, rng: np.random.Generator, hair: Colour) -> list[Piece]:
    """What a head wears. hair: linear colour of its loose strands and lashes."""
    pieces = []
    if rng.random() < LASHES:
        pieces += lashes(head, rng)
    if rng.random() < GLASSES:
        pieces += glasses(head, rng)
    hat = rng.random() < HATS
    if hat:
        pieces += headwear(head, rng)
    if rng.random() < STRANDS:
        pieces += strands(head, rng, hair, under=hat)
    return pieces
