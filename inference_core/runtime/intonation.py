# SPDX-License-Identifier: GPL-3.0-or-later
"""The melody of a voice: its pitch, and how each phrase is delivered.

From the sound alone and relative to the same voice's other phrases; nobody's acted speech was
learned from, so what is made of it elsewhere is a proposal and no reading of feelings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.audio_resample import RATE
from inference_core.runtime.prosody import Phrase
from inference_core.runtime.voice import HOP

LOWEST, HIGHEST = 65.0, 420.0  # Hz
# Three periods of the lowest voice; long enough to be sure, short enough to follow a fall.
WINDOW = 800
FFT = 2048
# Share of a frame's power that repeats with the period, from which on it is sung and not hissed.
VOICED = 0.45
# A longer period must be clearly better: an octave too low looks almost as good.
_OCTAVE = 0.03
_BLOCK = 2000
# Semitones that the pitch of a read sentence spreads by, and words' syllables per second.
USUAL_SPREAD, USUAL_RATE = 2.4, 4.5


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a phrase is said, against the voice's own middle.

    level in dB, pitch and spread (standard deviation) in semitones, rate in syllables per second
    over the usual, rise in semitones from the phrase's middle to its end.
    """

    phrase: Phrase
    level: float
    pitch: float
    spread: float
    rate: float
    rise: float


def pitch_of(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Fundamental frequency in Hz per content frame [ceil(n / 320)] of 16 kHz speech; 0 unvoiced.

    Autocorrelation of a Hann window divided by that of the window itself (Boersma 1993), in blocks.
    """
    frames = -(-len(samples) // HOP)
    found = np.zeros(frames, np.float32)
    window = np.hanning(WINDOW).astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, FFT)) ** 2)
    low, high = int(RATE / HIGHEST), int(RATE / LOWEST)
    lags = np.arange(low, high)
    bias = _OCTAVE * np.log2(lags * (LOWEST / RATE))
    reach = (WINDOW - HOP) // 2
    for first in range(0, frames, _BLOCK):
        last = min(first + _BLOCK, frames)
        begin = first * HOP - reach
        part = np.zeros((last - first) * HOP + 2 * reach, np.float32)
        inside = slice(max(begin, 0), min(begin + len(part), len(samples)))
        part[inside.start - begin : inside.stop - begin] = samples[inside]
        rows = np.lib.stride_tricks.sliding_window_view(part, WINDOW)[::HOP]
        rows = (rows - rows.mean(1, keepdims=True)) * window
        spectrum = np.fft.rfft(rows, FFT)
        repeats = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)
        power = np.maximum(repeats[:, :1], 1e-9)
        likeness = repeats[:, low:high] / power * (own[0] / own[low:high])
        best = (likeness - bias).argmax(1)
        sure = likeness[np.arange(len(best)), best] > VOICED
        loud = power[:, 0] > 1e-4 * np.square(window).sum() * float(np.square(part).mean() + 1e-9)
        found[first:last] = np.where(sure & loud, RATE / lags[best], 0)
    return _without_jumps(found)


def _without_jumps(pitch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames more than seven semitones from the middle of their neighbours become unvoiced."""
    if len(pitch) < 5:
        return pitch
    around = np.lib.stride_tricks.sliding_window_view(np.pad(pitch, 3), 7)
    sung = np.where(around > 0, around, np.nan)
    counts = (around > 0).sum(1)
    middle = np.zeros(len(pitch))
    enough = counts >= 3
    middle[enough] = np.nanmedian(sung[enough], axis=1)
    apart = np.abs(np.log2(np.maximum(pitch, 1) / np.maximum(middle, 1)))
    return np.where(enough & (apart < 7 / 12), pitch, 0).astype(np.float32)


def deliveries(
    said: list[Phrase], loudness: NDArray[np.floating], pitch: NDArray[np.floating]
) -> list[Delivery]:
    """How each of `said` is delivered, from loudness (RMS) and pitch (Hz) [T] at 50 Hz."""
    raw: list[tuple[Phrase, NDArray[np.float64]]] = []
    for phrase in said:
        part = slice(round(phrase.start * 50), max(round(phrase.end * 50), 1))
        loud = np.asarray(loudness[part], np.float64)
        sung = np.asarray(pitch[part], np.float64)
        notes = 12 * np.log2(sung[sung > 0] / 100)
        if len(notes) < 5 or not loud.any():
            continue
        ending = notes[-max(len(notes) // 5, 3) :].mean()
        level = 10 * np.log10(np.mean(np.square(loud)) + 1e-12)
        rate = _syllables(loud) / max(phrase.end - phrase.start, 0.2)
        raw.append(
            (
                phrase,
                np.array([level, np.median(notes), np.std(notes), rate, ending - notes.mean()]),
            )
        )
    if not raw:
        return []
    table = np.stack([row for _, row in raw])
    middle = np.median(table, axis=0)
    # One phrase alone says nothing about its own level; its liveliness can be told all the same.
    trust = len(raw) / (len(raw) + 2)
    middle[2] = trust * middle[2] + (1 - trust) * USUAL_SPREAD
    middle[3] = trust * middle[3] + (1 - trust) * USUAL_RATE
    result = []
    for phrase, row in raw:
        level, tone, spread, rate, _ = row - middle
        result.append(Delivery(phrase, level, tone, spread, rate, float(row[4])))
    return result


def _syllables(loudness: NDArray[np.float64]) -> int:
    """Peaks of loudness that stand out by 2 dB or more: about one per syllable."""
    smoothed = np.convolve(loudness, np.hanning(7)[1:-1] / np.hanning(7)[1:-1].sum(), "same")
    decibel = 20 * np.log10(smoothed + 1e-5)
    count, low, high, rising = 0, decibel[0], decibel[0], True
    for value in decibel:
        if rising:
            high = max(high, value)
            if high - value > 2:
                count, rising, low = count + 1, False, value
        else:
            low = min(low, value)
            if value - low > 2:
                rising, high = True, value
    return count + rising
