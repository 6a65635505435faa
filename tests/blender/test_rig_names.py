# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys are matched with curves however their rig spells them."""

import pytest
from speak.inference_core.protocol.controls import VISEMES
from speak.inference_core.protocol.face_shapes import ARKIT
from speak.speak_addon.rig_names import chosen, match


@pytest.mark.parametrize(
    ("shape", "curve"),
    [
        ("jawOpen", "jawOpen"), ("JawOpen", "jawOpen"), ("jaw_open", "jawOpen"),
        ("Jaw Open", "jawOpen"), ("ARKit.jawOpen", "jawOpen"),
        ("blendShape.mouthSmileLeft", "mouthSmileLeft"), ("mouthSmile_L", "mouthSmileLeft"),
        ("mouthSmile.r", "mouthSmileRight"), ("L_mouthSmile", "mouthSmileLeft"),
        ("mouthSmileL", "mouthSmileLeft"), ("mouth_smile_right", "mouthSmileRight"),
        ("mouthLeft", "mouthLeft"), ("tongueOut", "tongueOut"),
        ("viseme_PP", "viseme_PP"), ("vrc.v_pp", "viseme_PP"), ("V_aa", "viseme_aa"),
        ("viseme_O", "viseme_oh"), ("viseme_I", "viseme_ih"), ("Viseme U", "viseme_ou"),
        ("hat", None), ("v", None), ("PP", None), ("jaw", None), ("viseme_zz", None),
    ],
)  # fmt: skip
def test_spellings(shape: str, curve: str | None) -> None:
    assert match([shape], ARKIT, VISEMES).get(shape) == curve


def test_every_curve_finds_itself() -> None:
    names = [*ARKIT, *(f"viseme_{name}" for name in VISEMES)]
    assert match(names, ARKIT, VISEMES) == {name: name for name in names}


def test_of_two_kinds_the_fuller_one_moves_the_mouth() -> None:
    visemes = [f"viseme_{name}" for name in VISEMES]
    both = match([*visemes, "jawOpen", "eyeBlinkLeft"], ARKIT, VISEMES)
    assert set(chosen(both)) == set(visemes)
    assert set(chosen(match([*ARKIT, *visemes], ARKIT, VISEMES))) == set(ARKIT)
