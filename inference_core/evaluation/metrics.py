# SPDX-License-Identifier: GPL-3.0-or-later
"""How alike pictures and landmarks are, by stated conventions (docs/evaluation.md names them)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

_WINDOW = 7  # pixels of SSIM's uniform window, as talking-head papers use it
_K1, _K2 = 0.01, 0.03


def psnr(one: Bytes, other: Bytes) -> float:
    """Decibels over red, green and blue [h, w, 3] together; infinite for the same picture."""
    error = float(np.square(one.astype(np.float64) - other).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _box_mean(values: Doubles) -> Doubles:
    """Mean over every whole _WINDOW x _WINDOW window of [h, w]."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    n = _WINDOW
    return (sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]) / n**2


def ssim(one: Bytes, other: Bytes) -> float:
    """Structural similarity (Wang et al. 2004): uniform window of 7, sample covariance, range 255,
    whole windows only, mean over red, green and blue [h, w, 3].
    """
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    c1, c2 = (_K1 * 255) ** 2, (_K2 * 255) ** 2
    means = []
    for band in range(3):
        x, y = one[..., band].astype(np.float64), other[..., band].astype(np.float64)
        mx, my = _box_mean(x), _box_mean(y)
        vx = (_box_mean(x * x) - mx * mx) * unbiased
        vy = (_box_mean(y * y) - my * my) * unbiased
        both = (_box_mean(x * y) - mx * my) * unbiased
        top = (2 * mx * my + c1) * (2 * both + c2)
        means.append((top / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())
    return float(np.mean(means))


def landmark_distance(one: Doubles, other: Doubles) -> float:
    """Mean distance of landmarks [frames, n, 2] in pixels after each frame's mean point is taken
    away, no scale, no rotation: F-LMD over the face, M-LMD over the mouth (Chen et al. 2018, in
    the form that EAT's test_lmd.py counts it). Frames with NaN in them are left out.
    """
    a = one - one.mean(1, keepdims=True)
    b = other - other.mean(1, keepdims=True)
    away = np.linalg.norm(a - b, axis=2).mean(1)
    away = away[np.isfinite(away)]
    return float(away.mean()) if len(away) else float("nan")


def slope_and_r(asked: npt.ArrayLike, seen: npt.ArrayLike) -> tuple[float, float]:
    """Slope of the line through (asked, seen) and Pearson's r; NaN when it cannot be told."""
    x, y = np.asarray(asked, np.float64), np.asarray(seen, np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) < 3 or np.ptp(x) < 1e-9 or np.ptp(y) < 1e-9:
        return float("nan"), float("nan")
    return float(np.polyfit(x, y, 1)[0]), float(np.corrcoef(x, y)[0, 1])


def jitter(values: npt.ArrayLike) -> float:
    """Mean size of the second difference over time (axis 0): 0 for a still shot or an even move."""
    second = np.diff(np.asarray(values, np.float64), 2, axis=0)
    second = second[np.isfinite(second)]
    return float(np.abs(second).mean()) if len(second) else float("nan")
