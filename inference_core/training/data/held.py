# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands, microphones, phones, cups and cards before a part of the face; they stay in the room."""

from __future__ import annotations

import numpy as np

from .colours import Colour, random_colour
from .dataset import HELD_MATERIAL
from .head import Head
from .solids import ball, box, joined, tube
from .worn import Kind, Piece


def held(head: Head, rng: np.random.Generator, skin: Colour) -> list[Piece]:
    """A hand, a microphone, a phone, a cup or a card before a part of the face, still in the room.

    skin: linear colour of the hand.
    """
    landmarks = head.base[head.bank.landmarks]
    mouth, chin, nose = landmarks[32], landmarks[35], landmarks[19]
    kind = rng.choice(
        ["hand", "microphone", "phone", "cup", "card"], p=[0.42, 0.25, 0.1, 0.13, 0.1]
    )
    ahead = rng.uniform(0.025, 0.06)
    if kind == "microphone":
        at = np.array(
            [rng.normal(0, 0.02), chin[1] + rng.uniform(-0.02, 0.025), nose[2] + ahead + 0.01]
        )
        radius = rng.uniform(0.018, 0.028)
        way = np.array([rng.normal(0, 0.25), -1, rng.uniform(0.0, 0.5)])
        way /= np.linalg.norm(way)
        path = at + way * np.linspace(0, 0.22, 6)[:, None]
        grip = tube(path, radius * np.linspace(0.8, 0.55, 6), 14)
        foam = Kind.CLOTH if rng.random() < 0.4 else Kind.MESH
        top = Piece(
            ball(at, np.full(3, radius)),
            foam,
            random_colour(rng, 0.5),
            HELD_MATERIAL,
            0.5,
            held=True,
        )
        return [
            top,
            Piece(grip, Kind.PLAIN, (0.02, 0.02, 0.022), HELD_MATERIAL, 0.5, held=True),
        ]
    if kind == "hand":
        return [_hand(rng, skin, mouth, chin, nose[2] + 0.01)]
    at = np.array([rng.uniform(-0.06, 0.06), rng.uniform(chin[1] - 0.03, mouth[1]), nose[2]])
    at[2] += ahead
    colour = random_colour(rng, 0.25)
    if kind == "cup":
        path = at + np.array([0, 1, 0]) * np.linspace(-0.05, 0.05, 6)[:, None]
        mesh = tube(path, np.linspace(0.030, 0.038, 6), 20)
        return [Piece(mesh, Kind.PLAIN, colour, HELD_MATERIAL, 0.6, held=True)]
    size = np.array([0.037, 0.075, 0.004]) if kind == "phone" else np.array([0.04, 0.06, 0.0006])
    at[0] = rng.choice([-1, 1]) * rng.uniform(0.03, 0.09)
    mesh = box(size)
    tilt = np.radians(rng.uniform(-40, 40))
    c, s = np.cos(tilt), np.sin(tilt)
    points = mesh[0] @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + at
    gloss = 0.8 if kind == "phone" else 0.1
    return [Piece((points, *mesh[1:]), Kind.PLAIN, colour, HELD_MATERIAL, gloss, held=True)]


def _hand(
    rng: np.random.Generator, skin: Colour, mouth: np.ndarray, chin: np.ndarray, front: float
) -> Piece:
    """Four fingers and a thumb as tapered tubes on a palm, laid over the mouth or a cheek."""
    side = rng.choice([-1, 1])
    base = np.array([side * rng.uniform(0.02, 0.085), rng.uniform(chin[1] - 0.05, mouth[1]), front])
    turn = np.radians(side * rng.uniform(-10, 75))
    up = np.array([-np.sin(turn) * 1.0, np.cos(turn), 0.0])
    across = np.array([up[1], -up[0], 0.0])
    parts = [ball(base - up * 0.03 + [0, 0, 0.010], np.array([0.040, 0.042, 0.016]))]
    bend = rng.uniform(0, 0.9)
    for k, length in enumerate((0.068, 0.078, 0.072, 0.056)):
        spread = (k - 1.5) * rng.uniform(0.03, 0.14)
        way = up + across * spread
        t = np.linspace(0, 1, 9)[:, None]
        root = base + across * (k - 1.5) * 0.0185 - up * 0.005
        curl = np.array([0, 0, 1.0]) * (0.012 * np.sin(np.pi * t) * bend + 0.006)
        path = root + way * t * length * (1 - 0.25 * bend) + curl
        width = np.r_[np.full(6, 0.0088), 0.0082, 0.0068, 0.002] * (1 - 0.03 * k)
        parts.append(tube(path, width, 10))
    t = np.linspace(0, 1, 8)[:, None]
    aside = up * 0.7 - across * side * 0.75
    thumb = base - up * 0.035 - across * side * 0.03 + aside * t * 0.062
    parts.append(
        tube(thumb + np.array([0, 0, 0.012]), np.r_[np.full(5, 0.0105), 0.0098, 0.008, 0.002], 10)
    )
    arm = base - up * np.linspace(0.05, 0.25, 5)[:, None] + [0, 0, 0.008]
    parts.append(tube(arm, np.linspace(0.027, 0.036, 5), 14))
    return Piece(joined(parts), Kind.SKIN, skin, HELD_MATERIAL, gloss=0.25, held=True)
