# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures against sound, without weights: lips against loudness, head beats against onsets; and
SyncNet's two numbers from its distances.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

Doubles = npt.NDArray[np.float64]

REACH = 15  # frames of shift to each side, as SyncNet's evaluation has it
BEAT_SIGMA = 3.0  # frames: how near a motion beat has to be (Siyao et al. 2022)
SMOOTH = 5.0  # frames of Gaussian smoothing of speed before its minima are taken
LOUD = 0.1  # of the largest rise: from here it is an onset


def loudness(sound: npt.ArrayLike, rate: int, fps: float, frames: int) -> Doubles:
    """RMS of the sound around each frame [frames]."""
    samples = np.asarray(sound, np.float64)
    edges = (np.arange(frames + 1) / fps * rate).round().astype(int)
    found = [samples[a:b] for a, b in pairwise(edges)]
    return np.array([np.sqrt(np.square(one).mean()) if len(one) else 0.0 for one in found])


def lip_sync(opening: npt.ArrayLike, loud: npt.ArrayLike) -> tuple[float, int]:
    """Pearson's r of lip opening and loudness at the best shift, and that shift in frames: positive
    when the lips are late. NaN where one of them does not move. Not SyncNet's confidence.
    """
    lips, sound = (np.asarray(one, np.float64) for one in (opening, loud))
    there = np.isfinite(lips)
    if there.sum() < 4:
        return float("nan"), 0
    lips = np.interp(np.arange(len(lips)), np.flatnonzero(there), lips[there])
    best = (float("nan"), 0)
    reach = min(REACH, len(lips) // 4)  # of a short clip, too little would be left to compare
    for shift in range(-reach, reach + 1):
        a = lips[max(shift, 0) : len(lips) + min(shift, 0)]
        b = sound[max(-shift, 0) : len(sound) - max(shift, 0)]
        count = min(len(a), len(b))
        if count < 8 or np.ptp(a[:count]) < 1e-9 or np.ptp(b[:count]) < 1e-9:
            continue
        r = float(np.corrcoef(a[:count], b[:count])[0, 1])
        if not r <= best[0]:
            best = (r, shift)
    return best


def beat_alignment(pose: npt.ArrayLike, loud: npt.ArrayLike) -> float:
    """BA: mean over motion beats of exp(-dt^2 / 2 sigma^2), dt to the nearest onset of sound.

    Motion beats are minima of the head's smoothed speed, from pose [n, 3] in degrees; onsets are
    local maxima of the rise in loudness. NaN where there are none. (Li et al. 2021; ports differ.)
    """
    turns = np.asarray(pose, np.float64)
    turns = turns[np.isfinite(turns).all(1)]
    if len(turns) < 8:
        return float("nan")
    speed = gaussian_filter1d(np.linalg.norm(np.diff(turns, axis=0), axis=1), SMOOTH)
    beats = 1 + np.flatnonzero((speed[1:-1] < speed[:-2]) & (speed[1:-1] <= speed[2:]))
    rise = np.diff(np.asarray(loud, np.float64), prepend=loud[0])  # type: ignore[index]
    peak = (rise[1:-1] > rise[:-2]) & (rise[1:-1] >= rise[2:]) & (rise[1:-1] > LOUD * rise.max())
    onsets = 1 + np.flatnonzero(peak)
    if not len(beats) or not len(onsets):
        return float("nan")
    away = np.abs(beats[:, None] - onsets[None]).min(1)
    return float(np.exp(-np.square(away) / (2 * BEAT_SIGMA**2)).mean())


def sync_scores(distances: npt.ArrayLike) -> tuple[float, float, int]:
    """LSE-D, LSE-C and the offset from SyncNet's distances [frames, 2 REACH + 1], one column per
    shift of the sound (Chung and Zisserman 2016; Prajwal et al. 2020).

    LSE-D is the smallest mean distance over the shifts, LSE-C how far the median is above it.
    """
    mean = np.asarray(distances, np.float64).mean(0)
    smallest = float(mean.min())
    return smallest, float(np.median(mean)) - smallest, REACH - int(mean.argmin())
