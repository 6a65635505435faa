# SPDX-License-Identifier: GPL-3.0-or-later
"""Any sound to 16 kHz mono, the only form the voice encoder hears.

A windowed-sinc resampler as block matrix products: `up` outputs depend on a window of inputs that
moves by `down`, so one small matrix maps a window to its outputs and BLAS does the rest. Blocks
keep the memory constant however long the sound is.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.errors import SpeakError
from inference_core.runtime.scratch import new_array

RATE = 16_000
MIN_RATE, MAX_RATE = 4_000, 384_000
MAX_CHANNELS = 64

# Zero crossings of the sinc on each side, and where its edge lies below the lower Nyquist
# frequency: 90 dB down in the stop band, flat up to 7.1 kHz of 8.
ZEROS = 24
CUTOFF = 0.94
KAISER_BETA = 9.0

# Ratios with more phases than this are replaced by the nearest that has not: for 44,101 Hz that
# is 3 ms in an hour, and the matrix stays small.
MAX_PHASES = 640
BLOCK_OUTPUTS = 160_000  # 10 s of output at a time


def check_rate(rate: int) -> None:
    """Raise SpeakError `voice_rate` for a rate no recording has (0, 4e9)."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise SpeakError("voice_rate", rate=rate, minimum=MIN_RATE, maximum=MAX_RATE)


def _matrix(up: int, down: int) -> tuple[NDArray[np.float32], int, int, int]:
    """The map from a window of inputs to a group of outputs.

    Returns (matrix [window, outputs], inputs per group, outputs per group, inputs of the window
    before the group's first output's position).
    """
    groups = max(1, 64 // up)  # several groups at once when there are few phases: better for BLAS
    outputs, hop = up * groups, down * groups
    scale = min(1.0, up / down) * CUTOFF
    half = int(np.ceil(ZEROS / scale))
    position = np.arange(outputs) * (down / up)
    taps = np.arange(-half, hop + half + 1)
    distance = (taps[:, None] - position[None, :]) * scale
    inside = np.clip(1 - (distance / ZEROS) ** 2, 0, 1)
    window = np.where(np.abs(distance) <= ZEROS, np.i0(KAISER_BETA * np.sqrt(inside)), 0.0)
    kernel = np.sinc(distance) * window
    kernel /= kernel.sum(0, keepdims=True)  # exact at 0 Hz: no ripple on a constant
    return np.ascontiguousarray(kernel, np.float32), hop, outputs, half


def _mono(block: NDArray[np.generic]) -> NDArray[np.float32]:
    """Mean of the channels in -1..1; int16 is scaled, what is not a number becomes silence."""
    values = block.astype(np.float32)
    if block.dtype == np.int16:
        values /= 32768
    if values.ndim == 2:
        values = values.mean(1, dtype=np.float32)
    return np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0).clip(-64, 64)


def to_mono_16k(samples: NDArray[np.generic], rate: int) -> NDArray[np.float32]:
    """`samples` [n] or [n, channels], int16 or float, at `rate` Hz to float32 [m] at 16 kHz.

    m = ceil(n * 16000 / rate); sample k of the result lies at k / 16000 s. Takes a memory map as
    well as an array and works in blocks; results longer than some minutes live in a temporary
    file. Raises SpeakError `voice_rate` or `voice_channels`.
    """
    check_rate(rate)
    if samples.ndim == 2 and not 1 <= samples.shape[1] <= MAX_CHANNELS:
        raise SpeakError("voice_channels", channels=samples.shape[1], limit=MAX_CHANNELS)
    if samples.ndim not in (1, 2):
        raise SpeakError("voice_unreadable", reason="it has {count} dimensions", count=samples.ndim)
    count = len(samples)
    length = -(-count * RATE // rate)
    result = new_array((length,), np.float32)
    if rate == RATE:
        for start in range(0, length, BLOCK_OUTPUTS):
            stop = min(start + BLOCK_OUTPUTS, length)
            result[start:stop] = _mono(samples[start:stop])
        return result
    ratio = Fraction(rate, RATE).limit_denominator(MAX_PHASES)
    matrix, hop, outputs, half = _matrix(up=ratio.denominator, down=ratio.numerator)
    rows = max(1, BLOCK_OUTPUTS // outputs)
    for first in range(0, length, rows * outputs):
        needed = min(rows, -(-(length - first) // outputs))
        begin = first // outputs * hop - half
        end = begin + (needed - 1) * hop + len(matrix)
        padded = np.zeros(end - begin, np.float32)
        low, high = max(begin, 0), min(end, count)
        if low < high:
            padded[low - begin : high - begin] = _mono(samples[low:high])
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(matrix))[::hop]
        block = (np.ascontiguousarray(windows) @ matrix).reshape(-1)
        stop = min(first + len(block), length)
        result[first:stop] = block[: stop - first]
    return result
