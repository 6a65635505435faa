# SPDX-License-Identifier: GPL-3.0-or-later
"""Small networks that had no part in training SPEAK: who is seen in a face, and what a mouth says.

They were trained on renders of the training people (`train_identity_witness.py`, and `train_sync`
of the training package); what they are worth on renders of people whom neither they nor SPEAK have
seen stands in `witnesses/facts.json`. The witness of emotions is in `emotion_witness.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from ..protocol.controls import EMOTIONS, VISEMES
from ..training.mouth_crop import HEIGHT, WIDTH

FOLDER = Path(__file__).parent / "witnesses"
CLASSES = ("neutral", *EMOTIONS)
SIDE = 64  # pixels of the square that they look at
HALF, LOWER = 0.6, 0.1  # its half side and how far it lies lower, in half sides of the crop

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_NO_SOUND = np.zeros((1, len(VISEMES)), np.float32)


def looked_at(crop: Bytes) -> Bytes:
    """The part of a canonical crop [S, S, 3] that the witnesses see, [SIDE, SIDE, 3]."""
    size = len(crop)
    left, top = (1 - HALF) / 2 * size, (1 + LOWER - HALF) / 2 * size
    box = (left, top, left + HALF * size, top + HALF * size)
    seen = Image.fromarray(crop).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return np.asarray(seen)


def facts(folder: Path = FOLDER) -> dict[str, Any]:
    """What the witnesses are worth on true renders of people they never saw."""
    known: dict[str, Any] = json.loads((folder / "facts.json").read_text("utf-8"))
    return known


def merged_facts(folder: Path, found: dict[str, Any]) -> None:
    """Write what was found to the facts that are there."""
    path = folder / "facts.json"
    known = facts(folder) if path.exists() else {}
    path.write_text(json.dumps({**known, **found}, indent=1) + "\n", "utf-8")


class IdentityWitness:
    """The network, loaded."""

    def __init__(self, folder: Path = FOLDER) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "identity.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def identities(self, crops: Bytes) -> Floats:
        """Unit vectors [n, 64] of canonical crops [n, S, S, 3]; their products are the cosine
        between who is seen.
        """
        faces = np.stack([looked_at(crop) for crop in crops]).transpose(0, 3, 1, 2)
        feed = {"faces": faces.astype(np.float32) / np.float32(255)}
        answer: Floats = self._session.run(None, feed)[0]
        return answer


class SyncWitness:
    """The network, loaded."""

    def __init__(self, folder: Path = FOLDER) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "sync.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def mouths(self, mouths: Bytes) -> Floats:
        """Unit vectors [n, 64] of upright mouths [n, 48, 64, 3] (training/mouth_crop.py)."""
        pictures = mouths.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        answer: Floats = self._session.run(["seen"], {"mouths": pictures, "content": _NO_SOUND})[0]
        return answer

    def sounds(self, content: Floats) -> Floats:
        """Unit vectors [n, 64] of content [n, 15]; their products with those of mouths say how well
        they agree.
        """
        nothing = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
        feed = {"mouths": nothing, "content": content.astype(np.float32)}
        answer: Floats = self._session.run(["heard"], feed)[0]
        return answer
