# SPDX-License-Identifier: GPL-3.0-or-later
"""Few keys with handles instead of one key per frame."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import CONTROLS

DEGREES, AMOUNT = 0.5, 0.02
# A fiftieth of the face box is a visible step, and the whole sway is smaller.
SHIFT = 0.003


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
    if CONTROLS[control].name in ("shift_x", "shift_y", "zoom"):
        return SHIFT
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
    # In this form equal keys give their value to the last digit.
    return (
        value[left]
        + x * x * (3 - 2 * x) * (value[left + 1] - value[left])
        + x * (1 - x) ** 2 * width * slope[left]
        + x * x * (x - 1) * width * slope[left + 1]
    )


def _turns(values: NDArray[np.float64], least: float) -> list[int]:
    """Frames where the track turns by more than `least`, with both ends.

    What turns where is decided by the values around it, so that a longer or later range of the
    same motion gets the same keys but for its ends.
    """
    found, high, low, rising = [0], 0, 0, 0
    for frame, value in enumerate(values):
        high = frame if value > values[high] else high
        low = frame if value < values[low] else low
        if rising >= 0 and values[high] - value > least:
            if high > found[-1]:
                found.append(high)
            rising, low = -1, frame
            high = frame
        elif rising <= 0 and value - values[low] > least:
            if low > found[-1]:
                found.append(low)
            rising, high = 1, frame
            low = frame
    if found[-1] < len(values) - 1:
        found.append(len(values) - 1)
    return found


def sparse_keys(track: NDArray[np.floating], tolerance: float) -> list[Key]:
    """Keys whose `curve` is within `tolerance` of `track` [frames] on every frame.

    Keys lie on the turning points that matter, eased in and out; where the curve between two of
    them is too far off, another is set where it is farthest.
    """
    values = np.asarray(track, np.float64)
    if len(values) == 0:
        return []
    if np.ptp(values) <= tolerance:
        return [Key(0, float((values.max() + values.min()) / 2), 0.0)]
    slopes = np.gradient(values)
    turns = _turns(values, tolerance)
    slopes[turns] = 0
    # A corner (the start of a blink): the slope of neither side would be followed there.
    slopes[1:-1][np.diff(values)[1:] * np.diff(values)[:-1] <= 0] = 0

    def key(frame: int) -> Key:
        return Key(frame, float(values[frame]), float(slopes[frame]))

    chosen = {0}
    open_ = list(itertools.pairwise(turns))
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
        chosen.add(high)
    return [key(frame) for frame in sorted(chosen)]


def _joined(track: NDArray[np.floating], tolerance: float, joints: Sequence[int]) -> list[Key]:
    """The keys of each piece between joints, one after the other; all ends are eased."""
    edges = [0, *(joint for joint in joints if 0 < joint < len(track) - 1), len(track) - 1]
    if len(edges) == 2:
        return sparse_keys(track, tolerance)
    keys: list[Key] = []
    for first, last in itertools.pairwise(edges):
        piece = sparse_keys(track[first : last + 1], tolerance)
        if len(piece) == 1:  # a piece that stands still
            piece = [piece[0], Key(last - first, piece[0].value, 0.0)]
        moved = [Key(key.frame + first, key.value, key.slope) for key in piece]
        keys += moved[1:] if keys else moved
    return keys


def cut(keys: list[Key], low: int, high: int) -> list[Key]:
    """The keys of frames `low` to `high` of the same curve, counted from `low`.

    Where a curve is cut gets a key with its value and slope there, so nothing changes in between.
    """
    if len(keys) < 2:
        return keys
    inside = [key for key in keys if low < key.frame < high]
    ends = [_on_curve(keys, frame) for frame in sorted({low, high})]
    return [Key(k.frame - low, k.value, k.slope) for k in (ends[0], *inside, *ends[1:])]


def _on_curve(keys: list[Key], frame: int) -> Key:
    """A key on the curve of `keys` at `frame`."""
    around = [key for key in keys if key.frame == frame]
    if around:
        return around[0]
    if not keys[0].frame < frame < keys[-1].frame:
        return Key(frame, keys[0 if frame < keys[0].frame else -1].value, 0.0)
    after = next(i for i, key in enumerate(keys) if key.frame > frame)
    a, b = keys[after - 1], keys[after]
    width = b.frame - a.frame
    x = (frame - a.frame) / width
    slope = (
        6 * x * (x - 1) * (a.value - b.value) / width
        + (3 * x * x - 4 * x + 1) * a.slope
        + (3 * x * x - 2 * x) * b.slope
    )
    value = curve([Key(0, a.value, a.slope), Key(width, b.value, b.slope)], width + 1)
    return Key(frame, float(value[frame - a.frame]), float(slope))


def keyed(
    track: NDArray[np.floating], low: int, high: int, joints: Sequence[int] = ()
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows `low` to `high` of controls [frames, 19] as an animator would key them.

    `joints` are frames at which a key lies whatever comes behind: up to there the keys are the
    same for a track that goes on and for one that ends.

    Returns what the keys say [high - low, 19], `track` to within `tolerance_of` each control, and
    the keys [k, 4], a row per key: control, frame from `low` on, value, slope per frame, ordered
    by the first two.
    """
    count = high - low
    played = np.empty((count, track.shape[1]), np.float32)
    rows: list[tuple[float, float, float, float]] = []
    for control in range(track.shape[1]):
        fitted = _joined(track[:, control], tolerance_of(control), joints)
        keys = cut(fitted, low, high - 1)
        played[:, control] = curve(keys, count)
        rows += [(float(control), float(k.frame), k.value, k.slope) for k in keys]
    return played, np.array(rows, np.float32).reshape(-1, 4)
