# SPDX-License-Identifier: GPL-3.0-or-later
"""The pattern of the watermark: one tile of band-limited noise, the same in every frame.

It is public, as all of this source is. The mark discloses; it does not protect against somebody
who wants it gone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

TILE = 128  # pixels per side; the pattern repeats, so any crop holds whole tiles of it
SEED = 0x5EA4
# Cycles per pixel. Above, x264 throws it away and half the size cannot hold it; below, pictures
# have so much of their own that it drowns.
LOW, HIGH = 0.07, 0.25


def frequencies() -> Floats:
    """Radial frequency of each bin of a tile's `rfft2`, cycles per pixel [TILE, TILE // 2 + 1]."""
    y, x = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]
    return np.hypot(y, x).astype(np.float32)


@cache
def band() -> npt.NDArray[np.bool_]:
    """The bins in which the pattern lies."""
    radius = frequencies()
    return (radius >= LOW) & (radius <= HIGH)


@cache
def tile() -> Floats:
    """The pattern [TILE, TILE]: mean 0, rms 1, equal power over the band, random phases."""
    rng = np.random.default_rng(SEED)
    noise = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    flat = np.where(band(), noise / np.maximum(np.abs(noise), 1e-9), 0)
    values = np.fft.irfft2(flat, s=(TILE, TILE))
    return (values / values.std()).astype(np.float32)


@cache
def signature() -> npt.NDArray[np.complex64]:
    """Conjugate phases of the tile's spectrum in the band, 0 outside."""
    spectrum = np.fft.rfft2(tile())
    phases = np.conj(spectrum) / np.maximum(np.abs(spectrum), 1e-9)
    return np.where(band(), phases, 0).astype(np.complex64)
