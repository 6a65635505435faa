# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for the watermark in a picture.

What a picture has of its own drowns the mark, and more so where it is rough. So each place of the
luma is first weighed by how little it has (Wiener 1949: a weak signal is best seen through its
noise by dividing by the noise's power). Then the picture is cut into tiles; in each, the spectrum
in the pattern's band is flattened (as phase-only correlation does it: Kuglin and Hines 1975). The
tiles of a window are added, since the pattern repeats, and correlated with it. The score is the
height of the peak in standard deviations of the correlation surface.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from .pattern import TILE, Floats, band, signature, tile

Spectra = npt.NDArray[np.complex64]

WINDOWS = (2, 4)  # sides of the windows in tiles; the whole picture comes on top
MOST_SIDE = 1536  # larger pictures are looked at in pieces of this size, half overlapping
SMALLEST = 64  # pixels; below it there is nothing to correlate
AROUND = 3  # pixels to each side over whose mean a place is seen
CELL = 6  # pixels: cells over which the picture's own power is measured
FAINT = 3.0  # power, in squared levels, below which a place has nothing that could drown the mark
# How the picture may have been scaled since it was marked, most likely first.
SCALES = (1.0, 0.5, 2.0, 0.75, 2 / 3, 1.5)
ANGLES = (0.0, -0.5, 0.5, -1.0, 1.0, -1.5, 1.5)  # degrees, for pictures that kept their size
# Every size from a third to three times, in steps that move the edge of MIDDLE by a pixel.
MIDDLE = 3 * TILE
ANY_SCALE = tuple(0.35 * 1.01**n for n in range(222))
HYPOTHESES = (*((scale, 0.0) for scale in SCALES), *((1.0, angle) for angle in ANGLES if angle))
# Far above what unmarked pictures reach; docs/provenance.md has the count.
THRESHOLD = 7.2
FALSE_POSITIVES = "of 10,000 unmarked pictures none came above 6.5"


@dataclass(frozen=True)
class Found:
    """The best match: its score, and what had been done to the picture."""

    score: float
    scale: float = 1.0
    angle: float = 0.0
    mirrored: bool = False

    @property
    def present(self) -> bool:
        """Whether this is our mark."""
        return self.score >= THRESHOLD


NOTHING = Found(0.0)


def find(image: Image.Image, thorough: bool = True) -> Found:
    """Look for the mark in a picture of any mode; `thorough` also tries scaled, turned and
    mirrored ones when it is not found as it is.
    """
    luma = image.convert("RGB").convert("F") if image.mode != "F" else image
    best = NOTHING
    for scale, angle in HYPOTHESES if thorough else HYPOTHESES[:1]:
        seen = _undone(luma, scale, angle)
        if seen is None:
            continue
        for mirrored, score in enumerate(_scores(np.asarray(seen))):
            if score > best.score:
                best = Found(score, scale, angle, bool(mirrored))
        if best.present:
            break
    return best


def find_any_size(image: Image.Image) -> Found:
    """Look for the mark in a picture that was scaled by any factor, in its middle alone: slower,
    and with many more trials than `find`, so a score says a little less.
    """
    luma = image.convert("RGB").convert("F")
    best = NOTHING
    for scale in ANY_SCALE:
        half = min(MIDDLE * scale, *luma.size) / 2
        side = round(2 * half / scale)
        if side < TILE:
            continue
        x, y = luma.width / 2, luma.height / 2
        seen = luma.resize(
            (side, side), Image.Resampling.BICUBIC, (x - half, y - half, x + half, y + half)
        )
        for mirrored, score in enumerate(_scores(np.asarray(seen))):
            if score > best.score:
                best = Found(score, scale, 0.0, bool(mirrored))
        if best.present:
            break
    return best


def _undone(luma: Image.Image, scale: float, angle: float) -> Image.Image | None:
    """The picture as it was before it was scaled and turned; None when that is no size for it."""
    if scale != 1:
        size = (round(luma.width / scale), round(luma.height / scale))
        if min(size) < SMALLEST or max(size) > 2 * MOST_SIDE:
            return None
        luma = luma.resize(size, Image.Resampling.BICUBIC)
    if angle:
        edge = math.ceil(abs(math.sin(math.radians(angle))) * max(luma.size) / 2)
        luma = luma.rotate(angle, Image.Resampling.BICUBIC)
        luma = luma.crop((edge, edge, luma.width - edge, luma.height - edge))
    return luma if min(luma.size) >= SMALLEST else None


def _scores(luma: Floats) -> tuple[float, float]:
    """The highest peak over all windows of a picture [h, w], as it is and mirrored."""
    straight = mirrored = 0.0
    for spectra in _windows(_evened(luma)):
        straight = max(straight, _peak(spectra * signature()))
        mirrored = max(mirrored, _peak(spectra * _mirrored_signature()))
    return straight, mirrored


@cache
def _mirrored_signature() -> Spectra:
    """Finds the pattern in a mirrored picture. The spectrum of a mirrored tile is the conjugate
    of the tile's at the opposite vertical frequency; here that is done to the signature instead.
    """
    return np.conj(np.roll(signature()[::-1], 1, axis=0))


def _evened(luma: Floats) -> Floats:
    """What stands out from its surroundings, divided by how much does so around there; rms 1."""
    fine = luma - _blurred(luma)
    power = Image.fromarray(fine * fine)
    width, height = power.size
    cells = power.reduce(CELL).resize(
        power.size, Image.Resampling.BILINEAR, (0, 0, width / CELL, height / CELL)
    )
    evened = fine / (np.float32(FAINT) + np.asarray(cells))
    return np.asarray(evened / max(float(np.sqrt(np.square(evened).mean())), 1e-9), np.float32)


def _blurred(values: Floats) -> Floats:
    """The mean over AROUND pixels to each side, edges drawn out."""
    for axis in (0, 1):
        sides = [(AROUND, AROUND) if one == axis else (0, 0) for one in (0, 1)]
        wide, length = np.pad(values, sides, mode="edge"), values.shape[axis]
        total = np.zeros_like(values)
        for n in range(2 * AROUND + 1):
            total += wide[n : n + length] if axis == 0 else wide[:, n : n + length]
        values = total / np.float32(2 * AROUND + 1)
    return values


def _pieces(luma: Floats) -> Iterator[Floats]:
    for top in _starts(luma.shape[0]):
        for left in _starts(luma.shape[1]):
            yield luma[top : top + MOST_SIDE, left : left + MOST_SIDE]


def _starts(length: int) -> range:
    return range(0, max(1, length - MOST_SIDE // 2), MOST_SIDE // 2)


def _windows(luma: Floats) -> Iterator[Spectra]:
    """Sums of tile spectra over windows: each [n, TILE, TILE // 2 + 1]."""
    for piece in _pieces(luma):
        tiles = _phases(_tiled(piece))
        rows, columns = tiles.shape[:2]
        yield tiles.sum((0, 1))[None]
        if rows == columns == 1:
            continue
        for side in WINDOWS:
            high, wide = min(side, rows), min(side, columns)
            if (high, wide) == (rows, columns):
                break
            sums = tiles
            sums = sum(sums[n : rows - high + 1 + n] for n in range(high))  # type: ignore[assignment]
            sums = sum(sums[:, n : columns - wide + 1 + n] for n in range(wide))  # type: ignore[assignment]
            yield sums.reshape(-1, *tiles.shape[2:])


def _tiled(luma: Floats) -> Floats:
    """The picture as tiles [rows, columns, TILE, TILE]; what is missing in the last is mirrored."""
    height, width = luma.shape
    # A last tile that is mostly made up is left out, unless it is the only one.
    rows, columns = max(1, round(height / TILE)), max(1, round(width / TILE))
    whole = luma[: rows * TILE, : columns * TILE]
    fill = (rows * TILE - whole.shape[0], columns * TILE - whole.shape[1])
    if max(fill) > 0:
        whole = np.pad(whole, ((0, fill[0]), (0, fill[1])), mode="constant", constant_values=np.nan)
        mean = np.nanmean(whole)
        whole = np.where(np.isnan(whole), mean, whole).astype(np.float32)
    return whole.reshape(rows, TILE, columns, TILE).swapaxes(1, 2)


@cache
def _taper() -> Floats:
    """Fades the edges of a tile, where its sides do not meet."""
    ramp = np.clip(np.minimum(np.arange(TILE) + 0.5, TILE - 0.5 - np.arange(TILE)) / 8, 0, 1)
    edge = np.sin(ramp * np.pi / 2) ** 2
    return np.outer(edge, edge).astype(np.float32)


@cache
def _mark_size() -> float:
    """How large a mark of rms 1 is in each bin of its band. What is much larger is the picture
    itself; the larger it is, the less its phase tells.
    """
    return float(np.abs(np.fft.rfft2(tile()))[band()].mean())


def _phases(tiles: Floats) -> Spectra:
    """Spectra of tiles in the band, most of their size taken away."""
    spectra = np.fft.rfft2((tiles - tiles.mean((2, 3), keepdims=True)) * _taper())
    # Between the phase alone (power 1) and Wiener's weights for a picture that is noise (2).
    kept = spectra * band() / (1 + np.abs(spectra) / _mark_size()) ** 1.5
    return kept.astype(np.complex64)


def _peak(sums: Spectra) -> float:
    """The highest peak of any correlation surface, in standard deviations of that surface."""
    surfaces = np.fft.irfft2(sums, s=(TILE, TILE))
    highest = surfaces.max((1, 2))
    deviation = surfaces.std((1, 2))
    return float((highest / np.maximum(deviation, 1e-12)).max())
