# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as PNG: other readers see the right pixels, the key is in the file, equal is equal."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference_core.runtime.png import FrameEncoder, key_of

KEY = "0123456789abcdef" * 4


@st.composite
def pictures(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int, int, int], np.ndarray]:
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    channels = draw(st.sampled_from([3, 4]))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    base = rng.integers(0, 256, (height, width, channels), np.uint8)
    region = rng.integers(0, 256, (bottom - top, right - left, channels), np.uint8)
    return base, (left, top, right, bottom), region


@given(pictures())
@settings(max_examples=150, deadline=None)
def test_pillow_reads_what_was_written(
    case: tuple[np.ndarray, tuple[int, int, int, int], np.ndarray],
) -> None:
    base, box, region = case
    data = FrameEncoder(base, box).encode(region, KEY)
    expected = base.copy()
    expected[box[1] : box[3], box[0] : box[2]] = region
    image = Image.open(io.BytesIO(data))
    image.load()  # Pillow checks the CRCs, zlib the Adler sum
    assert np.array_equal(np.asarray(image), expected)
    assert image.info["speak-key"] == KEY
    assert key_of(data[:256]) == KEY


def test_same_pixels_same_bytes_and_the_rest_is_reused() -> None:
    base = np.random.default_rng(1).integers(0, 256, (300, 200, 3), np.uint8)
    box = (50, 100, 150, 200)
    first, second = FrameEncoder(base, box), FrameEncoder(base.copy(), box)
    region = base[100:200, 50:150][::-1]
    assert first.encode(region, KEY) == first.encode(region, KEY) == second.encode(region, KEY)


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(256), b"tEXtspeak-key\0"]
)
def test_other_files_have_no_key(data: bytes) -> None:
    assert key_of(data) is None


def test_a_png_of_another_program_has_no_key() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    assert key_of(out.getvalue()[:256]) is None
