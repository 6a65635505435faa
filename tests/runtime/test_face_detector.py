# SPDX-License-Identifier: GPL-3.0-or-later
"""The detector finds drawn faces of all sizes and turns, and none where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from inference_core.runtime.face_detector import Cascade, FaceBox, find_faces, group
from tests.fixtures.faces import add_face, draw_face
from tests.fixtures.tiny_pack import DETECTOR


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return Cascade.from_bytes(DETECTOR.read_bytes())


def one(boxes: list[FaceBox]) -> FaceBox:
    assert len(boxes) == 1
    return boxes[0]


@pytest.mark.parametrize("side", [40, 60, 100, 200, 300])
def test_upright_face_is_found_at_its_place(cascade: Cascade, side: int) -> None:
    found = one(find_faces(draw_face(side=side), cascade))
    assert math.hypot(found.x - 200, found.y - 216) < 0.2 * side
    assert 0.9 * side < found.side < 1.8 * side
    assert found.angle == 0


@pytest.mark.parametrize(("angle", "found_at"), [(30, 1), (40, 1), (-30, -1), (-40, -1)])
def test_turned_face_is_found_with_its_angle(cascade: Cascade, angle: float, found_at: int) -> None:
    found = one(find_faces(draw_face(angle=angle, side=150), cascade))
    assert math.hypot(found.x - 200, found.y - 216) < 30
    assert found.angle * found_at > 0
    assert abs(found.angle - angle) <= 20


def test_large_picture_is_searched_on_a_small_copy(cascade: Cascade) -> None:
    found = one(find_faces(draw_face(3000, 4000, side=1500), cascade))
    assert math.hypot(found.x - 1500, found.y - 1800) < 300


def test_several_faces_come_from_left_to_right(cascade: Cascade) -> None:
    picture = Image.new("RGB", (900, 400), (96, 112, 128))
    for x, side in ((700, 80), (150, 90), (420, 120)):
        add_face(picture, (x, 200), side)
    found = find_faces(picture, cascade)
    assert [box.x for box in found] == pytest.approx([150, 420, 700], abs=20)


@pytest.mark.parametrize("name", ["flat", "noise", "stripes"])
def test_no_face_in_what_is_none(cascade: Cascade, name: str) -> None:
    rng = np.random.default_rng(3)
    pixels = {
        "flat": np.full((300, 300, 3), 127),
        "noise": rng.integers(0, 256, (300, 300, 3)),
        "stripes": np.tile(np.arange(300) // 20 % 2 * 255, (300, 1))[..., None].repeat(3, 2),
    }[name]
    assert find_faces(Image.fromarray(pixels.astype(np.uint8)), cascade) == []


def test_a_picture_smaller_than_the_window_has_no_face(cascade: Cascade) -> None:
    assert find_faces(Image.new("RGB", (500, 10)), cascade) == []


def test_a_face_that_fills_the_picture_is_found(cascade: Cascade) -> None:
    whole = draw_face(side=200).crop((75, 70, 335, 390))
    assert one(find_faces(whole, cascade)).side > 200


def test_group_drops_lonely_hits_and_faces_within_faces() -> None:
    face = [[100, 100, 50]] * 5 + [[102, 101, 52]] * 3
    collar = [[110, 110, 20]] * 3
    lonely = [[300, 300, 50]] * 2
    kept = group(np.array(face + collar + lonely, float))
    assert len(kept) == 1
    assert kept[0][3] == 8


def test_the_licence_travels_with_the_numbers() -> None:
    with np.load(DETECTOR, allow_pickle=False) as arrays:
        assert "Redistribution" in str(arrays["licence"])
        assert "Intel Corporation" in str(arrays["licence"])
