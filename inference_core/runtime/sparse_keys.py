# SPDX-License-Identifier: GPL-3.0-or-later
"""Few keys with handles instead of one key per frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import CONTROLS

DEGREES, AMOUNT = 0.5, 0.02


@dataclass(frozen=True, slots=True)
class Key:
    """A key on `frame` with its value and slope per frame.

    As a Blender keyframe: both handles a third of the way to the neighbouring key, on the slope.
    """

    frame: int
    value: float
    slope: float


def tolerance_of(control: int) -> float:
    """How far the keys of one control may be from its track, in the control's unit."""
    return DEGREES if CONTROLS[control].unit == "degrees" else AMOUNT


def curve(keys: list[Key], frames: int) -> NDArray[np.float64]:
    """The track [frames] that the keys describe: cubic Hermite between, held outside."""
    at = np.array([key.frame for key in keys], np.float64)
    value = np.array([key.value for key in keys])
    slope = np.array([key.slope for key in keys])
    times = np.arange(frames, dtype=np.float64)
    if len(keys) == 1:
        return np.full(frames, value[0])
    left = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(keys) - 2)
    width = at[left + 1] - at[left]
    x = np.clip((times - at[left]) / width, 0, 1)
    return (
        (1 + 2 * x) * (1 - x) ** 2 * value[left]
        + x * (1 - x) ** 2 * width * slope[left]
        + x * x * (3 - 2 * x) * value[left + 1]
        + x * x * (x - 1) * width * slope[left + 1]
    )


def sparse_keys(track: NDArray[np.floating], tolerance: float) -> list[Key]:
    """Keys whose `curve` is within `tolerance` of `track` [frames] on every frame.

    Keys lie on the ends and turning points that matter; where the curve between two is too far
    off, another is set where it is farthest.
    """
    values = np.asarray(track, np.float64)
    if len(values) == 0:
        return []
    if np.ptp(values) <= tolerance:
        return [Key(0, float((values.max() + values.min()) / 2), 0.0)]
    slopes = np.gradient(values)
    turns = np.concatenate([[0], np.flatnonzero(slopes[1:] * slopes[:-1] < 0) + 1])
    slopes[turns] = 0  # eased in and out where the motion turns

    def key(frame: int) -> Key:
        return Key(frame, float(values[frame]), float(slopes[frame]))

    chosen = [0]
    open_ = [(0, len(values) - 1)]
    while open_:
        low, high = open_.pop()
        if high - low > 1:
            first, last = key(low), key(high)
            shifted = [Key(0, first.value, first.slope), Key(high - low, last.value, last.slope)]
            error = np.abs(curve(shifted, high - low + 1) - values[low : high + 1])
            if error.max() > tolerance:
                middle = low + int(error.argmax())
                open_ += [(middle, high), (low, middle)]
                continue
        chosen.append(high)
    return [key(frame) for frame in sorted(set(chosen))]
