# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the watermark into 8-bit pictures.

The pattern is added to the luma, a little stronger where the picture has texture that hides it
and weaker where it is flat. It stands still: the same pixel of the screen gets the same sign in
every frame, whatever moves below, so that nothing boils. Where it is never put: alpha, pixels
that cannot be seen, float pictures, curves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from .pattern import TILE, Floats, tile

Bytes = npt.NDArray[np.uint8]

# rms of the mark in levels of 255, in flat areas and where texture hides it. Rounding to whole
# levels adds 1/12 to its square, so no picture gets more than 46.2 dB of noise.
FLAT, MOST = 0.7, 1.2
PER_LEVEL = 0.2  # levels of mark per level of local texture
CELL = 8  # pixels: texture is measured in cells of this size


class Watermark:
    """Marks one place of pictures, made once for all frames that change there."""

    def __init__(self, left: int, top: int, width: int, height: int) -> None:
        """The place in the picture, pixels. The pattern starts at the picture's upper left corner,
        so that places that are marked one by one join.
        """
        rows = (np.arange(height) + top) % TILE
        columns = (np.arange(width) + left) % TILE
        self._pattern = tile()[rows][:, columns]

    def mark(self, picture: Bytes) -> None:
        """Add the mark to `picture` [h, w, 3 or 4] in place. The same picture always gets the
        same mark.
        """
        strength = _strength(picture)
        strength *= self._pattern
        if picture.shape[2] == 4:
            strength *= picture[:, :, 3] > 0
        change = np.rint(strength).astype(np.int16)
        for band in range(3):
            moved = picture[:, :, band] + change
            np.clip(moved, 0, 255, out=moved)
            picture[:, :, band] = moved


def _strength(picture: Bytes) -> Floats:
    """Levels of mark for each pixel [h, w], smooth, from the texture around it."""
    height, width = picture.shape[:2]
    # Green stands for luma: it is most of it, and this is only about how rough a place is.
    rows, columns = height // CELL, width // CELL
    if not rows or not columns:
        return np.full((height, width), FLAT, np.float32)
    every_other = picture[: rows * CELL : 2, : columns * CELL : 2, 1].astype(np.float32)
    blocks = every_other.reshape(rows, CELL // 2, columns, CELL // 2)
    # Differences of neighbours: shading, which hides nothing, makes them equal.
    spread = (np.diff(blocks, axis=1).std((1, 3)) + np.diff(blocks, axis=3).std((1, 3))) / 8**0.5
    level = np.clip(FLAT + PER_LEVEL * spread, FLAT, MOST)
    smooth = Image.fromarray(level).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(smooth)
