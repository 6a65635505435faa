# SPDX-License-Identifier: GPL-3.0-or-later
"""Loose hair over forehead, eyes and cheeks."""

from __future__ import annotations

import numpy as np

from .colours import Colour
from .head import Head
from .skull import Skull
from .solids import joined, sheet
from .worn import HAIR_MATERIAL, Kind, Piece


def strands(head: Head, rng: np.random.Generator, hair: Colour, under: bool = False) -> list[Piece]:
    """Locks that hang from the hairline over the forehead, to the eyes or beside the cheeks."""
    skull = Skull(head)
    skull.tuck()
    body = head.base[: head.bank.body_vertices]
    face = body[(body[:, 2] > 0.05) & (np.abs(body[:, 0]) < 0.1)]
    locks = []
    fringe = rng.random() < 0.45
    if fringe:  # a row of locks across the forehead
        span, count = rng.uniform(25, 60), int(rng.integers(7, 15))
        sides = np.linspace(-span, span, count) + rng.normal(0, 2, count)
        longs = rng.uniform(0.045, 0.075) * rng.uniform(0.8, 1.15, count)
        lean = rng.normal(0, 0.25) + rng.normal(0, 0.06, count)
    else:  # a few that have come loose
        count = int(rng.integers(1, 6))
        sides = rng.uniform(-75, 75, count)
        longs = rng.uniform(0.05, 0.14, count)
        lean = rng.normal(0, 0.35, count)
    high = rng.uniform(28, 38) if not under else rng.uniform(14, 20)
    for side, long, slant in zip(sides, longs, lean, strict=True):
        wide = rng.uniform(0.004, 0.008) if fringe else rng.uniform(0.0015, 0.006)
        locks.append(_lock(skull, face, side, high, long, slant, wide, rng))
    spread = rng.uniform(0.8, 1.2)
    colour = (hair[0] * spread, hair[1] * spread, hair[2] * spread)
    return [Piece(joined(locks), Kind.HAIR, colour, HAIR_MATERIAL, gloss=0.4)]


def _lock(
    skull: Skull,
    face: np.ndarray,
    side: float,
    high: float,
    long: float,
    slant: float,
    wide: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    down = np.linspace(0, 1, 9)
    low = high - abs(side) * 0.15
    root = skull.point(
        np.array([side]), np.array([low]), skull.at(np.array([side % 360]), np.array([low])) - 0.002
    )[0]
    a = np.radians(side)
    across = np.array([np.cos(a), 0, -np.sin(a)])
    outward = np.array([np.sin(a), 0, np.cos(a)])
    wave = rng.normal(0, 0.004) * np.sin(down * rng.uniform(2, 6))
    path = root + (down * long)[:, None] * (np.array([0, -1, 0]) + slant * across)
    path = path + wave[:, None] * across
    path += (0.010 * np.sin(np.pi * np.minimum(1, down * 1.6)))[:, None] * outward
    # On the skin, never in it: pushed out to where the face is at that height and side.
    middle = np.array([0, 0, skull.centre[2]])
    for point in path:
        close = np.linalg.norm(face[:, :2] - point[:2], axis=1) < 0.012
        if close.any():
            rel, skin = point - middle, face[close] - middle
            want = np.hypot(skin[:, 0], skin[:, 2]).max() + 0.003
            now = np.hypot(rel[0], rel[2])
            if now < want:
                point[[0, 2]] = (middle + rel * want / now)[[0, 2]]
    taper = wide * np.clip(1.1 - down, 0.25, 1)[:, None]
    cut = np.array([-1.0, 0, 1.0])[None, :, None]
    points = path[:, None] + cut * taper[:, None] * across
    points[:, 1] += 0.0015 * outward
    return sheet(points)
