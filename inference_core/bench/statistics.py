# SPDX-License-Identifier: GPL-3.0-or-later
"""Intervals around means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWS = 2000
SHARE = 0.95


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float] | None:
    """The interval that holds the mean with 95 %: percentile bootstrap (Efron 1979) over the
    values. None for fewer than three. Neighbouring frames are alike, so over frames it is a lower
    bound of the doubt.
    """
    found = np.array([value for value in values if np.isfinite(value)])
    if len(found) < 3:
        return None
    draws = np.random.default_rng(seed).integers(0, len(found), (DRAWS, len(found)))
    low, high = np.quantile(found[draws].mean(1), [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return float(low), float(high)
