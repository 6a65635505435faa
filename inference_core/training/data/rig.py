# SPDX-License-Identifier: GPL-3.0-or-later
"""The expression space of the model and what each of its axes means on the avatars' rig.

An expression is a vector of EXPRESSIONS, each axis a fixed direction in rig weights, so that the
displacement of every point of the face is linear in it (blendshapes). Emotions are two axes each,
mouth and the rest, because speech must be able to hold the mouth while the brows stay.
The weights are our own, after the action units of FACS.
"""

from __future__ import annotations

import numpy as np

from ...model.expression import EMOTIONS, EYES, VISEMES

EXPRESSIONS = (
    tuple(name + "_upper" for name in EMOTIONS)
    + tuple(name + "_mouth" for name in EMOTIONS)
    + EYES
    + ("jaw",)
    + VISEMES[1:]
)
GAZE_YAW, GAZE_PITCH = 25.0, 20.0  # degrees of eye rotation at gaze 1


def _both(weight: float, *names: str) -> dict[str, float]:
    return {side + name: weight for name in names for side in "LR"}


_UPPER: dict[str, dict[str, float]] = {
    "angry": {
        **_both(0.95, "browDown"),
        **_both(0.22, "squint"),
        **_both(0.7, "nostril"),
        "RRbrowDown": 0.5,
        "LLbrowDown": 0.5,
    },
    "contempt": {"Rsquint": 0.25, "LLbrowUp": 0.4, "LlowLid": 0.2},
    "disgusted": {
        **_both(0.9, "disgust"),
        **_both(0.5, "browDown", "nostril"),
        **_both(0.22, "squint"),
    },
    "fear": {
        **_both(0.6, "browUp"),
        **_both(0.8, "pityful"),
        **_both(0.85, "eyeOpen"),
        **_both(0.7, "neckTension"),
    },
    "happy": {**_both(0.22, "squint"), **_both(0.3, "lowLid"), **_both(0.1, "browUp")},
    "sad": {**_both(0.8, "sad"), **_both(0.6, "pityful"), **_both(0.18, "eyeClose")},
    "surprised": {
        **_both(0.95, "browUp"),
        **_both(0.8, "eyeOpen"),
        "RRbrowUp": 0.9,
        "LLbrowUp": 0.9,
    },
}
_MOUTH: dict[str, dict[str, float]] = {
    "angry": {**_both(0.3, "mouthSad"), **_both(0.22, "lipUp"), "JawCompress": 0.35},
    "contempt": {"RlipCorner": 0.8, "RsmileClose": 0.45},
    "disgusted": {**_both(0.5, "lipUp"), "Chin": 0.3},
    "fear": {**_both(0.6, "lipSide"), **_both(0.45, "lipDown"), "MouthOpen": 0.15},
    "happy": {**_both(0.6, "smileClose"), **_both(0.35, "smileOpen")},
    "sad": {**_both(0.75, "mouthSad"), "Chin": 0.35},
    "surprised": {"MouthOpen": 0.35},
}
_VISEME: dict[str, dict[str, float]] = {
    "PP": {"MPB_Up": 1.0, "MPB_Down": 1.0},
    "FF": {"FV": 1.0},
    "TH": {"TD_I": 0.55, "OutMiddle_tg": 0.45},
    "DD": {"TD_I": 0.6},
    "kk": {"KG": 0.8},
    "CH": {"SH_CH": 1.0},
    "SS": {"S": 0.9},
    "nn": {"TD_I": 0.5, "Up_tg": 0.4},
    "RR": {"UH_OO": 0.55, "SH_CH": 0.2},
    "aa": {"AE_AA": 0.95},
    "E": {"Ax_E": 0.9},
    "ih": {"H_EST": 0.7, "TD_I": 0.2},
    "oh": {"AO_a": 0.95},
    "ou": {"UW_U": 1.0},
}


def direction(name: str) -> dict[str, float]:
    """Rig weights of one expression axis at 1. Gaze turns the eyeballs instead and has none."""
    if name.endswith("_upper"):
        return _UPPER[name.removesuffix("_upper")]
    if name.endswith("_mouth"):
        return _MOUTH[name.removesuffix("_mouth")]
    if name in ("gaze_x", "gaze_y"):
        return {}
    if name in ("blink_left", "blink_right"):
        return {"LeyeClose" if name == "blink_left" else "ReyeClose": 1.0}
    if name == "jaw":
        return {"MouthOpen": 1.0}
    return _VISEME[name]


def rig_matrix(shape_names: list[str]) -> np.ndarray:
    """float32 [len(EXPRESSIONS), len(shape_names)]: expression vector @ this = rig weights.

    A face shape drags its tongue-and-teeth shape (prefix 't_') along, as the rig expects.
    """
    matrix = np.zeros((len(EXPRESSIONS), len(shape_names)), np.float32)
    for row, name in enumerate(EXPRESSIONS):
        for shape, weight in direction(name).items():
            matrix[row, shape_names.index(shape)] = weight
            partner = "t_MPB" if shape == "MPB_Up" else "t_" + shape
            if partner in shape_names:
                matrix[row, shape_names.index(partner)] = weight
    return matrix


def random_expression(rng: np.random.Generator, calm: bool = False) -> np.ndarray:
    """float32 [len(EXPRESSIONS)]: emotion mixtures, visemes, jaw, blinks and gaze, independent.

    calm: the way people look in portraits, mouth mostly closed and eyes mostly open.
    """
    e = np.zeros(len(EXPRESSIONS), np.float32)
    n = len(EMOTIONS)
    strength = 0.5 if calm else 1.1
    for _ in range(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2])):
        k, value = rng.integers(n), rng.uniform(0, strength)
        e[k] += value * rng.uniform(0.7, 1.2)
        e[n + k] += value * rng.uniform(0.7, 1.2)
    at = {name: i for i, name in enumerate(EXPRESSIONS)}
    if rng.random() < (0.15 if calm else 0.75):
        a, b = rng.choice(VISEMES[1:], 2, replace=False)
        mix, value = rng.uniform(0, 1), rng.uniform(0.2, 1.1) * (0.6 if calm else 1)
        e[at[a]], e[at[b]] = value * mix, value * (1 - mix)
    if rng.random() < (0.08 if calm else 0.3):
        e[at["jaw"]] = rng.uniform(0, 0.5 if calm else 1.0)
    if rng.random() < (0.06 if calm else 0.35):
        value = rng.uniform(0.1, 1)
        same = rng.random() < 0.7
        e[at["blink_left"]] = value
        e[at["blink_right"]] = value if same else rng.uniform(0, 1)
    if rng.random() < 0.8:
        e[at["gaze_x"]] = np.clip(rng.normal(0, 0.2 if calm else 0.45), -1, 1)
        e[at["gaze_y"]] = np.clip(rng.normal(0, 0.15 if calm else 0.35), -1, 1)
    return e


def closed_eyes(expression: np.ndarray) -> np.ndarray:
    """The same expression with both eyes shut."""
    shut = expression.copy()
    for name in ("blink_left", "blink_right"):
        shut[EXPRESSIONS.index(name)] = 1.0
    return shut
