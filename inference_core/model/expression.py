# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an animator keys and what the voice says to the axes the face deforms along."""

from __future__ import annotations

import torch
from torch import Tensor

from ..protocol.controls import CONTROLS

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
EYES = ("blink_left", "blink_right", "gaze_x", "gaze_y")
VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")
BLINK_LEFT = 2 * len(EMOTIONS)
JAW = BLINK_LEFT + len(EYES)
AXES = len(EMOTIONS) * 2 + len(EYES) + 1 + len(VISEMES) - 1

_NAMES = [control.name for control in CONTROLS]
_EMOTION = [_NAMES.index(name) for name in EMOTIONS]
_EYES = [_NAMES.index(name) for name in EYES]
_POSE = [_NAMES.index(name) for name in ("yaw", "pitch", "roll")]
_PLANE = [_NAMES.index(name) for name in ("shift_x", "shift_y", "zoom")]
_LIPS, _JAW = _NAMES.index("lip_strength"), _NAMES.index("jaw")

# While a sound is made the mouth belongs to it: this much of the emotion's mouth gives way.
_YIELD, _YIELD_CLOSED = 0.45, 0.5


def expression(controls: Tensor, content: Tensor) -> Tensor:
    """controls [B,19], content [B,15] -> [B,AXES]: emotions above the mouth, emotions of the mouth,
    eyes, jaw, visemes without silence (the order of training/data/rig.py).

    Closed lips (PP, FF) also close a jaw that is keyed open, so that p, b, m, f, v stay readable.
    """
    emotion = controls[:, _EMOTION]
    speech = content[:, 1:] * controls[:, _LIPS : _LIPS + 1]
    closed = (speech[:, 0:1] + speech[:, 1:2]).clamp(0, 1)
    give_way = (_YIELD * speech.sum(1, keepdim=True).clamp(0, 1) + _YIELD_CLOSED * closed).clamp(
        0, 1
    )
    jaw = controls[:, _JAW : _JAW + 1] * (1 - 0.8 * closed)
    return torch.cat([emotion, emotion * (1 - give_way), controls[:, _EYES], jaw, speech], 1)


def pose(controls: Tensor) -> Tensor:
    """[B,3] yaw, pitch, roll in degrees."""
    return controls[:, _POSE]


def plane(controls: Tensor) -> Tensor:
    """[B,3] shift_x, shift_y (fractions of the face box, y up), zoom (factor)."""
    return controls[:, _PLANE]


def closing(content: Tensor, controls: Tensor) -> Tensor:
    """[B,1] 0..1: how far sounds that need shut lips (p, b, m; nearly f, v) close the mouth."""
    shut = content[:, 1:2] + 0.8 * content[:, 2:3]
    return (shut * controls[:, _LIPS : _LIPS + 1]).clamp(0, 1)
