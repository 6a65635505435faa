# SPDX-License-Identifier: GPL-3.0-or-later
"""NIQE (Mittal, Soundararajan, Bovik 2013): how far a picture's statistics are from those of
natural ones. Lower is more natural. Needs the authors' model of natural pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import convolve1d
from scipy.special import gamma

from .pixels import grey

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

BLOCK = 96  # pixels per side; pictures need two by two of them
_SHAPES = np.arange(0.2, 10.001, 0.001)
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


class Naturalness:
    """The model of natural pictures, read from the user's folder."""

    def __init__(self, path: Path) -> None:
        """`path`: niqe_pris_params.npz."""
        with np.load(path, allow_pickle=False) as model:
            self._mean = model["mu_pris_param"].reshape(-1)
            self._covariance = model["cov_pris_param"]

    def of(self, picture: Bytes) -> float:
        """NIQE of a picture [h, w, 3]. ValueError when it is under 192 pixels a side."""
        if min(picture.shape[:2]) < 2 * BLOCK:
            raise ValueError(f"pictures of at least {2 * BLOCK} pixels a side")
        values = grey(picture[None])[0]
        rows, columns = (side // BLOCK for side in values.shape)
        values = values[: rows * BLOCK, : columns * BLOCK]
        parts = []
        for scale in (1, 2):
            parts.append(_features(values, BLOCK // scale))
            values = _half(values)
        features = np.concatenate(parts, 1)
        features = features[np.isfinite(features).all(1)]
        away = self._mean - features.mean(0)
        pooled = (self._covariance + np.cov(features, rowvar=False)) / 2
        return float(np.sqrt(away @ np.linalg.pinv(pooled) @ away))


def _half(values: Doubles) -> Doubles:
    """Half the size by antialiased bicubic interpolation, as MATLAB's imresize."""
    edge = 8  # MATLAB mirrors at the edges, Pillow cuts its window there
    wide = np.pad(values / 255, edge, mode="symmetric").astype(np.float32)
    image = Image.fromarray(wide)
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)
    inner = slice(edge // 2, -edge // 2)
    return np.asarray(small, np.float64)[inner, inner] * 255


def _features(values: Doubles, block: int) -> Doubles:
    """Eighteen features of each block: shapes of contrast-normalised pixels and their products."""
    at = np.arange(7) - 3
    window = np.exp(-(at**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()

    def mean(source: Doubles) -> Doubles:
        for axis in (0, 1):
            source = convolve1d(source, window, axis=axis, mode="nearest")
        return source

    middle = mean(values)
    spread = np.sqrt(np.abs(mean(values * values) - middle * middle))
    structure = (values - middle) / (spread + 1)
    rows = []
    for top in range(0, values.shape[0], block):
        for left in range(0, values.shape[1], block):
            part = structure[top : top + block, left : left + block]
            shape, low, high = _asymmetric(part)
            found = [shape, (low + high) / 2]
            for shift in _SHIFTS:
                shape, low, high = _asymmetric(part * np.roll(part, shift, (0, 1)))
                middle_of = (high - low) * gamma(2 / shape) / gamma(1 / shape)
                found += [shape, middle_of, low, high]
            rows.append(found)
    return np.array(rows)


def _asymmetric(values: Doubles) -> tuple[float, float, float]:
    """Shape and the two widths of the asymmetric generalised Gaussian that fits (by moments)."""
    flat = values.ravel()
    low = np.sqrt(np.square(flat[flat < 0]).mean()) if (flat < 0).any() else np.nan
    high = np.sqrt(np.square(flat[flat > 0]).mean()) if (flat > 0).any() else np.nan
    ratio = low / high
    square = np.square(flat).mean()
    if not np.isfinite(ratio) or square == 0:
        return np.nan, np.nan, np.nan
    moment = np.abs(flat).mean() ** 2 / square
    wanted = moment * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = float(_SHAPES[np.argmin(np.square(_RATIOS - wanted))])
    width = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, float(low * width), float(high * width)
