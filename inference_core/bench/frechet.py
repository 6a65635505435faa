# SPDX-License-Identifier: GPL-3.0-or-later
"""The distance between two clouds of features, as two Gaussians (Frechet 1957; Heusel 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg


def frechet(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)) of features [n, d]."""
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    sigma_a, sigma_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    away = a.mean(0) - b.mean(0)
    # tr sqrt(S1 S2) by the symmetric form: no complex roots, singular covariances allowed.
    root = _root(sigma_a)
    middle = np.linalg.eigvalsh(root @ sigma_b @ root)
    shared = np.sqrt(np.maximum(middle, 0)).sum()
    return float(away @ away + np.trace(sigma_a) + np.trace(sigma_b) - 2 * shared)


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = linalg.eigh(matrix)
    result: npt.NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return result
