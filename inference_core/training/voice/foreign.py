# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's phone recogniser in place of our voice encoder.

Any CTC model of Hugging Face's transformers whose vocabulary is IPA as espeak-ng writes it, such as
facebook/wav2vec2-lv-60-espeak-cv-ft, from a local folder. Its symbols are folded into our
inventory and its answers turned into what a pack holds: one posterior per phone and 20 ms.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForCTC

from inference_core.runtime.phones import INDEX, PHONES, SIL, of_ipa
from inference_core.runtime.voice import SPEECH_LEVEL
from inference_core.training.voice.encoder import HOP

# A frame this far below the speech's level, in dB, is a pause when no phone is heard in it.
PAUSE, WIDTH = -32.0, 3.0
# Vocabulary entries that stand for no sound.
SILENT = frozenset({"<pad>", "<s>", "</s>", "<unk>", "|", "[PAD]", "[UNK]", " ", ""})


class NotFittingError(ValueError):
    """The folder holds no model that can take the encoder's place; the message says why."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """fold [V, P]: what each of the model's symbols says about our phones; blank [V]: 1 if none.

    unknown: symbols that are no IPA we know; they are heard as nothing.
    """

    fold: Tensor
    blank: Tensor
    unknown: tuple[str, ...]


def read_vocabulary(folder: Path) -> Vocabulary:
    """The folded vocabulary of the model in `folder`. Raises NotFittingError."""
    path = folder / "vocab.json"
    try:
        symbols = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotFittingError(f"{path} cannot be read: {error}") from None
    size = max(symbols.values()) + 1
    fold, blank = torch.zeros(size, len(PHONES)), torch.ones(size)
    unknown = []
    for symbol, index in symbols.items():
        phones = None if symbol in SILENT else of_ipa(symbol)
        if phones is None:
            unknown += [] if symbol in SILENT else [symbol]
            continue
        blank[index] = 0
        for phone in phones:
            fold[index, INDEX[phone]] += 1 / len(phones)
    said = (fold.sum(0) > 0).sum()
    if said < 20:
        raise NotFittingError(
            f"{path} has only {int(said)} phones of the inventory; its symbols must be IPA as "
            "espeak-ng writes it, not letters or words"
        )
    return Vocabulary(fold, blank, tuple(unknown))


class ForeignEncoder(nn.Module):
    """Samples [1, N], speech at RMS 0.1, to phone posteriors [1, N // 320, P]."""

    def __init__(self, model: nn.Module, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("fold", vocabulary.fold)
        self.register_buffer("blank", vocabulary.blank)
        self.fold: Tensor
        self.blank: Tensor

    def forward(self, samples: Tensor) -> Tensor:
        """A CTC model is silent about most frames, so what it does not say is filled.

        Where it answers "blank", a soft frame is a pause and a loud one goes on with the phone
        before or after it: every phone is equally likely there, and the decoder does not change.
        """
        # Its training heard each recording at unit variance. Ours comes at a known level, and
        # dividing by that keeps pauses quiet, whatever window they are heard in.
        heard = nn.functional.pad(samples, (40, 40)) / SPEECH_LEVEL
        logits = self.model(heard).logits
        chances = logits.softmax(-1)[..., : len(self.blank)]
        phones = chances @ self.fold
        nothing = chances @ self.blank
        power = nn.functional.avg_pool1d(samples[:, None] ** 2, HOP, HOP)[:, 0]
        decibel = 10 * torch.log10(power / SPEECH_LEVEL**2 + 1e-9)
        pause = torch.sigmoid((PAUSE - decibel) / WIDTH)
        rest = nothing * (1 - pause) / len(PHONES)
        filled = phones + rest[..., None]
        silence = torch.zeros(len(PHONES))
        silence[INDEX[SIL]] = 1
        return filled + (nothing * pause)[..., None] * silence


def load(folder: Path) -> tuple[ForeignEncoder, Vocabulary]:
    """The model of a local folder; nothing is downloaded. Raises NotFittingError."""
    vocabulary = read_vocabulary(folder)
    try:
        model = AutoModelForCTC.from_pretrained(
            folder, local_files_only=True, attn_implementation="eager"
        )
    except (OSError, ValueError) as error:
        raise NotFittingError(f"{folder} holds no CTC model: {error}") from None
    stride = 1
    for step in getattr(model.config, "conv_stride", ()):
        stride *= step
    if stride != HOP:
        raise NotFittingError(
            f"{folder} answers every {stride} samples; the encoder must answer every {HOP}"
        )
    if model.config.vocab_size < len(vocabulary.blank):
        raise NotFittingError(f"{folder}: vocab.json has more symbols than the model")
    return ForeignEncoder(model.eval(), vocabulary), vocabulary
