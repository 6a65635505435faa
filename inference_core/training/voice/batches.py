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
        self.pcm = np.memmap(folder / f"{part}.pcm", np.dtype("<i2"), "r")
        rows = json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
        self.said = [
            Said(row["at"], row["n"], row["speaker"], np.array(row["phones"], np.float64))
            for row in rows
        ]

    def samples(self, said: Said) -> NDArray[np.float32]:
        """Its speech, float32 in -1..1."""
        return self.pcm[said.at : said.at + said.length].astype(np.float32) / 32768


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples [B, N] and the phone under each frame [B, N//320]."""

    samples: Tensor
    target: Tensor


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
        tempo = float(2 ** rng.uniform(-0.28, 0.28))
        source = corpus.samples(said)
        count = int(len(source) / tempo)
        if first:  # begin anywhere in a long one
            at -= int(rng.integers(0, max(count - length // 2, 1)))
        low, high = max(at, 0), min(at + count, length)
        if low < high:
            where = (np.arange(low, high) - at) * tempo
            sound[low:high] = np.interp(where, np.arange(len(source)), source)
            phones = said.phones.copy()
            phones[:, :2] = phones[:, :2] / tempo + at / 16_000
            rows.append(phones[(phones[:, 1] > -0.5) & (phones[:, 0] < length / 16_000 + 0.5)])
        at += count + int(rng.integers(0, 12_000))
        first = False
    phones = np.concatenate(rows) if rows else np.zeros((0, 3))
    return sound, hard_labels(phones, length // HOP)


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
    plain = torch.from_numpy(rng.random(size) < 0.2)[:, None]
    other = augment.room(augment.voice_and_microphone(speech, generator), generator)
    speech = torch.where(plain, speech, other)
    level = torch.tensor([speech_level(row) for row in speech.numpy()], dtype=torch.float32)
    level[torch.from_numpy(mute)] = SPEECH_LEVEL
    heard = augment.disturb(speech, level, generator)
    heard = heard * (SPEECH_LEVEL / level.clamp(min=1e-3))[:, None]
    decibel = torch.from_numpy(rng.uniform(-9, 7, size).astype(np.float32))
    heard = augment.recorder(heard, generator) * 10 ** (decibel / 20)[:, None]
    return Batch(heard, torch.from_numpy(target))
