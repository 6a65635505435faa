# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between a synthesiser and a person in a room: pitch, throat, microphone, noise.

The encoder hears synthetic voices only, so everything that real recordings vary in is varied
here, on whole batches [B, N] of 16 kHz speech. Nothing moves in time, so the phones stay valid;
tempo is changed before, where the phones can follow.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

FFT, HOP = 512, 160
BINS = FFT // 2 + 1
# Cepstral coefficients that describe the throat and not the pitch.
LIFTER = 28


def _chance(generator: torch.Generator, count: int, probability: float) -> Tensor:
    return torch.rand(count, generator=generator) < probability


def _between(generator: torch.Generator, count: int, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _envelope(log_magnitude: Tensor) -> Tensor:
    """Smooth spectral envelope of log magnitudes [B, bins, T]."""
    cepstrum = torch.fft.irfft(log_magnitude, n=FFT, dim=1)
    cepstrum[:, LIFTER : FFT - LIFTER + 1] = 0
    return torch.fft.rfft(cepstrum, dim=1).real


def _stretch(curve: Tensor, factor: Tensor) -> Tensor:
    """`curve` [B, bins, T] read at frequency / factor [B, bins, T]: factor > 1 moves it up."""
    where = (torch.arange(BINS)[:, None] / factor).clamp(0, BINS - 1.001)
    low = where.long()
    share = where - low
    return curve.gather(1, low) * (1 - share) + curve.gather(1, low + 1) * share


def _throat(generator: torch.Generator, count: int, frames: int) -> Tensor:
    """How far each frequency's envelope moves, as a factor [B, bins, frames].

    Longer and shorter throats, whose front and back part differ too: speakers are no scaled copies
    of each other, so the factor bends over frequency. It wanders a little over time as well: no
    person says a vowel twice alike, and synthesisers do.
    """
    length = torch.where(_chance(generator, count, 0.8), _between(generator, count, 0.8, 1.25), 1.0)
    bend = torch.randn(count, 1, 5, 1, generator=generator) * 0.045
    knots = max(frames // 30, 2)
    wander = torch.randn(count, 1, 5, knots, generator=generator) * 0.035
    bent = F.interpolate(bend + wander, (BINS, frames), mode="bilinear", align_corners=True)[:, 0]
    return length[:, None, None] * torch.exp(bent)


def _equaliser(generator: torch.Generator, count: int) -> Tensor:
    """Random smooth gains in dB [B, bins]: a tilt, a few bumps, and often a limited band."""
    hertz = torch.linspace(0, 8000, BINS)
    octave = torch.log2(hertz.clamp(min=50) / 1000)[None]
    gain = octave * _between(generator, count, -4, 4)[:, None]
    for _ in range(3):
        centre = _between(generator, count, -4, 3)[:, None]
        width = _between(generator, count, 0.3, 1.5)[:, None]
        height = _between(generator, count, -8, 8)[:, None]
        gain = gain + height * torch.exp(-(((octave - centre) / width) ** 2))
    low = torch.where(_chance(generator, count, 0.3), _between(generator, count, 80, 400), 1.0)
    high = torch.where(_chance(generator, count, 0.45), _between(generator, count, 2600, 7000), 9e3)
    gain = gain - 24 * torch.relu(torch.log2(low[:, None] / hertz.clamp(min=20)[None]))
    return gain - 60 * torch.relu(torch.log2(hertz.clamp(min=20)[None] / high[:, None]))


def voice_and_microphone(speech: Tensor, generator: torch.Generator) -> Tensor:
    """Another throat (formants moved, pitch kept), some breath, another microphone."""
    count, length = speech.shape
    window = torch.hann_window(FFT)
    spectrum = torch.stft(speech, FFT, HOP, window=window, return_complex=True)
    envelope = _envelope(torch.log(spectrum.abs() + 1e-5))
    moved = _throat(generator, count, spectrum.shape[2])
    # Speakers differ in how sharp their resonances are, and synthesisers smooth them.
    sharpness = _between(generator, count, 0.75, 1.4)[:, None, None]
    mean = envelope.mean(1, keepdim=True)
    gain = (_stretch(envelope, moved) - mean) * sharpness + mean - envelope
    gain = gain.clamp(-4, 4) + _equaliser(generator, count)[..., None] * (math.log(10) / 20)
    spectrum = spectrum * torch.exp(gain.clamp(-9, 4))
    breath = _between(generator, count, 0, 0.5) * _chance(generator, count, 0.3)
    breath = torch.where(_chance(generator, count, 0.05), torch.ones(count), breath)  # a whisper
    rows = torch.nonzero(breath > 0)[:, 0]
    phase = 2 * math.pi * torch.rand((len(rows), *spectrum.shape[1:]), generator=generator)
    noisy = torch.polar(spectrum[rows].abs(), phase)
    spectrum[rows] = torch.lerp(spectrum[rows], noisy, breath[rows, None, None].to(noisy.dtype))
    return torch.istft(spectrum, FFT, HOP, window=window, length=length)


def room(speech: Tensor, generator: torch.Generator) -> Tensor:
    """Two rooms in five: early reflections and a decaying tail, the direct sound in its place."""
    count, length = speech.shape
    size = 8000
    time = torch.arange(size) / 16_000
    decay = _between(generator, count, 0.06, 0.7)[:, None]
    tail = torch.randn(count, size, generator=generator) * torch.exp(-6.9 * time / decay)
    tail = tail * (time[None] > _between(generator, count, 0.001, 0.012)[:, None])
    tail = tail / tail.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)
    wet = _between(generator, count, 0.1, 0.9) * _chance(generator, count, 0.4)
    response = tail * wet[:, None]
    response[:, 0] += 1
    total = 1 << (length + size - 1).bit_length()
    mixed = torch.fft.rfft(speech, total) * torch.fft.rfft(response, total)
    return torch.fft.irfft(mixed, total)[:, :length]


def coloured_noise(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Noise between white and brown with slowly moving loudness, RMS 1: [count, length]."""
    spectrum = torch.fft.rfft(torch.randn(count, length, generator=generator))
    hertz = torch.linspace(0, 8000, spectrum.shape[1]).clamp(min=30)
    slope = _between(generator, count, 0, 1.2)[:, None]
    noise = torch.fft.irfft(spectrum * hertz[None] ** -slope, length)
    points = torch.rand(count, 1, 9, generator=generator) * 1.2 + 0.2
    level = F.interpolate(points, length, mode="linear")[:, 0]
    noise = noise * level
    return noise / noise.square().mean(1, keepdim=True).sqrt().clamp(min=1e-9)


def music(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Chords of decaying harmonic notes, and a mains hum in between, RMS 1: [count, length]."""
    time = torch.arange(length)[None] / 16_000
    total = torch.zeros(count, length)
    for _ in range(5):
        hertz = 55 * 2 ** (torch.randint(0, 48, (count, 1), generator=generator) / 12)
        onset = _between(generator, count, -1.0, length / 16_000)[:, None]
        since = (time - onset).clamp(min=0)
        fall = _between(generator, count, 0.3, 6)[:, None]
        note = torch.zeros(count, length)
        for harmonic in range(1, 6):
            inside = (hertz * harmonic < 7600).float() / harmonic
            note = note + inside * torch.sin(2 * math.pi * hertz * harmonic * since)
        total = total + note * torch.exp(-since * fall) * (since > 0)
    total = total + 1e-4 * torch.randn(count, length, generator=generator)
    return total / total.square().mean(1, keepdim=True).sqrt().clamp(min=1e-9)


def disturb(speech: Tensor, level: Tensor, generator: torch.Generator) -> Tensor:
    """Add noise, music or other people to `speech` [B, N], whose own RMS while talking is `level`.

    One in eight stays clean; the others get a signal-to-noise ratio of 3 to 40 dB.
    """
    count, length = speech.shape
    kind = torch.rand(count, generator=generator)[:, None]
    noise = coloured_noise(count, length, generator)
    for row in torch.nonzero(kind[:, 0] > 0.75)[:, 0]:
        noise[row] = music(1, length, generator)[0]
    babble = speech.roll(1, 0) + speech.roll(3, 0).flip(1) + speech.roll(5, 0)
    babble = babble / babble.square().mean(1, keepdim=True).sqrt().clamp(min=1e-4)
    noise = torch.where(kind < 0.12, babble, noise)
    decibel = _between(generator, count, 3, 40)
    # Another talker as loud as the first would be told apart by nobody.
    decibel = torch.where(kind[:, 0] < 0.12, decibel.clamp(min=14), decibel)
    gain = level * 10 ** (-decibel / 20) * ~_chance(generator, count, 0.125)
    return speech + noise * gain[:, None]


def recorder(sound: Tensor, generator: torch.Generator) -> Tensor:
    """Clipping and coarse steps (mu-law, 8 bits) of some recorders, for sound of RMS about 0.1."""
    count = len(sound)
    clipped = torch.where(
        _chance(generator, count, 0.1)[:, None],
        torch.tanh(sound * 6) / 6,
        sound,
    )
    mu = torch.log1p(255 * clipped.clamp(-1, 1).abs()) / math.log(256)
    steps = torch.round(mu * 127) / 127
    coded = torch.sign(clipped) * (torch.expm1(steps * math.log(256)) / 255)
    return torch.where(_chance(generator, count, 0.12)[:, None], coded, clipped)
