# SPDX-License-Identifier: GPL-3.0-or-later
"""Lashes along the rims of the lids, which move with them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .assets import AvatarBank
from .colours import Colour
from .head import Head
from .solids import sheet
from .worn import LASH_MATERIAL, Kind, Lid, Piece


@lru_cache(maxsize=2)
def _mean(bank: AvatarBank) -> np.ndarray:
    """float32 [v,3]: the mean avatar at rest, which takes two milliseconds of each head."""
    return np.asarray(bank.vertices.mean(0))


@lru_cache(maxsize=2)
def lid_rings(bank: AvatarBank, depth: int = 4) -> list[list[np.ndarray]]:
    """Per eye (x > 0 first) its rings of body vertices around the opening, from the eyeball out.

    Each ring is ordered by angle; rings are edges away from the hole that the skin has there.
    """
    n = bank.body_vertices
    mean = _mean(bank)
    faces = bank.faces[(bank.faces < n).all(1)]
    _, first, weld = np.unique(
        np.round(mean[:n] * 20000).astype(int), axis=0, return_index=True, return_inverse=True
    )
    weld = weld.ravel()[faces]
    edges = np.sort(np.concatenate([weld[:, [0, 1]], weld[:, [1, 2]], weld[:, [2, 0]]]), axis=1)
    edges, uses = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(edges[uses == 1])
    found = []
    for centre in bank.joints.mean(0)[2:4]:
        away = np.linalg.norm(mean[first] - centre, axis=1)
        ring = border[away[border] < 0.03]
        seen, rings = set(ring.tolist()), []
        for _ in range(depth):
            rel = mean[first[ring]] - mean[first[ring]].mean(0)
            rings.append(first[ring[np.argsort(np.arctan2(rel[:, 1], rel[:, 0]))]])
            touched = edges[np.isin(edges, ring).any(1)]
            ring = np.array(sorted(set(touched.ravel().tolist()) - seen))
            seen |= set(ring.tolist())
        found.append(rings)
    return found


@lru_cache(maxsize=2)
def _rims(bank: AvatarBank) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Per eye and ring its upper and its lower rim."""
    return [[_halves(bank, ring) for ring in rings] for rings in lid_rings(bank)]


def _halves(bank: AvatarBank, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower rim of a ring, each from the small x to the large."""
    place = _mean(bank)[ring]
    low, high = np.argmin(place[:, 0]), np.argmax(place[:, 0])
    slope = (place[high, 1] - place[low, 1]) / (place[high, 0] - place[low, 0])
    over = place[:, 1] - (place[low, 1] + slope * (place[:, 0] - place[low, 0]))
    corners = np.isin(np.arange(len(ring)), [low, high])
    halves = []
    for side in (1, -1):
        mine = np.nonzero((over * side > 0) | corners)[0]
        halves.append(ring[mine[np.argsort(place[mine, 0])]])
    return halves[0], halves[1]


def lashes(head: Head, rng: np.random.Generator) -> list[Piece]:
    """A dark line along each rim and single lashes beyond it; both move with the lid."""
    bank = head.bank
    strength = float(rng.uniform(0.35, 1.0))  # thin and fair to mascara
    colour: Colour = (0.012, 0.008, 0.006)
    if rng.random() < 0.2:
        colour = (0.10, 0.06, 0.03)
    long = float(rng.uniform(0.006, 0.011)) * (0.6 + 0.4 * strength)
    pieces = []
    for eye, rims in enumerate(_rims(bank)):
        for side, half in ((1, 0), (-1, 1)):
            inner, middle, outer = (rims[ring][half] for ring in (1, 2, 3))
            share = strength if side == 1 else strength * 0.6
            if not len(inner) == len(outer) == len(middle):
                raise ValueError("The rings of a lid differ in length: not the VALID topology.")
            thick = 0.0003 + 0.0009 * strength**2 * (1 if side == 1 else 0.4)
            line = [(inner, 0.0002, 0.0), (middle, 0.0004, 0.0), (outer, 0.0005, side * thick)]
            pieces.append(_lash(bank, eye, line, Kind.LASH, colour, share, labelled=True))
            reach = long if side == 1 else long * 0.55
            hair = [
                (middle, 0.0, 0.0),
                (middle, 0.55 * reach, side * 0.15 * reach),
                (middle, 0.9 * reach, side * 0.5 * reach),
            ]
            pieces.append(_lash(bank, eye, hair, Kind.FRINGE, colour, share, labelled=False))
    return pieces


def _lash(
    bank: AvatarBank,
    eye: int,
    rows: list[tuple[np.ndarray, float, float]],
    kind: Kind,
    colour: Colour,
    opacity: float,
    labelled: bool,
) -> Piece:
    anchors = np.concatenate([row[0] for row in rows])
    out = np.concatenate([np.full(len(row[0]), row[1]) for row in rows])
    up = np.concatenate([np.full(len(row[0]), row[2]) for row in rows])
    at = _mean(bank)[anchors].reshape(len(rows), -1, 3)
    return Piece(
        mesh=sheet(at),
        kind=kind,
        colour=colour,
        material=LASH_MATERIAL if labelled else None,
        opacity=opacity,
        shadow=False,
        lid=Lid(anchors, eye, out, up),
        label_uv=bank.uv[anchors],
    )
