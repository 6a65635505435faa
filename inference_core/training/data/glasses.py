# SPDX-License-Identifier: GPL-3.0-or-later
"""Glasses, fitted to a head by its own vertices."""

from __future__ import annotations

import numpy as np

from .colours import random_colour
from .head import Head
from .solids import disc, joined, tube
from .worn import WORN_MATERIAL, Kind, Piece

_OPAQUE_LENS = 0.6  # from this opacity on what is behind a lens is not to be seen


def glasses(head: Head, rng: np.random.Generator) -> list[Piece]:
    """Two lenses before the eyes, rims of wire or plastic (or none), a bridge and temples."""
    body = head.base[: head.bank.body_vertices]
    eye = (head.joints[2] * [1, 1, 1] + head.joints[3] * [-1, 1, 1]) / 2
    half_w, ratio = rng.uniform(0.023, 0.032), rng.uniform(0.6, 1.0)
    half_h = half_w * ratio
    power = rng.choice([2.0, 2.4, 3.0, 5.0])
    drop = rng.uniform(0, 0.3) if rng.random() < 0.25 else 0.0  # aviators hang lower outside
    cat = rng.uniform(0, 0.25) if rng.random() < 0.2 else 0.0  # cat's eyes rise outside
    gap = rng.uniform(0.006, 0.011)  # half of the bridge
    centre = np.array([max(eye[0] + 0.001, gap + half_w), eye[1] - rng.uniform(0, 0.006), 0.0])
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    x = np.sign(c) * np.abs(c) ** (2 / power) * half_w
    y = np.sign(s) * np.abs(s) ** (2 / power) * half_h
    y = y - drop * half_h * np.clip(-s, 0, 1) * np.clip(0.5 + c, 0, 1.5)
    y = y + cat * half_h * np.clip(s, 0, 1) * np.clip(c, 0, 1) * 1.5
    flat = np.stack([x, y], 1) + centre[:2]
    bow, tilt = rng.uniform(0.5, 3.5), rng.uniform(0.0, 0.15)

    def bent(xy: np.ndarray) -> np.ndarray:
        return -bow * xy[..., 0] ** 2 + tilt * (xy[..., 1] - centre[1])

    # The lenses stand clear of lashes, brows and cheeks.
    near = np.abs(body[:, :2] * [1, 1] - [0, centre[1]]) < [centre[0] + half_w, half_h]
    within = near.all(1) & (np.abs(body[:, 0]) > 0.02) & (body[:, 2] > 0.09)
    nose = near.all(1) & (np.abs(body[:, 0]) < 0.006) & (body[:, 1] > centre[1] - 0.002)
    front = float((body[within, 2] - bent(body[within, :2])).max()) + 0.004
    front = max(front, float(body[nose, 2].max()) - 0.001)

    def lifted(xy: np.ndarray) -> np.ndarray:
        return np.concatenate([xy, (front + bent(xy))[..., None]], -1)

    wire = rng.random() < 0.45
    thick = rng.uniform(0.0006, 0.0011) if wire else rng.uniform(0.0014, 0.0034)
    gloss = float(rng.uniform(0.5, 1.0))
    colour = random_colour(rng, 0.5)
    if wire and rng.random() < 0.6:
        colour = (0.45, 0.36, 0.2) if rng.random() < 0.5 else (0.4, 0.4, 0.42)
    parts = []
    bare = rng.random() < 0.12  # rimless
    half_rim = rng.random() < 0.12
    lenses = []
    for side in (1, -1):
        outline = lifted(flat) * [side, 1, 1]
        ring = outline
        if half_rim:
            ring = outline[s > -0.2]
            ring = ring[np.argsort(np.arctan2(s[s > -0.2], c[s > -0.2]))]
        else:
            ring = np.concatenate([outline, outline[:2]])
        if not bare:
            parts.append(tube(ring, thick, 6))
        lenses.append(disc(outline, lifted(centre[:2]) * [side, 1, 1]))
        parts.append(_temple(head, outline, side, thick if wire else thick * 0.9, wire))
    inner = centre[0] - half_w * 0.97
    arch = np.linspace(-1, 1, 9)[:, None]
    high = centre[1] + half_h * rng.uniform(0.1, 0.55)
    bridge = np.concatenate([arch * inner, high + (1 - arch**2) * 0.003], 1)
    bridge = lifted(bridge)
    bridge[:, 2] += 0.002 * (1 - arch[:, 0] ** 2)
    parts.append(tube(bridge, max(thick, 0.0009), 6))
    frame = Piece(joined(parts), Kind.PLAIN, colour, WORN_MATERIAL, gloss=gloss)
    kind = rng.random()
    opacity, tint = float(rng.uniform(0.0, 0.06)), (0.5, 0.5, 0.5)
    if kind > 0.8:  # sunglasses
        opacity, tint = float(rng.uniform(0.75, 0.97)), (0.01, 0.01, 0.012)
    elif kind > 0.6:  # tinted
        opacity = float(rng.uniform(0.15, 0.45))
        tint = ((0.25, 0.12, 0.05), (0.05, 0.1, 0.2), (0.05, 0.05, 0.05))[rng.integers(3)]
    label = WORN_MATERIAL if opacity >= _OPAQUE_LENS else None
    glass = Piece(
        joined(lenses), Kind.LENS, tint, label,
        gloss=float(rng.uniform(0.2, 1.0)), opacity=opacity, shadow=False,
    )  # fmt: skip
    return [frame, glass]


def _temple(
    head: Head, outline: np.ndarray, side: int, thick: float, wire: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the outer end of a lens back over the ear."""
    body = head.base[: head.bank.body_vertices]
    outer = outline[np.argmax(outline[:, 0] * side)]
    high = outline[:, 1].max() * 0.35 + outer[1] * 0.65
    beside = (np.abs(body[:, 1] - high) < 0.012) & (body[:, 0] * side > 0)

    def width(near: float, far: float) -> float:
        there = beside & (body[:, 2] > near) & (body[:, 2] < far)
        return float(np.abs(body[there, 0]).max()) if there.any() else 0.07

    temple = max(width(0.085, 0.11) - 0.002, abs(outer[0])) + thick
    ear = max(width(0.045, 0.06) + thick, temple)
    path = np.array(
        [
            [abs(outer[0]), high, outer[2]],
            [(abs(outer[0]) + temple) / 2 + 0.001, high, outer[2] - 0.004],
            [temple, high, min(0.095, outer[2] - 0.015)],
            [ear, high - 0.001, 0.05],
            [ear - 0.002, high - 0.008, 0.03],
            [ear - 0.006, high - 0.03, 0.02],
        ]
    )
    fine = np.stack(
        [np.interp(np.linspace(0, 5, 21), np.arange(6), path[:, k]) for k in range(3)], 1
    )
    return tube(fine * [side, 1, 1], thick if wire else thick * 1.15, 6, flat=0.6)
