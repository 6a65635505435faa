# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic voices that the encoder never heard, whose phones are known exactly."""

import contextlib
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.mouth import hard_labels
from inference_core.runtime.phones import PHONES
from inference_core.runtime.voice import Session, hear

NEEDS = "flite and libespeak-ng1 (apt-get install), requirements/train.txt"


# A Scot whose labels are American: what he says is not always what they name.
SCOT = "awb"


def measure(session: Session, quick: bool) -> dict[str, dict[str, float]] | None:
    """Shares right per part, by the phones that the product hears; `without_scot` is the first part
    without him. None where the synthesisers or the training's packages are missing."""
    try:
        from inference_core.training.voice import corpus
        from inference_core.training.voice.batches import Corpus
        from inference_core.training.voice.score import of_confusion
    except ImportError:
        return None

    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                corpus.write_unseen(folder, seed=101, share=0.1 if quick else 1.0)
        except (OSError, RuntimeError):
            return None
        for part in corpus.UNSEEN_PARTS:
            spoken = Corpus(folder, part)
            whose: dict[bool, NDArray[np.int64]] = {}
            for said in spoken.said:
                samples = spoken.samples(said)
                frames = len(samples) // 320
                confusion = whose.setdefault(
                    said.speaker == SCOT, np.zeros((len(PHONES), len(PHONES)), np.int64)
                )
                guess = hard_labels(hear(session, samples).phones, frames)
                np.add.at(confusion, (hard_labels(said.phones, frames), guess), 1)
            counts: dict[str, NDArray[np.int64]] = {part: np.sum(list(whose.values()), 0)}
            if len(whose) == 2:
                counts["without_scot"] = whose[False]
            for key, confusion in counts.items():
                result = of_confusion(confusion)
                found[key] = {
                    "phones": result.phone_right,
                    "visemes": result.viseme_right,
                    "closed": result.closed,
                    "false": result.false_closed,
                    "seconds": result.frames / 50,
                }
    return found
