# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of augmented speech with the mouth that belongs to it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference_core.runtime.mouth import hard_labels
from inference_core.runtime.voice import SPEECH_LEVEL, speech_level
from inference_core.training.voice import augment
from inference_core.training.voice.encoder import HOP

# Labels per frame: a boundary inside a frame is shared between its two phones, so that the encoder
# learns where in the frame it lies.
PARTS = 4
# Share of the utterances that keep their own throat, microphone and room.
PLAIN = 0.15
# Seconds between the knots of the pace, and how far it strays from its mean (in log 2).
PACE_STEP, PACE_SPREAD = 0.22, 0.2


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance of a corpus: where it lies in the file, who says it, its phones [n, 3]."""

    at: int
    length: int
    speaker: str
    phones: NDArray[np.float64]


class Corpus:
    """One part written by `corpus.py`, mapped from disk."""

    def __init__(self, folder: Path, part: str) -> None:
        self.pcm: NDArray[np.int16] = np.memmap(folder / f"{part}.pcm", np.dtype("<i2"), "r")
        rows = json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
        self.said = [
            Said(row["at"], row["n"], row["speaker"], np.array(row["phones"], np.float64))
            for row in rows
        ]

    @classmethod
    def of(cls, pcm: NDArray[np.int16], said: list[Said]) -> "Corpus":
        """Some utterances of the samples `pcm`."""
        corpus = cls.__new__(cls)
        corpus.pcm, corpus.said = pcm, said
        return corpus

    def samples(self, said: Said) -> NDArray[np.float32]:
        """Its speech, float32 in -1..1."""
        return self.pcm[said.at : said.at + said.length].astype(np.float32) / 32768


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples [B, N] and the phones under each frame [B, N//320, PARTS], a quarter frame each."""

    samples: Tensor
    target: Tensor


def fine_labels(phones: NDArray[np.float64], frames: int) -> NDArray[np.int64]:
    """The phones under the quarters of each frame [frames, PARTS]; phones as in `hard_labels`."""
    fine = phones * np.array([PARTS, PARTS, 1.0])
    return hard_labels(fine, frames * PARTS).reshape(frames, PARTS)


def _paced(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """When each of `count` samples is heard, in samples: at a tempo that wanders like a person's.

    People hurry over some words and dwell on others; synthesisers keep time.
    """
    knots = max(int(count / 16_000 / PACE_STEP), 1) + 2
    slowness = 2 ** (rng.uniform(-0.3, 0.3) + rng.normal(0, PACE_SPREAD, knots)).clip(-0.9, 0.9)
    local = np.interp(np.linspace(0, knots - 1, count), np.arange(knots), slowness)
    return np.concatenate([[0.0], np.cumsum(local)[:-1]])


def _crop(
    corpus: Corpus, rng: np.random.Generator, length: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Speech [length] with its phones: one or two utterances at another tempo, some silence."""
    sound = np.zeros(length, np.float32)
    rows: list[NDArray[np.float64]] = []
    at = int(rng.integers(-length // 4, length // 4))  # where the utterance begins in the crop
    first = True
    while at < length - 4000 and (first or rng.random() < 0.8):
        said = corpus.said[rng.integers(len(corpus.said))]
        source = corpus.samples(said)
        heard = _paced(rng, len(source))
        count = int(heard[-1])
        if first:  # begin anywhere in a long one
            at -= int(rng.integers(0, max(count - length // 2, 1)))
        low, high = max(at, 0), min(at + count, length)
        if low < high:
            inside = slice(*np.searchsorted(heard, (low - at - 2, high - at + 2)))
            sound[low:high] = np.interp(np.arange(low, high) - at, heard[inside], source[inside])
            phones = said.phones.copy()
            where = phones[:, :2].clip(0) * 16_000
            phones[:, :2] = (np.interp(where, np.arange(len(source)), heard) + at) / 16_000
            rows.append(phones[(phones[:, 1] > -0.5) & (phones[:, 0] < length / 16_000 + 0.5)])
        at += count + int(rng.integers(0, 12_000))
        first = False
    phones = np.concatenate(rows) if rows else np.zeros((0, 3))
    return sound, fine_labels(phones, length // HOP)


def make_batch(corpus: Corpus, size: int, seconds: float, seed: tuple[int, int]) -> Batch:
    """Batch number `seed[1]` of the run with seed `seed[0]`: the same numbers, the same batch."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
    length = int(seconds * 16_000) // HOP * HOP
    made = [_crop(corpus, rng, length) for _ in range(size)]
    speech = torch.from_numpy(np.stack([sound for sound, _ in made]))
    target = np.stack([labels for _, labels in made])
    # Now and then nobody speaks, and the mouth has to stay still whatever is heard.
    mute = rng.random(size) < 0.05
    speech[torch.from_numpy(mute)] = 0
    target[mute] = 0
    other = torch.from_numpy(np.flatnonzero(rng.random(size) >= PLAIN))
    if len(other):
        throat = augment.voice_and_microphone(speech[other], generator)
        speech[other] = augment.room(throat, generator)
    level = torch.tensor([speech_level(row) for row in speech.numpy()], dtype=torch.float32)
    level[torch.from_numpy(mute)] = SPEECH_LEVEL
    heard = augment.disturb(speech, level, generator)
    heard = heard * (SPEECH_LEVEL / level.clamp(min=1e-3))[:, None]
    decibel = torch.from_numpy(rng.uniform(-9, 7, size).astype(np.float32))
    heard = augment.recorder(heard, generator) * 10 ** (decibel / 20)[:, None]
    return Batch(heard, torch.from_numpy(target))
