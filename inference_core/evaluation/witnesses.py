# SPDX-License-Identifier: GPL-3.0-or-later
"""Two small networks that had no part in training SPEAK: which emotion a face shows, who it is.

Both were trained on renders of the training people (`train_witnesses.py`); what they are worth on
renders of people whom neither they nor SPEAK have seen stands in `witnesses/README.md`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from ..protocol.controls import EMOTIONS

FOLDER = Path(__file__).parent / "witnesses"
CLASSES = ("neutral", *EMOTIONS)
SIDE = 64  # pixels of the square that they look at
HALF, LOWER = 0.6, 0.1  # its half side and how far it lies lower, in half sides of the crop

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


def looked_at(crop: Bytes) -> Bytes:
    """The part of a canonical crop [S, S, 3] that the witnesses see, [SIDE, SIDE, 3]."""
    size = len(crop)
    left, top = (1 - HALF) / 2 * size, (1 + LOWER - HALF) / 2 * size
    box = (left, top, left + HALF * size, top + HALF * size)
    seen = Image.fromarray(crop).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return np.asarray(seen)


class Witnesses:
    """Both networks, loaded."""

    def __init__(self, folder: Path = FOLDER) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._sessions = {
            name: onnxruntime.InferenceSession(
                str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
            )
            for name in ("emotion", "identity")
        }

    def _ask(self, name: str, crops: list[Bytes]) -> Floats:
        faces = np.stack([looked_at(crop) for crop in crops]).transpose(0, 3, 1, 2)
        feed = {"faces": faces.astype(np.float32) / np.float32(255)}
        answer: Floats = self._sessions[name].run(None, feed)[0]
        return answer

    def emotions(self, crops: list[Bytes]) -> Floats:
        """Probability of each of CLASSES [n, 8] for canonical crops [S, S, 3]."""
        return self._ask("emotion", crops)

    def identities(self, crops: list[Bytes]) -> Floats:
        """Unit vectors [n, 64]; their products are the cosine between who is seen."""
        return self._ask("identity", crops)
