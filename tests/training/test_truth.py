# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame's controls as rig weights, as ARKit's 52 and as sounds, emotion and gaze apart."""

import json

import numpy as np
import pytest

from inference_core.model.expression import EMOTIONS, VISEMES
from inference_core.protocol.face_shapes import ARKIT
from inference_core.training.data.arkit import TABLE, arkit_weights, rig_weights, tables
from inference_core.training.data.assets import CORNER_A, CORNER_B, AvatarBank
from inference_core.training.data.rig import EXPRESSIONS
from inference_core.training.data.truth import truth
from tests.training.assets import AVATARS, ICT, needs_avatars, needs_ict

NAMES = list(json.loads(TABLE.read_text())["to_arkit"])
# Rows of assets.LANDMARK_UV: the eyes' upper and lower rims and the inner lips.
EYE_RIGHT, EYE_LEFT, LIPS = (9, 11), (13, 15), (32, 34)
INNER_BROWS, OUTER_BROW_LEFT, CHIN, UPPER_LIP_LEFT = (3, 4), 7, 35, 26


def at(**weights):
    e = np.zeros((1, len(EXPRESSIONS)), np.float32)
    for name, weight in weights.items():
        e[0, EXPRESSIONS.index(name)] = weight
    return truth(e, NAMES)


def arkit(found, name):
    return float(found.arkit[0, ARKIT.index(name)])


def test_the_tables_cover_what_they_can():
    to_arkit, to_rig = tables()
    assert to_arkit.shape == (96, 52)
    assert to_rig.shape == (52, 96)
    gaze = {n for n in ARKIT if n.startswith("eyeLook")}
    assert {n for n, row in zip(ARKIT, to_rig, strict=True) if not row.any()} == gaze | {
        "mouthClose"
    }
    assert (to_arkit >= 0).all()
    assert (to_rig >= 0).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_blink_is_the_same_blink_in_arkit(side):
    found = at(**{f"blink_{side}": 1.0})
    assert arkit(found, f"eyeBlink{side.title()}") == pytest.approx(1)
    assert found.arkit.sum() == pytest.approx(1)
    assert found.blink[0].tolist() == [side == "left", side == "right"]


def test_gaze_is_told_for_each_eye():
    found = at(gaze_x=1.0, gaze_y=-0.5)  # to the image's right: the person's own left
    assert arkit(found, "eyeLookOutLeft") == arkit(found, "eyeLookInRight") == 1
    assert arkit(found, "eyeLookDownLeft") == arkit(found, "eyeLookDownRight") == 0.5
    assert arkit(found, "eyeLookInLeft") == arkit(found, "eyeLookUpLeft") == 0
    assert found.gaze[0].tolist() == [25, -10]


def test_sounds_and_emotions_are_kept_apart():
    happy = EMOTIONS.index("happy")
    found = at(happy_upper=0.8, happy_mouth=0.5, aa=0.6, PP=0.1)
    assert found.emotion[0, happy] == pytest.approx([0.8, 0.5])
    assert found.visemes[0].sum() == pytest.approx(1)
    assert found.visemes[0, VISEMES.index("aa")] == pytest.approx(0.6)
    assert found.visemes[0, 0] == pytest.approx(0.3)
    alone = at(aa=0.6, PP=0.1)
    assert np.array_equal(found.visemes, alone.visemes)
    assert arkit(found, "mouthSmileLeft") > arkit(alone, "mouthSmileLeft") + 0.1
    assert arkit(found, "jawOpen") >= arkit(alone, "jawOpen") > 0.2


def test_a_resting_look_counts():
    resting = np.zeros(96, np.float32)
    resting[NAMES.index("LsmileClose")] = 0.5
    e = np.zeros((2, len(EXPRESSIONS)), np.float32)
    found = truth(e, NAMES, resting)
    assert found.rig[:, NAMES.index("LsmileClose")] == pytest.approx(0.5)
    assert arkit(found, "mouthSmileLeft") > 0.2
    assert arkit(found, "mouthSmileRight") == 0


@pytest.fixture(scope="module")
def moved():
    """name -> where the landmarks [38,3] of the mean face go (metres) at that ARKit shape's 1."""
    bank = AvatarBank(AVATARS)
    assert bank.shape_names == NAMES
    rest = bank.vertices.mean(0)[bank.landmarks]
    people = list(bank.offsets.values())
    shapes = np.zeros((96, len(bank.landmarks), 3))
    for offsets in people:
        for k, (index, delta) in enumerate(offsets):
            whole = np.zeros((bank.vertices.shape[1], 3))
            whole[index] = delta
            shapes[k] += whole[bank.landmarks] / len(people)

    def move(name):
        weights = np.zeros(52)
        weights[ARKIT.index(name)] = 1
        return rest + np.tensordot(rig_weights(weights), shapes, 1)

    return rest, move


def gap(points, pair):
    return points[pair[0], 1] - points[pair[1], 1]


@needs_avatars
def test_arkit_shapes_move_what_they_are_named_after(moved):
    rest, move = moved
    jaw = move("jawOpen")
    assert gap(jaw, LIPS) > gap(rest, LIPS) + 0.02
    assert rest[CHIN, 1] - jaw[CHIN, 1] > 0.015
    for side, mine, other in (("Left", EYE_LEFT, EYE_RIGHT), ("Right", EYE_RIGHT, EYE_LEFT)):
        blink = move(f"eyeBlink{side}")
        assert gap(blink, mine) < 0.25 * gap(rest, mine)
        assert gap(blink, other) == pytest.approx(gap(rest, other), rel=0.02)
        assert gap(move(f"eyeWide{side}"), mine) > 1.1 * gap(rest, mine)
    assert rest[EYE_LEFT[0], 0] > 0  # the person's own left is at the image's right
    smile = move("mouthSmileLeft") - rest
    assert smile[CORNER_B, 1] > 0.004
    assert np.abs(smile[CORNER_A]).max() < 0.3 * smile[CORNER_B, 1]
    assert (move("browInnerUp") - rest)[INNER_BROWS, 1].min() > 0.002
    assert (move("browOuterUpLeft") - rest)[OUTER_BROW_LEFT, 1] > 0.002
    assert (move("browDownLeft") - rest)[INNER_BROWS[1], 1] < -0.001
    assert (move("mouthUpperUpLeft") - rest)[UPPER_LIP_LEFT, 1] > 0.002
    assert (move("mouthFrownLeft") - rest)[CORNER_B, 1] < -0.002
    assert (move("jawLeft") - rest)[CHIN, 0] > 0.002
    pucker = move("mouthPucker")
    assert np.ptp(pucker[[CORNER_A, CORNER_B], 0]) < 0.9 * np.ptp(rest[[CORNER_A, CORNER_B], 0])


def test_what_one_table_makes_the_other_recognises():
    for name in (
        "jawOpen", "eyeBlinkLeft", "eyeWideRight", "mouthSmileLeft", "mouthFrownRight",
        "browOuterUpLeft", "browDownRight", "mouthPucker", "cheekPuff", "mouthUpperUpLeft",
        "jawLeft", "tongueOut",
    ):  # fmt: skip
        weights = np.zeros(52)
        weights[ARKIT.index(name)] = 1
        again = arkit_weights(rig_weights(weights), np.zeros(2))
        assert ARKIT[int(again.argmax())] == name


@needs_avatars
@needs_ict
def test_the_tables_are_what_the_fit_says():
    from inference_core.training.data.arkit import fit

    found = fit(AvatarBank(AVATARS), ICT)
    to_arkit, to_rig = tables()
    assert to_arkit == pytest.approx(found["to_arkit"], abs=2e-3)
    assert to_rig == pytest.approx(found["to_rig"], abs=2e-3)
    # How much of each movement the mixtures explain, for those that speech and emotions use.
    jaw, smile = NAMES.index("MouthOpen"), NAMES.index("LsmileClose")
    assert found["to_arkit_left"][[jaw, smile]].max() < 0.4


@needs_avatars
def test_nobody_who_is_judged_by_is_measured():
    from inference_core.training.data.assets import person_of
    from inference_core.training.data.scene import EVALUATION_PEOPLE

    bank = AvatarBank(AVATARS)
    rest = bank.without(EVALUATION_PEOPLE)
    assert len(EVALUATION_PEOPLE) == 6
    assert len(bank.people()) - len(rest.people()) == 6
    assert not {person_of(name) for name in rest.ids} & EVALUATION_PEOPLE
    assert not set(rest.offsets) & EVALUATION_PEOPLE
    assert len(rest.vertices) == len(rest.joints) == len(rest.ids) < len(bank.ids)
