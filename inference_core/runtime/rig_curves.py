# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves for an animator's own rig: 52 ARKit face shapes, 15 Oculus visemes, 2D mouth cues."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import VISEMES
from inference_core.protocol.face_shapes import ARKIT
from inference_core.runtime.phones import PHONES, VISEME_OF

# Each viseme as face shapes at full strength; a name without a side means both.
_SHAPES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress": 0.5, "mouthRollLower": 0.3, "mouthRollUpper": 0.25},
    "FF": {"mouthRollLower": 0.75, "mouthUpperUp": 0.3, "jawOpen": 0.06, "mouthShrugUpper": 0.15},
    "TH": {"jawOpen": 0.16, "tongueOut": 0.35, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15},
    "DD": {"jawOpen": 0.14, "mouthLowerDown": 0.25, "mouthUpperUp": 0.1, "mouthStretch": 0.1},
    "kk": {"jawOpen": 0.18, "mouthLowerDown": 0.2, "mouthStretch": 0.1},
    "CH": {"jawOpen": 0.1, "mouthFunnel": 0.6, "mouthPucker": 0.2, "mouthUpperUp": 0.2},
    "SS": {"jawOpen": 0.05, "mouthStretch": 0.3, "mouthLowerDown": 0.35, "mouthUpperUp": 0.2},
    "nn": {"jawOpen": 0.13, "mouthLowerDown": 0.2, "mouthStretch": 0.1, "tongueOut": 0.05},
    "RR": {"jawOpen": 0.13, "mouthFunnel": 0.35, "mouthPucker": 0.25},
    "aa": {"jawOpen": 0.6, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "E": {"jawOpen": 0.32, "mouthStretch": 0.3, "mouthLowerDown": 0.3, "mouthSmile": 0.1},
    "ih": {"jawOpen": 0.18, "mouthStretch": 0.35, "mouthSmile": 0.2, "mouthLowerDown": 0.2},
    "oh": {"jawOpen": 0.42, "mouthFunnel": 0.5, "mouthPucker": 0.2},
    "ou": {"jawOpen": 0.15, "mouthPucker": 0.75, "mouthFunnel": 0.3},
}  # fmt: skip

# Preston Blair's letters as Rhubarb Lip Sync names them: A shut, B teeth, C open, D wide open,
# E round, F puckered, G lip under teeth, H tongue up, X at rest.
_CUES: dict[str, str] = {
    "sil": "X", "PP": "A", "FF": "G", "TH": "B", "DD": "B", "kk": "B", "CH": "B", "SS": "B",
    "nn": "B", "RR": "E", "aa": "D", "E": "C", "ih": "B", "oh": "E", "ou": "F",
}  # fmt: skip


def _matrix() -> NDArray[np.float32]:
    matrix = np.zeros((len(VISEMES), len(ARKIT)), np.float32)
    for viseme, shapes in _SHAPES.items():
        for name, amount in shapes.items():
            sides = [name] if name in ARKIT else [f"{name}Left", f"{name}Right"]
            for side in sides:
                matrix[VISEMES.index(viseme), ARKIT.index(side)] = amount
    return matrix


VISEME_TO_ARKIT = _matrix()


@dataclass(frozen=True, slots=True)
class Cue:
    """A mouth drawing from `start` to `end` in seconds: A to H, or X at rest."""

    start: float
    end: float
    shape: str


def arkit_of(content: NDArray[np.floating], gain: float = 1.0) -> NDArray[np.float32]:
    """ARKit weights [T, 52] in 0..1 of viseme weights [T, 15]; `gain` scales them all."""
    return np.clip(content @ VISEME_TO_ARKIT * gain, 0, 1).astype(np.float32)


def cues_of(phones: NDArray[np.float64]) -> list[Cue]:
    """Mouth cues of phones [n, 3]: neighbours of one shape joined, breath taken by what follows."""
    found: list[Cue] = []
    waiting: float | None = None  # where breath without a cue before it began
    for start, end, index in phones:
        viseme = VISEME_OF[PHONES[int(index)]]
        if viseme not in _CUES:
            waiting = start if waiting is None else waiting
            continue
        # /l/ shows the tongue, which /n/ does not.
        shape = "H" if PHONES[int(index)] == "l" else _CUES[viseme]
        begin = start if waiting is None else waiting
        waiting = None
        if found and found[-1].shape == shape:
            found[-1] = Cue(found[-1].start, end, shape)
        else:
            found.append(Cue(begin, end, shape))
    if waiting is not None:
        found.append(Cue(waiting, float(phones[-1, 1]), "X"))
    return [Cue(float(c.start), float(c.end), c.shape) for c in found]
