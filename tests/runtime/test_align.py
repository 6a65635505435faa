# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting the face out and pasting it back: geometry, sharpness, no seam, nothing else touched."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from inference_core.runtime.align import Paste, Square, around, canonical, cut
from inference_core.runtime.face_detector import FaceBox


def smooth(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture without sharp edges: what is cut and pasted back must come back."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return (
        Image.fromarray(noise)
        .filter(ImageFilter.GaussianBlur(6))
        .point(lambda v: max(0, min(255, (v - 128) * 8 + 128)))
    )


def turned(x: float, y: float, side: float, degrees: float) -> Square:
    angle = math.radians(degrees)
    return Square(x, y, side, math.cos(angle), math.sin(angle))


@given(
    st.floats(-500, 500), st.floats(-500, 500), st.floats(10, 900), st.floats(-180, 180)
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_square_maps_there_and_back(x: float, y: float, side: float, degrees: float) -> None:
    square = turned(x, y, side, degrees)
    points = np.array([[-1, -1], [1, -1], [0.3, 0.7], [0, 0]], float)
    assert np.allclose(square.from_picture(square.to_picture(points)), points, atol=1e-9)


def test_canonical_square_stands_as_the_design_says() -> None:
    # Eyes at y = 100, mouth at y = 160: d = 60.
    points = np.array([[80, 100], [120, 100], [100, 130], [85, 160], [115, 160], [100, 200.0]])
    square = canonical(points)
    assert (square.x, square.y, square.side) == pytest.approx((100, 118, 300))
    assert (square.right_x, square.right_y) == pytest.approx((1, 0))


@pytest.mark.parametrize("degrees", [-120, -40, 15, 90])
def test_canonical_square_turns_with_the_head(degrees: float) -> None:
    points = np.array([[-20, -30], [20, -30], [0, 0], [-15, 30], [15, 30], [0, 60.0]])
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    square = canonical(points @ np.array([[cos, sin], [-sin, cos]]) + 300)
    assert (square.right_x, square.right_y) == pytest.approx((cos, sin))
    assert square.from_picture([300 - 30 * -sin, 300 - 30 * cos])[1] < 0  # the eyes are above


@pytest.mark.parametrize(
    "points", [np.zeros((6, 2)), np.full((6, 2), np.nan), np.full((6, 2), np.inf)]
)
def test_landmarks_of_no_face_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no face"), np.errstate(invalid="ignore"):
        canonical(points)


def test_detected_box_is_six_tenths_of_the_landmark_square() -> None:
    square = around(FaceBox(50, 60, 30, 20.0))
    assert square.side == pytest.approx(50)
    assert (square.right_x, square.right_y) == pytest.approx(
        (math.cos(math.radians(20)), math.sin(math.radians(20)))
    )


@pytest.mark.parametrize("side", [64, 256, 700, 2000])
def test_cut_shows_the_right_place_at_every_scale(side: int) -> None:
    # A dot at a known place of the square appears there, turned square or not.
    picture = Image.new("RGB", (2400, 2400))
    square = turned(1200, 1200, side, 25)
    x, y = square.to_picture([0.5, -0.25])
    radius = side / 16
    ys, xs = np.mgrid[0:2400, 0:2400] + 0.5
    dot = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * radius**2))
    picture = Image.fromarray((dot * 255).astype(np.uint8)).convert("RGB")
    crop = np.asarray(cut(picture, square, 256), float)[..., 0]
    v, u = np.mgrid[0:256, 0:256] + 0.5
    centre = (crop * u).sum() / crop.sum(), (crop * v).sum() / crop.sum()
    assert centre == pytest.approx((192, 96), abs=0.3)


def test_cut_of_fine_stripes_is_even_grey() -> None:
    # Stripes of one pixel, cut at an eighth of the size: aliasing would show as bands.
    stripes = np.tile(np.arange(2048) % 2 * 255, (2048, 1)).astype(np.uint8)
    crop = np.asarray(
        cut(Image.fromarray(stripes).convert("RGB"), turned(1024, 1024, 1800, 7), 224)
    )
    assert np.abs(crop.astype(int) - 127).max() <= 12


def test_outside_of_the_picture_are_its_edge_colours() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[:, :50], pixels[:, 50:] = (200, 40, 40), (40, 40, 200)
    crop = np.asarray(cut(Image.fromarray(pixels), Square(50, 50, 300), 256), int)
    assert np.abs(crop[128, 5] - (200, 40, 40)).max() < 12
    assert np.abs(crop[128, 250] - (40, 40, 200)).max() < 12
    assert np.abs(crop[5, 5] - (200, 40, 40)).max() < 40
    assert crop.min() > 20  # nowhere black


@pytest.mark.parametrize("crop_size", [256, 512])
@pytest.mark.parametrize(
    "square",
    [turned(300, 250, 380, 0), turned(300, 250, 380, 17), turned(60, 80, 300, -30),
     turned(330, 300, 1100, 5), turned(300, 250, 120, 45)],
)  # fmt: skip
def test_pasting_what_was_cut_changes_nothing_to_see(square: Square, crop_size: int) -> None:
    picture = smooth(600, 500)
    paste = Paste(square, crop_size, picture.size)
    base = np.asarray(picture.crop(paste.box))
    crop = np.asarray(cut(picture, square, crop_size), np.float32).transpose(2, 0, 1)
    difference = paste.blend(base, crop).astype(int) - base
    assert abs(difference.mean()) < 0.1  # neither darker nor brighter
    error = np.abs(difference)
    assert error.mean() < 2.5
    assert np.percentile(error, 99) < 16


def pasted(paste: Paste, picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """The whole picture with a crop of one colour in its place."""
    result = np.asarray(picture).copy()
    left, top, right, bottom = paste.box
    crop = np.full((256, 256, 3), colour, np.float32).transpose(2, 0, 1)
    result[top:bottom, left:right] = paste.blend(result[top:bottom, left:right], crop)
    return result


def test_no_step_at_the_border_of_the_paste() -> None:
    # A crop that is 40 levels brighter: from one pixel to the next the result may never jump.
    picture = Image.new("RGB", (600, 500), (100, 100, 100))
    paste = Paste(turned(300, 250, 300, 20), 256, picture.size)
    values = pasted(paste, picture, (140, 140, 140)).astype(int)[..., 0]
    assert values.max() == 140
    assert values[0].max() == 100
    assert max(np.abs(np.diff(values, axis=axis)).max() for axis in (0, 1)) <= 3


def test_the_middle_is_the_generated_crop_and_the_outside_the_portrait() -> None:
    picture = Image.new("RGB", (400, 400), (10, 20, 30))
    square = turned(200, 200, 200, 30)
    paste = Paste(square, 256, picture.size)
    values = pasted(paste, picture, (250, 0, 0))
    ys, xs = np.mgrid[0:400, 0:400] + 0.5
    place = np.abs(square.from_picture(np.stack([xs, ys], -1))).max(-1)
    assert (values[place < 0.79] == (250, 0, 0)).all()
    assert (values[place > 1] == (10, 20, 30)).all()
