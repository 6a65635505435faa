# SPDX-License-Identifier: GPL-3.0-or-later
"""The controls of a frame in every form that somebody may want to train on or compare with.

All of it follows from the expression vector (rig.EXPRESSIONS) and the person's resting look, so
clips, which store controls and sounds, have it too: model.expression.expression makes the vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...model.expression import EMOTIONS, EYES, JAW, VISEMES
from .arkit import arkit_weights
from .rig import GAZE_PITCH, GAZE_YAW, rig_matrix

_N = len(EMOTIONS)


@dataclass(frozen=True)
class Truth:
    """Of n frames. rig float32 [n,96]: weights of the rig's shapes (assets.AvatarBank.shape_names),
    the resting look included. arkit float32 [n,52] 0..1: the same in ARKit's shapes
    (protocol.face_shapes.ARKIT). emotion [n,7,2]: weight of each emotion above and in the mouth.
    visemes [n,15]: of each sound (model.expression.VISEMES), silence first and what is left to 1;
    the emotion is not in them. blink [n,2] 0..1: the person's own left and right. gaze [n,2]
    degrees to the image's right and up. jaw [n] 0..1: opened by hand, beside the sounds.
    """

    rig: np.ndarray
    arkit: np.ndarray
    emotion: np.ndarray
    visemes: np.ndarray
    blink: np.ndarray
    gaze: np.ndarray
    jaw: np.ndarray


def truth(
    expression: np.ndarray, shape_names: list[str], resting: np.ndarray | None = None
) -> Truth:
    """expression [n,len(EXPRESSIONS)], resting [96] (Identity.resting; none is 0)."""
    rig = expression @ rig_matrix(shape_names)
    if resting is not None:
        rig = rig + resting
    eyes = expression[:, 2 * _N : 2 * _N + len(EYES)]
    spoken = expression[:, JAW + 1 :]
    silence = np.clip(1 - spoken.sum(1, keepdims=True), 0, 1)
    visemes = np.concatenate([silence, spoken], 1)
    if visemes.shape[1] != len(VISEMES):
        raise ValueError(f"an expression has {visemes.shape[1]} sounds, not {len(VISEMES)}")
    return Truth(
        rig=rig.astype(np.float32),
        arkit=arkit_weights(rig, eyes[:, 2:]),
        emotion=np.stack([expression[:, :_N], expression[:, _N : 2 * _N]], 2).astype(np.float32),
        visemes=visemes.astype(np.float32),
        blink=eyes[:, :2].astype(np.float32),
        gaze=(eyes[:, 2:] * [GAZE_YAW, GAZE_PITCH]).astype(np.float32),
        jaw=expression[:, JAW].astype(np.float32),
    )
