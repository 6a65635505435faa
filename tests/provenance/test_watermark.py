# SPDX-License-Identifier: GPL-3.0-or-later
"""The watermark: small, still, the same every time, and found after what pictures go through."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image, ImageFilter

from inference_core.provenance.detector import THRESHOLD, find, find_any_size
from inference_core.provenance.pattern import TILE, tile
from inference_core.provenance.watermark import Watermark


def picture(seed: int, width: int = 512, height: int = 448, channels: int = 3) -> np.ndarray:
    """Blobs, edges and grain, as much a picture as arithmetic makes: uint8 [h, w, channels]."""
    rng = np.random.default_rng(seed)
    values = np.zeros((height, width, 3), np.float32)
    for cells, size in ((6, 90), (20, 45), (80, 18)):
        small = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        big = small.resize((width, height), Image.Resampling.BICUBIC)
        values += np.asarray(big.filter(ImageFilter.GaussianBlur(1)), np.float32) * (size / 153)
    edge = np.arange(width)[None, :, None] > rng.integers(100, 400)
    values += edge * 30 + rng.normal(0, 2, values.shape)
    solid = np.clip(values, 0, 255).astype(np.uint8)
    if channels == 3:
        return solid
    alpha = np.where(np.hypot(*np.mgrid[-1:1:448j, -1:1:512j]) < 0.9, 255, 0).astype(np.uint8)
    return np.dstack([solid, alpha])


def marked(values: np.ndarray) -> np.ndarray:
    result = values.copy()
    Watermark(0, 0, values.shape[1], values.shape[0]).mark(result)
    return result


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = max(float(np.square(one.astype(float) - other).mean()), 1e-9)
    return float(10 * np.log10(255**2 / error))


def test_the_mark_is_weaker_than_46_decibels_on_anything() -> None:
    rough = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    flat = np.full((512, 512, 3), 128, np.uint8)
    for values in (rough, flat, picture(1)):
        assert psnr(values, marked(values)) >= 46


def test_flat_places_get_less_of_it_than_rough_ones() -> None:
    rough = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    assert psnr(np.full_like(rough, 128), marked(np.full_like(rough, 128))) > 50


def test_the_mark_moves_no_colour() -> None:
    values = np.full((256, 256, 3), (90, 120, 150), np.uint8)
    change = marked(values).astype(int) - values
    assert (change == change[..., :1]).all()
    assert np.abs(change.mean()) < 0.02


def test_the_same_picture_gets_the_same_mark() -> None:
    assert np.array_equal(marked(picture(2)), marked(picture(2)))


def test_what_stands_still_keeps_its_mark_while_something_moves() -> None:
    first = picture(3)
    second = first.copy()
    second[100:200, 200:320] = second[100:200, 210:330]
    one, other = marked(first).astype(int) - first, marked(second).astype(int) - second
    away = np.ones(first.shape[:2], bool)
    away[84:216, 184:336] = False
    assert np.array_equal(one[away], other[away])


def test_places_marked_one_by_one_join() -> None:
    values = np.full((300, 400, 3), 128, np.uint8)
    whole, part = marked(values), values.copy()[64:192, 96:288]
    Watermark(96, 64, 192, 128).mark(part)
    assert np.array_equal(part, whole[64:192, 96:288])


def test_alpha_and_what_it_hides_stay_as_they_are() -> None:
    values = picture(4, channels=4)
    result = marked(values)
    assert np.array_equal(result[..., 3], values[..., 3])
    hidden = values[..., 3] == 0
    assert np.array_equal(result[hidden], values[hidden])
    assert find(Image.fromarray(result)).present


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (8, 8), (129, 65)])
def test_any_size_can_be_marked(size: tuple[int, int]) -> None:
    values = np.full((size[1], size[0], 3), 128, np.uint8)
    assert psnr(np.tile(values, (1, 1, 1)), marked(values)) > 40


def test_the_pattern_is_what_older_files_have() -> None:
    # Whoever changes the pattern makes every file unfindable that was marked before.
    found = tile()
    assert found.shape == (TILE, TILE)
    assert found.std() == pytest.approx(1)
    expected = [0.4762, 1.2742, 1.7260, 1.9770]
    assert found[0, :4] == pytest.approx(expected, abs=1e-3)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(io.BytesIO(out.getvalue()))


ATTACKS = {
    "none": lambda image: image,
    "jpeg 90": lambda image: jpeg(image, 90),
    "jpeg 50": lambda image: jpeg(image, 50),
    "half size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "crop": lambda image: image.crop((37, 51, 397, 401)),
    "mirror": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 1 degree": lambda image: image.rotate(1, Image.Resampling.BICUBIC),
    "graded": lambda image: image.point(lambda value: min(255, value * 1.1 + 6)),
    "grey": lambda image: image.convert("L"),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(0.8)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_mark_is_found_after(attack: str) -> None:
    found = find(ATTACKS[attack](Image.fromarray(marked(picture(5)))))
    assert found.present, found
    assert found.mirrored == (attack == "mirror")


@pytest.mark.parametrize("factor", [0.62, 1.37, 2.11])
def test_the_mark_is_found_at_any_size_when_that_is_asked_for(factor: float) -> None:
    image = Image.fromarray(marked(picture(5)))
    size = (round(image.width * factor), round(image.height * factor))
    scaled = jpeg(image.resize(size, Image.Resampling.BICUBIC), 90)
    assert not find(scaled).present
    found = find_any_size(scaled)
    assert found.present
    assert found.scale == pytest.approx(factor, rel=0.03)


def test_unmarked_pictures_have_none() -> None:
    scores = [find(Image.fromarray(picture(seed, 256, 256))).score for seed in range(10, 22)]
    assert max(scores) < THRESHOLD - 1


@pytest.mark.parametrize("values", [0, 255])
def test_a_picture_without_anything_in_it_has_none(values: int) -> None:
    assert not find(Image.new("RGB", (300, 200), (values,) * 3)).present
    assert not find(Image.new("L", (5, 5), values)).present


def test_marking_does_not_hold_up_the_frames() -> None:
    # As a ratio to work of the same size on the same machine, whatever else it does meanwhile.
    values = picture(6, 512, 512)
    mark = Watermark(0, 0, 512, 512)

    def seconds(work) -> float:
        times = []
        for _ in range(7):
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        return min(times)

    packing = seconds(lambda: Image.fromarray(values).save(io.BytesIO(), "PNG", compress_level=6))
    assert seconds(lambda: mark.mark(values.copy())) < packing
