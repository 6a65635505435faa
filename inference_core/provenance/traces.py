# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces that making a frame leaves beside what is in it: numbers for `origin`.

A pack samples the portrait's pixels anew inside of a square around the face and leaves the rest as
it was. So everything is measured twice, inside of the square and around it: spectra of small blocks
(as in Durall et al. 2020), the beat of resampling (Gallagher 2005), noise of colour; and over time,
how much stands quite still at which distance from the face. No number keeps where in a region
something was, so none can know a face or a background. Co-occurrences of residuals (SPAM: Pevny,
Bas, Fridrich 2010) were tried too and told nothing more on people that were not learned from.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

BLOCK = 8
INSIDE = 0.64  # of half the square: what is surely made, however the head moved since
AROUND = (1.15, 2.0)  # of half the square: what surely is the portrait
LEAST = 24  # blocks that a region needs to say something
SPECTRUM = BLOCK**2 - 1
ROUGH = 4  # beats of rows and columns, noise of two colours
PICTURE = 2 * (SPECTRUM + ROUGH)
FAINT = 0.3  # levels added before a logarithm
DISTANCES = (0.0, 0.4, 0.8, 1.0, 1.15, 1.5, 2.2)  # of half the square: rings over time
MOTION = len(DISTANCES) - 1


class Square(Protocol):
    """Where a face is: centre and side in pixels, and the unit vector along the upper edge."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def side(self) -> float: ...
    @property
    def right_x(self) -> float: ...
    @property
    def right_y(self) -> float: ...


def of_picture(picture: Bytes, square: Square) -> Floats:
    """Numbers [PICTURE] of a picture [h, w, 3] with a face in `square`; NaN for a region that is
    too small.
    """
    part, distance = _part(picture, square)
    luma = _luma(part)
    regions = (distance < INSIDE, (distance > AROUND[0]) & (distance < AROUND[1]))
    (inside, rough), (around, other) = (_region(part, luma, mask) for mask in regions)
    return np.concatenate([inside, inside - around, rough, other]).astype(np.float32)


def of_motion(pictures: Sequence[Bytes], square: Square) -> Floats:
    """Numbers [MOTION] of pictures that follow each other: the share of pixels in each ring that
    stay as they are from one to the next; NaN for a ring that is too small.
    """
    parts = [_luma(_part(picture, square)[0]) for picture in pictures]
    distance = _part(pictures[0], square)[1]
    change = np.stack([np.abs(b - a) for a, b in itertools.pairwise(parts)])
    rings = [(distance >= low) & (distance < high) for low, high in itertools.pairwise(DISTANCES)]
    return np.array(
        [np.nan if ring.sum() < LEAST * BLOCK**2 else (change[:, ring] == 0).mean()
         for ring in rings],
        np.float32,
    )  # fmt: skip


def _part(picture: Bytes, square: Square) -> tuple[Bytes, Floats]:
    """What lies around the face, cut on the grid of blocks, and how far each pixel is from the
    middle of the square: 1 at its edge.
    """
    height, width = picture.shape[:2]
    reach = square.side / 2 * DISTANCES[-1]
    left = max(0, int(square.x - reach)) // BLOCK * BLOCK
    top = max(0, int(square.y - reach)) // BLOCK * BLOCK
    right = min(width, int(square.x + reach)) // BLOCK * BLOCK
    bottom = min(height, int(square.y + reach)) // BLOCK * BLOCK
    x = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - square.x)
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - square.y)
    across = np.abs(x * np.float32(square.right_x) + y * np.float32(square.right_y))
    down = np.abs(y * np.float32(square.right_x) - x * np.float32(square.right_y))
    return picture[top:bottom, left:right], np.maximum(across, down) / np.float32(square.side / 2)


def _luma(part: Bytes) -> Floats:
    return part.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _region(part: Bytes, luma: Floats, mask: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Spectrum [SPECTRUM] and roughness [ROUGH] of the masked part."""
    blocks = _blocks(mask).all((1, 2))
    if blocks.sum() < LEAST:
        return np.full(SPECTRUM, np.nan, np.float32), np.full(ROUGH, np.nan, np.float32)
    colour = part.astype(np.float32)
    rest = [_roughness(colour[..., n] - colour[..., 1], mask) for n in (0, 2)]
    rough = np.array([*_beats(luma, mask), *rest], np.float32)
    return _spectrum(_blocks(luma)[blocks]), rough


def _blocks(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """[h, w] as blocks [n, BLOCK, BLOCK]."""
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    cut = values.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    return cut.reshape(-1, BLOCK, BLOCK)


@cache
def _cosines() -> Floats:
    """The orthonormal DCT-II [BLOCK, BLOCK]."""
    k, n = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None]
    matrix = np.cos(np.pi * (n + 0.5) * k / BLOCK) * np.sqrt(2 / BLOCK)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _spectrum(blocks: npt.NDArray[np.generic]) -> Floats:
    """Mean logarithm of each of the 63 frequencies of blocks [n, BLOCK, BLOCK]."""
    found = np.abs(_cosines() @ blocks.astype(np.float32) @ _cosines().T)
    logs: Floats = np.log(found + np.float32(FAINT)).mean(0).reshape(-1)[1:]
    return logs


def _beats(luma: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """How high the strongest beat of roughness stands out along rows and columns: sampling anew
    leaves pixels that are means of others, at even steps.
    """
    heights = []
    for values, there in ((luma, mask), (luma.T, mask.T)):
        rough = np.abs(values[:, 2:] - 2 * values[:, 1:-1] + values[:, :-2])
        weight = there[:, 1:-1].astype(np.float32)
        column = (rough * weight).sum(0) / np.maximum(weight.sum(0), 1)
        column = column[weight.sum(0) > BLOCK]
        smooth = np.convolve(column, np.ones(9) / 9, "same")
        lines = np.abs(np.fft.rfft((column - smooth) * np.hanning(len(column))))[len(column) // 8 :]
        heights.append(float(np.log((lines.max() + 1e-6) / (np.median(lines) + 1e-6))))
    return np.array(heights, np.float32)


def _roughness(values: Floats, mask: npt.NDArray[np.bool_]) -> np.float32:
    rough = np.abs(values[:, 2:] - 2 * values[:, 1:-1] + values[:, :-2])
    return np.float32(np.log(rough + FAINT)[mask[:, 1:-1]].mean())
