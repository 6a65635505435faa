# SPDX-License-Identifier: GPL-3.0-or-later
"""What a voice says: phones with their times, viseme weights and loudness at 50 Hz.

The encoder runs in windows that overlap, at fixed places counted from the voice's first sample.
So hours of speech take constant memory, and the same voice always gives the same content.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import VISEMES
from inference_core.protocol.errors import SpeakError
from inference_core.runtime.audio_resample import RATE as SAMPLE_RATE
from inference_core.runtime.decode import segments
from inference_core.runtime.mouth import content_of_phones
from inference_core.runtime.phones import PHONES
from inference_core.runtime.scratch import new_array

CONTENT_RATE = 50
HOP = SAMPLE_RATE // CONTENT_RATE  # 320 samples per content frame

# What the encoder was trained on: speech of this RMS. Anything quieter than 70 dB below full
# scale is no speech and must not be lifted to that level.
SPEECH_LEVEL = 0.1
QUIETEST = 10 ** (-70 / 20)
MAX_GAIN = 100.0

# The encoder sees less than a second and a half either way; a window keeps only what saw all of
# that, so it answers as if it had heard everything in one piece.
WINDOW = 15 * CONTENT_RATE
MARGIN = 3 * CONTENT_RATE // 2
BLOCK = 1000 * HOP


class Session(Protocol):
    """The part of onnxruntime.InferenceSession that is used here."""

    def run(self, output_names: list[str], feed: dict[str, NDArray[np.float32]]) -> list[object]:
        """Outputs of the network in the order of their names."""


def loudness_of(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """RMS per content frame [ceil(n / 320)] of `samples` [n], in blocks."""
    frames = -(-len(samples) // HOP)
    result = np.zeros(frames, np.float32)
    for start in range(0, len(samples), BLOCK):
        block = np.asarray(samples[start : start + BLOCK], np.float32)
        rows = -(-len(block) // HOP)
        padded = np.zeros(rows * HOP, np.float32)
        padded[: len(block)] = block
        power = np.square(padded.reshape(rows, HOP)).mean(1)
        result[start // HOP : start // HOP + rows] = np.sqrt(power)
    return result


def level_of(loudness: NDArray[np.floating]) -> float:
    """RMS of the speech in a voice: of the frames less than 26 dB below its loud ones."""
    if len(loudness) == 0:
        return 0.0
    loud = float(np.percentile(loudness, 97))
    talking = loudness[loudness >= loud * 0.05]
    return float(np.sqrt(np.mean(np.square(talking, dtype=np.float64)))) if loud > 0 else 0.0


def speech_level(samples: NDArray[np.floating]) -> float:
    """`level_of` for samples [n] at 16 kHz."""
    return level_of(loudness_of(samples))


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in a voice of T = ceil(n / 320) content frames.

    phones [n, 3]: start, end (seconds), index in the inventory. content [T, 15]: viseme weights,
    each row summing to 1. loudness [T]: RMS. Row k belongs to the 20 ms that begin at k / 50 s.
    """

    phones: NDArray[np.float64]
    content: NDArray[np.float32]
    loudness: NDArray[np.float32]


def posterior_windows(
    session: Session, samples: NDArray[np.floating], level: float
) -> Iterator[NDArray[np.float32]]:
    """Phone posteriors [k, P], part by part, of `samples` [n] whose speech has the RMS `level`.

    Raises SpeakError `pack_shape` when the network answers in another shape.
    """
    frames = -(-len(samples) // HOP)
    gain = np.float32(min(SPEECH_LEVEL / level, MAX_GAIN))
    keep = WINDOW - 2 * MARGIN
    for first in range(0, frames, keep):
        last = min(first + keep, frames)
        low, high = max(first - MARGIN, 0), min(last + MARGIN, frames)
        window = np.zeros((1, (high - low) * HOP), np.float32)
        part = samples[low * HOP : high * HOP]
        window[0, : len(part)] = part
        answer = np.asarray(session.run(["phones"], {"samples": window * gain})[0])
        if answer.shape != (1, high - low, len(PHONES)):
            reason = f"it answers {high - low} frames of speech with shape {list(answer.shape)}"
            raise SpeakError("pack_shape", name="voice.onnx", reason=reason)
        yield answer[0, first - low : last - low]


def posteriors_of(
    session: Session, samples: NDArray[np.floating], level: float
) -> NDArray[np.float32]:
    """All of `posterior_windows` [ceil(n / 320), P]."""
    return np.concatenate(list(posterior_windows(session, samples, level)))


def hear(session: Session, samples: NDArray[np.floating]) -> Heard:
    """Phones, visemes and loudness of `samples` [n], 16 kHz mono.

    A silent voice gives silence throughout, without asking the network. Raises SpeakError
    `pack_shape` when the network answers in another shape.
    """
    loudness = loudness_of(samples)
    content = new_array((len(loudness), len(VISEMES)), np.float32)
    level = level_of(loudness)
    if level < QUIETEST:
        content[:, 0] = 1
        silence = [[0.0, len(loudness) / CONTENT_RATE, 0.0]] if len(loudness) else []
        return Heard(np.array(silence).reshape(-1, 3), content, loudness)
    phones = segments(posterior_windows(session, samples, level), len(loudness), loudness)
    content_of_phones(phones, content)
    return Heard(phones, content, loudness)


def content_of(
    session: Session, samples: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Viseme weights [T, 15] and loudness [T] of `hear`."""
    heard = hear(session, samples)
    return heard.content, heard.loudness


def at_frames(
    content: NDArray[np.floating], fps: Fraction, frames: int, start: float = 0.0
) -> NDArray[np.float32]:
    """Content [T, ...] at 50 Hz as seen by `frames` frames at `fps`: [frames, ...].

    Frame k shows the moment start + k / fps (`start` in seconds into the voice): the rows around
    it under a triangle, a little wider than interpolation needs below 50 fps so that nothing
    flickers. Outside of the voice the mouth is at rest (`sil`, loudness 0).
    """
    tracks = content.reshape(len(content), int(np.prod(content.shape[1:])))
    rest = np.zeros(tracks.shape[1], np.float32)
    if tracks.shape[1] == len(VISEMES):
        rest[0] = 1
    # Row k of the content is centred on (k + 0.5) / 50 s.
    seconds = start + np.arange(frames) * (fps.denominator / fps.numerator)
    centre = seconds * CONTENT_RATE - 0.5
    # A closure lasts 60 ms: a wider triangle than 1.5 rows would open the lips again.
    reach = min(max(1.0, CONTENT_RATE * fps.denominator / fps.numerator / 1.5), 1.5)
    low = np.floor(centre - reach).astype(np.int64) + 1
    result = np.zeros((frames, tracks.shape[1]), np.float32)
    total = np.zeros((frames, 1), np.float32)
    for step in range(int(np.ceil(2 * reach)) + 1):
        row = low + step
        weight = np.clip(1 - np.abs(row - centre) / reach, 0, None).astype(np.float32)[:, None]
        inside = (row >= 0) & (row < len(tracks))
        values = tracks[np.clip(row, 0, max(len(tracks) - 1, 0))] if len(tracks) else rest[None]
        result += np.where(inside[:, None], values, rest) * weight
        total += weight
    return (result / total).astype(np.float32).reshape(frames, *content.shape[1:])
