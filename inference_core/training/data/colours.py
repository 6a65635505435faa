# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that things are made in."""

from __future__ import annotations

import numpy as np

Colour = tuple[float, float, float]  # linear


def random_colour(rng: np.random.Generator, dark: float = 0.4) -> Colour:
    """Mostly plain: black, brown, grey, white; some vivid."""
    if rng.random() < dark:
        level = rng.uniform(0.005, 0.05)
        return level, level * rng.uniform(0.7, 1), level * rng.uniform(0.5, 1)
    if rng.random() < 0.5:
        level = rng.uniform(0.05, 0.8)
        warm = rng.uniform(0.75, 1.0)
        return level, level * warm, level * warm**2
    r, g, b = rng.uniform(0, 1, 3) ** 2 * 0.8
    return float(r), float(g), float(b)
