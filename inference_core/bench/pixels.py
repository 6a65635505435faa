# SPDX-License-Identifier: GPL-3.0-or-later
"""PSNR, SSIM and MS-SSIM by the conventions of `profiles`. Pictures are uint8 [n, h, w, 3]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve1d

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of MS-SSIM's five scales (Wang 2003)
LEAST_SIDE = 176  # the fifth scale then has 11 pixels, the window
# MATLAB's rgb2gray to all its digits: with four, the fourth digit of SSIM is another one.
_GREY = (0.298936021293775, 0.587043074451121, 0.114020904255103)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def paired(profile: str, one: Bytes, other: Bytes) -> tuple[Bytes, Bytes]:
    """The frames of two clips that belong together."""
    count = min(len(one), len(other))
    if profile != "eat":
        return one[:count], other[:count]
    # EAT's test scripts pair by equal steps, so that a clip of another rate fits.
    steps = [np.linspace(0, len(clip) - 1, count).round().astype(int) for clip in (one, other)]
    return one[steps[0]], other[steps[1]]


def psnr(profile: str, one: Bytes, other: Bytes) -> list[float]:
    """Decibels of each frame, infinite for equal ones; a single number where frames are pooled."""
    difference = one.astype(np.float64) - other
    if profile == "torchmetrics":
        error = [float(np.square(difference).mean())]
    else:
        error = np.square(difference).mean((1, 2, 3)).tolist()
    return [10 * float(np.log10(255**2 / one)) if one else float("inf") for one in error]


def ssim(profile: str, one: Bytes, other: Bytes) -> list[float]:
    """Structural similarity of each frame."""
    if profile == "torchmetrics":
        from torchmetrics.functional.image import structural_similarity_index_measure as measure

        pairs = zip(_unit(one), _unit(other), strict=True)
        found = [measure(a[None], b[None], data_range=1.0) for a, b in pairs]
        return [float(one) for one in found]  # type: ignore[arg-type]
    from skimage.metrics import structural_similarity

    if profile == "eat":
        return [
            float(structural_similarity(a, b, channel_axis=2, data_range=255))
            for a, b in zip(one, other, strict=True)
        ]
    return [_wang(a, b) for a, b in zip(grey(one), grey(other), strict=True)]


def _wang(one: Doubles, other: Doubles) -> float:
    """The mean over the pixels whose whole window lies in the picture (Wang 2004, ssim_index.m)."""
    luminance, contrast = _maps(one, other)
    return float((luminance * contrast).mean())


def ms_ssim(profile: str, one: Bytes, other: Bytes) -> list[float]:
    """Multi-scale structural similarity of each frame. ValueError for pictures under 176 pixels."""
    if min(one.shape[1:3]) < LEAST_SIDE:
        raise ValueError(f"pictures of at least {LEAST_SIDE} pixels a side")
    if profile == "torchmetrics":
        from torchmetrics.functional.image import (
            multiscale_structural_similarity_index_measure as measure,
        )

        pairs = zip(_unit(one), _unit(other), strict=True)
        return [
            float(measure(a[None], b[None], data_range=1.0, normalize="relu")) for a, b in pairs
        ]
    return [_multiscale(a, b) for a, b in zip(grey(one), grey(other), strict=True)]


def _multiscale(one: Doubles, other: Doubles) -> float:
    result = 1.0
    for level, weight in enumerate(WEIGHTS):
        luminance, contrast = _maps(one, other)
        last = level == len(WEIGHTS) - 1
        value = float((luminance * contrast if last else contrast).mean())
        # A negative mean has no real power; the authors' code then gives a complex number.
        result *= max(value, 0.0) ** weight
        if not last:
            one, other = _halved(one), _halved(other)
    return result


def _halved(picture: Doubles) -> Doubles:
    """Means of 2 x 2 pixels at every other pixel, edges mirrored, as the authors' code has it."""
    for axis in (0, 1):
        picture = convolve1d(picture, [0.5, 0.5], axis=axis, mode="reflect", origin=0)
    return picture[::2, ::2]


def _maps(one: Doubles, other: Doubles) -> tuple[Doubles, Doubles]:
    """Luminance and contrast-structure terms of SSIM for each whole window."""
    at = np.arange(11) - 5
    window = np.exp(-(at**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(values: Doubles) -> Doubles:
        for axis in (0, 1):
            values = convolve1d(values, window, axis=axis)
        return values[5:-5, 5:-5]

    mx, my = mean(one), mean(other)
    vx, vy = mean(one * one) - mx * mx, mean(other * other) - my * my
    both = mean(one * other) - mx * my
    return (2 * mx * my + _C1) / (mx * mx + my * my + _C1), (2 * both + _C2) / (vx + vy + _C2)


def grey(pictures: Bytes) -> Doubles:
    """Whole grey levels [n, h, w] by MATLAB's rgb2gray."""
    return np.rint(pictures.astype(np.float64) @ _GREY)


def _unit(pictures: Bytes) -> npt.NDArray[np.float32]:
    import torch

    return torch.from_numpy(pictures.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255))  # type: ignore[return-value]
