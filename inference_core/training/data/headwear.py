# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps, woollen hats, brims, headbands and scarves."""

from __future__ import annotations

import numpy as np

from .colours import Colour, random_colour
from .head import Head
from .skull import Skull
from .solids import sheet
from .worn import WORN_MATERIAL, Kind, Piece

_BULKY = 1.2  # hair that is so much farther out than the skull does not go under a hat


def headwear(head: Head, rng: np.random.Generator) -> list[Piece]:
    """A cap, a woollen hat, a brimmed hat, a headband, a scarf or a hood."""
    skull = Skull(head)
    kind = rng.choice(["cap", "beanie", "brim", "band", "scarf"], p=[0.28, 0.22, 0.2, 0.1, 0.2])
    if skull.volume > _BULKY and kind != "band" and rng.random() < 0.6:
        kind = "scarf"
    azimuth = np.linspace(0, 360, 49)[:-1]
    front, back = rng.uniform(10, 26), rng.uniform(-30, 0)
    if kind == "beanie":
        front, back = rng.uniform(6, 22), rng.uniform(-35, -10)
    line = back + (front - back) * (0.5 + 0.5 * np.cos(np.radians(azimuth)))
    cloth = Kind.CLOTH if kind in ("beanie", "band", "scarf") or rng.random() < 0.4 else Kind.PLAIN
    colour, gloss = random_colour(rng, 0.3), float(rng.uniform(0.05, 0.35))

    def piece(mesh: tuple[np.ndarray, np.ndarray, np.ndarray], tint: Colour = colour) -> Piece:
        return Piece(mesh, cloth, tint, WORN_MATERIAL, gloss=gloss, hides_hair=hides)

    thick = rng.uniform(0.003, 0.009)
    hides = kind == "scarf" or (kind != "band" and skull.volume > _BULKY)
    if hides:
        skull.tuck()
    if kind == "band":
        wide = rng.uniform(8, 22)
        rows = line + np.linspace(0, wide, 4)[:, None]
        bulge = thick * np.array([0.4, 1, 1, 0.4])[:, None]
        spread = np.broadcast_to(azimuth, rows.shape)
        radius = skull.at(spread, rows) + bulge
        return [piece(sheet(skull.point(spread, rows, radius), around=True))]
    up = np.linspace(0, 1, 12)[:, None]
    rows = line + (89.5 - line) * up
    spread = np.broadcast_to(azimuth, rows.shape)
    radius = skull.at(spread, rows) + thick * np.minimum(1, 0.5 + 3 * up)
    crown = radius + rng.uniform(0, 0.03) * np.clip(up * 2 - 0.4, 0, 1) * (kind != "scarf")
    pieces = []
    if kind == "scarf":
        pieces.append(piece(_scarf(skull, azimuth, line, thick, head)))
    shell = skull.point(spread, rows, crown)
    if kind == "brim" and rng.random() < 0.6:  # a flat top
        flat = skull.top + rng.uniform(0.02, 0.05)
        shell[..., 1] = np.minimum(shell[..., 1] + 0.05 * up**0.5, flat)
    pieces.append(piece(sheet(shell, around=True)))
    if kind == "cap":
        pieces.append(piece(_peak(skull, line, azimuth, rng), random_colour(rng, 0.3)))
    if kind == "brim":
        out = np.linspace(0, 1, 5)[:, None] * rng.uniform(0.03, 0.09)
        at = skull.point(azimuth, line, skull.at(azimuth, line) + thick * 0.7)
        away = at - skull.centre
        away[:, 1] = 0
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        ring = at + out[..., None] * away
        ring[..., 1] += (rng.uniform(-8, 4) * out**2).reshape(-1, 1)
        pieces.append(piece(sheet(ring, around=True)))
        band = line + np.linspace(0.5, rng.uniform(8, 16), 3)[:, None]
        spread = np.broadcast_to(azimuth, band.shape)
        mesh = sheet(skull.point(spread, band, skull.at(spread, band) + thick + 0.001), around=True)
        pieces.append(piece(mesh, random_colour(rng, 0.5)))
    return pieces


def _peak(
    skull: Skull, line: np.ndarray, azimuth: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    side = np.linspace(-58, 58, 21)
    low = np.interp(side % 360, np.r_[azimuth, 360], np.r_[line, line[0]]) + 1
    root = skull.point(side, low, skull.at(side % 360, low) + 0.003)
    long = rng.uniform(0.05, 0.075) * (1 - (side / 58) ** 4 * 0.9)
    out = np.linspace(0, 1, 6)[:, None, None]
    down = rng.uniform(0.1, 0.55)
    step = np.stack([np.sin(np.radians(side)) * 0.25, np.full(21, -down), np.ones(21)], 1)
    tip = root + long[:, None] * step
    drop = -0.010 * (side / 58) ** 2
    bent = root + (tip - root) * out
    bent[..., 1] += drop * out[..., 0]
    return sheet(bent)


def _scarf(
    skull: Skull, azimuth: np.ndarray, line: np.ndarray, thick: float, head: Head
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sides and the back, from the forehead's line down to the shoulders."""
    face = 52.0  # degrees to each side that stay open at the forehead; fewer at the chin
    share = np.linspace(-1, 1, 33)
    down = np.linspace(0, 1, 12)[:, None]
    side = 180 + share * (180 - face * (1 - 0.55 * down))
    low = np.interp(180 + share * (180 - face), azimuth, line)
    start = skull.point(side[0], low, skull.at(side[0], low) + thick)
    rel = start - skull.centre
    flat = np.hypot(rel[:, 0], rel[:, 2]) * (1 - 0.1 * down)
    # Outside of the ears all the way down; before the cheeks it dips into the skin.
    ease = np.clip(down * 3, 0, 1)
    flat = np.maximum(flat, (0.098 * (1 - 0.25 * down**2) - flat[:1]) * ease + flat[:1])
    turn = np.radians(side)
    chin = head.joints[1][1] + 0.01
    height = start[:, 1] + (chin - start[:, 1]) * down
    path = np.stack(
        [skull.centre[0] + flat * np.sin(turn), height, skull.centre[2] + flat * np.cos(turn)], -1
    )
    return sheet(path)
