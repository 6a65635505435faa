# SPDX-License-Identifier: GPL-3.0-or-later
"""Sounds that are hard on a mouth: silence, noise, music, whisper, a child, a shout, haste."""

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.audio_resample import RATE
from inference_core.runtime.voice import Session, hear

Floats = NDArray[np.float32]
# A mouth that says nothing may twitch this often per second, and be open this share of the time.
CALM_PACE, CALM_SHARE = 0.5, 0.05
_FFT, _HOP = 512, 128


def _spectrum(speech: Floats) -> NDArray[np.complex128]:
    padded = np.pad(speech.astype(np.float64), _FFT)
    rows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    return np.fft.rfft(rows * np.hanning(_FFT))


def _sound(spectrum: NDArray[np.complex128]) -> Floats:
    """Overlap and add of a short-time spectrum."""
    rows = np.fft.irfft(spectrum) * np.hanning(_FFT)
    total = np.zeros(len(rows) * _HOP + _FFT)
    for i, row in enumerate(rows):
        total[i * _HOP : i * _HOP + _FFT] += row
    return total[_FFT:].astype(np.float32)


def whispered(speech: Floats, rng: np.random.Generator) -> Floats:
    """The same throat without the voice: noise with its envelope, basses taken away."""
    power = np.abs(_spectrum(speech)) ** 2
    # Smooth over 350 Hz: no partials of the voice are left.
    window = np.hanning(13)[1:-1] / np.hanning(13).sum()
    envelope = np.sqrt(np.apply_along_axis(np.convolve, 1, power, window, "same"))
    noise = _spectrum(rng.normal(0, 1, len(speech)).astype(np.float32))
    hertz = np.fft.rfftfreq(_FFT, 1 / RATE)
    return _sound(envelope * noise[: len(envelope)] * np.minimum(hertz / 700, 1))


def faster(speech: Floats, factor: float) -> Floats:
    """Time compressed at the same pitch: a phase vocoder (Flanagan and Golden 1966)."""
    spectrum = _spectrum(speech)
    at = np.arange(0, len(spectrum) - 1, factor)
    low = at.astype(int)
    share = (at - low)[:, None]
    size = np.abs(spectrum[low]) * (1 - share) + np.abs(spectrum[low + 1]) * share
    step = np.angle(spectrum[low + 1] / np.where(spectrum[low] == 0, 1, spectrum[low]))
    phase = np.angle(spectrum[0]) + np.concatenate([[np.zeros(step.shape[1])], step[:-1]]).cumsum(0)
    return _sound(size * np.exp(1j * phase))


def sounds(speech: Floats) -> dict[str, tuple[Floats, bool]]:
    """Each case's samples, and whether somebody speaks in it."""
    rng = np.random.default_rng(0)
    time = np.arange(len(speech)) / RATE
    chords: NDArray[np.float64] = np.sum(
        [np.sin(2 * np.pi * hertz * time) for hertz in (220, 277.2, 329.6, 440)], 0
    )
    white = rng.normal(0, 1, len(speech)).astype(np.float32)
    spectrum = np.fft.rfft(white)
    brown = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 50), len(speech))
    child = np.interp(np.arange(0, len(speech), 1.3), np.arange(len(speech)), speech)
    deviation = float(speech.std())
    cases = {
        "as it is": (speech, True),
        "silence": (np.zeros_like(speech), False),
        "white noise": (white, False),
        "low noise": (brown, False),
        "music: chords on a beat": (chords * np.exp(-8 * (time % 0.5)), False),
        "whispered": (whispered(speech, rng), True),
        "a child's throat and pitch (1.3 times)": (child, True),
        "a shout (clipped)": (np.tanh(speech / deviation * 3), True),
        "2x speed, same pitch": (faster(speech, 2.0), True),
        "white noise 10 dB below": (speech + white * deviation * 10**-0.5, True),
    }
    result = {}
    for name, (sound, spoken) in cases.items():
        peak = max(float(np.abs(sound).max()), 1e-9)
        loud = np.asarray(sound / peak * (0.7 if name != "silence" else 0.0), np.float32)
        result[name] = (loud, spoken)
    return result


def measure(session: Session, speech: Floats) -> dict[str, tuple[float, float, bool]]:
    """Per case: share of frames with a moving mouth, phones per second, whether one speaks."""
    result = {}
    for name, (sound, spoken) in sounds(speech).items():
        heard = hear(session, sound)
        moving = float((heard.content[:, 0] < 0.5).mean())
        result[name] = moving, (len(heard.phones) - 1) / (len(sound) / RATE), spoken
    return result
