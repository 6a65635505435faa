# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic voices that the encoder never heard, whose phones are known exactly."""

import contextlib
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.voice import QUIETEST, Session, posteriors_of, speech_level

NEEDS = "flite and libespeak-ng1 (apt-get install), requirements/train.txt"


def measure(session: Session, quick: bool) -> dict[str, dict[str, float]] | None:
    """Shares right per part; None where the synthesisers or the training's packages are missing."""
    try:
        from inference_core.training.voice import corpus
        from inference_core.training.voice.batches import Corpus
        from inference_core.training.voice.score import score
    except ImportError:
        return None

    def listen(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        level = max(speech_level(samples), QUIETEST)
        return posteriors_of(session, samples, level)[: len(samples) // 320]

    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                corpus.write_unseen(folder, seed=101, share=0.1 if quick else 1.0)
        except (OSError, RuntimeError):
            return None
        for part in corpus.UNSEEN_PARTS:
            result = score(listen, Corpus(folder, part))
            found[part] = {
                "phones": result.phone_right,
                "visemes": result.viseme_right,
                "closed": result.closed,
                "false": result.false_closed,
                "seconds": result.frames / 50,
            }
    return found
