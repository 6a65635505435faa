# SPDX-License-Identifier: GPL-3.0-or-later
"""What is painted on a skin texture: make-up, freckles, moles, stubble and beards, lines of age."""

from __future__ import annotations

import numpy as np
from PIL import Image

_EYES = ((0.2638, 0.2166), (0.3902, 0.2166))  # middles of the eyes in the layout
_CHEEKS = ((0.235, 0.285), (0.419, 0.285))
_MOUTH, _NOSE = (0.327, 0.3615), (0.327, 0.28)

# Share of faces with each; they are drawn independently.
SHADOW, BLUSH, LIPSTICK, FRECKLES, MOLES, BEARD, LINES = 0.20, 0.20, 0.18, 0.12, 0.15, 0.22, 0.25


def _noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """float32 [size,size]: smooth noise around 0 of about so many cells along a side."""
    picture = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype("f4"))
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))


def _blob(x: np.ndarray, y: np.ndarray, at: tuple[float, float], w: float, h: float) -> np.ndarray:
    away = np.hypot((x - at[0]) / w, (y - at[1]) / h)
    near = np.clip(1.2 - away, 0, 1)
    return near * near * (3 - 2 * near)


def painted(texture: np.ndarray, rng: np.random.Generator, male: bool) -> np.ndarray:
    """uint8 [s,s,3] with random paint over texture uint8 [s,s,3]; male: may have a beard."""
    size = len(texture)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    picture = texture.astype(np.float32) / 255
    vivid = rng.random() < 0.25

    def tint(mask: np.ndarray, colour: np.ndarray) -> None:
        picture[...] = picture * (1 - mask[..., None]) + picture * colour * mask[..., None]

    def cover(mask: np.ndarray, colour: np.ndarray) -> None:
        picture[...] = picture * (1 - mask[..., None]) + colour * mask[..., None]

    made_up = not male or rng.random() < 0.08
    if made_up and rng.random() < SHADOW * 2:
        lids = sum(_blob(x, y, (u, v - 0.010), 0.030, 0.015) for u, v in _EYES)
        colour = rng.uniform(0.25, 0.9, 3) if vivid else np.array([0.55, 0.42, 0.40])
        tint(np.clip(lids, 0, 1) * rng.uniform(0.3, 0.95), colour)
        if rng.random() < 0.5:  # a line along the rims
            rims = sum(_blob(x, y, (u, v), 0.026, 0.0045) for u, v in _EYES)
            tint(np.clip(rims, 0, 1) * rng.uniform(0.4, 0.9), np.array([0.15, 0.12, 0.12]))
    if made_up and rng.random() < BLUSH * 2:
        cheeks = np.sum([_blob(x, y, at, 0.045, 0.035) for at in _CHEEKS], 0)
        tint(cheeks * rng.uniform(0.2, 0.7), np.array([1.05, rng.uniform(0.6, 0.85), 0.75]))
    if made_up and rng.random() < LIPSTICK * 2:
        red = np.clip((picture[..., 0] - picture[..., 1] - 0.08) * 6, 0, 1)
        lips = _blob(x, y, _MOUTH, 0.068, 0.026) * np.clip(0.4 + red, 0, 1)
        colour = np.array([rng.uniform(0.35, 0.8), rng.uniform(0.02, 0.3), rng.uniform(0.05, 0.4)])
        cover(lips * rng.uniform(0.35, 0.8), colour)
    face = _blob(x, y, (0.327, 0.29), 0.17, 0.19)
    if rng.random() < FRECKLES:
        spots = np.clip(_noise(rng, size, size // 3) - rng.uniform(0.9, 1.5), 0, 1)
        where = _blob(x, y, (0.327, 0.265), 0.13, 0.07) * np.clip(0.7 + _noise(rng, size, 12), 0, 1)
        tint(spots * where * rng.uniform(0.4, 1.0), np.array([0.72, 0.5, 0.38]))
    if rng.random() < MOLES:
        for _ in range(rng.integers(1, 4)):
            at = (rng.uniform(0.20, 0.45), rng.uniform(0.22, 0.43))
            radius = rng.uniform(0.0015, 0.004)
            tint(_blob(x, y, at, radius, radius) * 0.9, np.array([0.4, 0.28, 0.22]))
    if rng.random() < LINES:  # around eyes, brow and mouth, deeper with age
        deep, lines = rng.uniform(0.1, 0.4), np.zeros((size, size), np.float32)
        wave = _noise(rng, size, 10) * 0.004
        for row in rng.uniform(0.125, 0.17, 3):
            lines += np.exp(-(((y + wave - row) / 0.0022) ** 2)) * _blob(
                x, y, (0.327, row), 0.10, 0.02
            )
        for side in (-1, 1):
            fold = 0.327 + side * (0.048 + (y - 0.29) * 0.42)
            lines += np.exp(-(((x - fold) / 0.003) ** 2)) * _blob(x, y, (fold, 0.325), 1.0, 0.04)
            bag = 0.2166 + 0.026 - ((x - _EYES[(side + 1) // 2][0]) / 0.03) ** 2 * 0.01
            near = _blob(x, y, (_EYES[(side + 1) // 2][0], 0.24), 0.035, 0.02)
            lines += np.exp(-(((y - bag) / 0.0025) ** 2)) * near
        tint(np.clip(lines, 0, 1) * deep, np.array([0.55, 0.42, 0.38]))
    if male and rng.random() < BEARD * 2:
        # Hair on a face is never lighter than the skin under it, unless that is dark.
        hair = np.minimum(_hair_colour(rng), np.maximum(picture * 0.7, 0.1))
        cover(_beard(x, y, rng, size) * face, hair)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _hair_colour(rng: np.random.Generator) -> np.ndarray:
    dark = np.array([0.10, 0.075, 0.06])
    others = np.array([[0.30, 0.20, 0.11], [0.42, 0.25, 0.13], [0.55, 0.53, 0.50]])
    return dark if rng.random() < 0.6 else others[rng.integers(3)]


def _beard(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """[s,s] 0..1: how much hair hides the skin; stubble to full beards, moustaches, goatees."""
    full = rng.random()
    lips = _blob(x, y, _MOUTH, 0.052, 0.017)
    upper = _blob(x, y, (0.327, 0.330), 0.055, 0.016)
    chin = _blob(x, y, (0.327, 0.425), 0.055, 0.045)
    across = np.abs(x - 0.327)
    # Jaw and cheeks below a line from the sideburns to the corners of the mouth.
    line = 0.345 - np.clip(across - 0.055, 0, 1) * 0.55
    jaw = np.clip((y - line) / 0.02, 0, 1) * np.clip((0.50 - y) / 0.03, 0, 1)
    jaw = jaw * np.clip((across - 0.03) / 0.02 + np.clip((y - 0.385) / 0.02, 0, 1), 0, 1)
    if full < 0.25:
        mask = upper
    elif full < 0.45:
        mask = np.maximum(upper, chin)
    else:
        mask = np.maximum(np.maximum(jaw, chin), upper * (rng.random() < 0.85))
    thick = rng.uniform(0.15, 1.0)
    fine = _noise(rng, size, size // 2)
    hairs = np.clip(0.6 + 0.35 * fine + (thick - 0.5) * 1.2, 0, 1)
    patchy = np.clip(0.9 + 0.35 * _noise(rng, size, 24), 0, 1)
    return (
        np.clip(mask, 0, 1)
        * (1 - np.clip(lips * 1.3, 0, 1))
        * hairs
        * patchy
        * (0.35 + 0.6 * thick)
    )
