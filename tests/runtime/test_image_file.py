# SPDX-License-Identifier: GPL-3.0-or-later
"""Portrait files of every kind: read as they are meant, or refused with a code."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from inference_core.protocol.errors import SpeakError
from inference_core.runtime.image_file import decode
from tests.fixtures import memory
from tests.fixtures.faces import draw_face, encoded


def codes(data: bytes) -> list[str]:
    return [notice.code for notice in decode(data).notices]


def refused(data: bytes) -> SpeakError:
    with pytest.raises(SpeakError) as caught:
        decode(data)
    assert caught.value.sentence
    assert "?" not in caught.value.sentence
    assert caught.value.hint
    return caught.value


def chunk(kind: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + crc


def png(width: int, height: int, idat: bytes, *before: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(before)
    return start + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_usual_formats_are_read(kind: str) -> None:
    face = draw_face()
    picture = decode(encoded(face, kind))
    assert picture.rgb.mode == "RGB"
    assert picture.alpha is None
    assert picture.notices == ()
    error = np.abs(np.asarray(picture.rgb, int) - np.asarray(face, int)).mean()
    assert error < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation: int) -> None:
    upright = draw_face(200, 300)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, "PNG", exif=exif)
    picture = decode(data)
    assert picture.rgb.size == (200, 300)
    assert np.array_equal(np.asarray(picture.rgb), np.asarray(upright))
    assert codes(data) == ([] if orientation == 1 else ["portrait_rotated"])


def test_cmyk_comes_out_in_colour_with_a_notice() -> None:
    face = draw_face()
    data = encoded(face.convert("CMYK"), "JPEG", quality=95)
    assert codes(data) == ["portrait_cmyk"]
    error = np.abs(np.asarray(decode(data).rgb, int) - np.asarray(face, int)).mean()
    assert error < 6


def test_16_bit_grey_keeps_its_brightness() -> None:
    grey = np.asarray(draw_face().convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    data = encoded(deep, "PNG")
    assert codes(data) == ["portrait_16_bit"]
    assert np.array_equal(np.asarray(decode(data).rgb)[..., 0], grey)


def test_16_bit_colour_keeps_its_brightness() -> None:
    colour = np.asarray(draw_face(64, 64))
    deep = (colour.astype(">u2") * 257).reshape(64, -1)
    rows = np.concatenate([np.zeros((64, 1), np.uint8), deep.view(np.uint8)], 1)
    header = struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    assert codes(data) == ["portrait_16_bit"]
    assert np.array_equal(np.asarray(decode(data).rgb), colour)


def test_float_picture_is_read() -> None:
    grey = np.asarray(draw_face().convert("L"), np.float32) / 255
    grey[0, 0] = np.nan
    data = encoded(Image.fromarray(grey), "TIFF")
    found = np.asarray(decode(data).rgb)[..., 0].astype(int)
    assert found[0, 0] == 0
    assert np.abs(found - np.nan_to_num(grey) * 255).max() <= 1


def test_alpha_is_kept_and_full_alpha_is_none() -> None:
    face = draw_face().convert("RGBA")
    assert decode(encoded(face)).alpha is None
    ramp = Image.linear_gradient("L").resize(face.size)
    face.putalpha(ramp)
    alpha = decode(encoded(face)).alpha
    assert alpha is not None
    assert np.array_equal(np.asarray(alpha), np.asarray(ramp))


def test_palette_with_a_transparent_colour_has_alpha() -> None:
    face = draw_face().quantize(16)
    picture = decode(encoded(face, "PNG", transparency=0))
    assert picture.alpha is not None
    assert set(np.unique(np.asarray(picture.alpha))) == {0, 255}
    assert np.array_equal(np.asarray(picture.rgb), np.asarray(face.convert("RGB")))


def test_first_of_several_pictures_is_used() -> None:
    first, second = draw_face(), Image.new("RGB", (400, 480))
    out = io.BytesIO()
    first.save(out, "PNG", save_all=True, append_images=[second] * 3)
    assert codes(out.getvalue()) == ["portrait_animated"]
    assert np.array_equal(np.asarray(decode(out.getvalue()).rgb), np.asarray(first))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_file_says_so(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert refused(data[: len(data) // 2]).code in ("portrait_truncated", "portrait_unreadable")
    if kind in ("PNG", "JPEG", "BMP"):
        assert refused(data[: len(data) // 2]).code == "portrait_truncated"


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((1, 1), "portrait_too_small"),
        ((16, 16), "portrait_too_small"),
        ((4000, 20), "portrait_too_small"),
        ((12000, 12000), "portrait_too_large"),
        ((20000, 20000), "portrait_too_large"),
        ((30000, 30000), "portrait_too_large"),
    ],
)
def test_sizes_are_refused_before_a_pixel_is_decoded(size: tuple[int, int], code: str) -> None:
    # A thousand bytes of pixels: enough to start decoding, if it started.
    data = png(*size, zlib.compress(bytes(1_000_000)))
    begin = time.perf_counter()
    error = refused(data)
    assert time.perf_counter() - begin < 2
    assert error.code == code
    assert str(size[0]) in error.sentence
    outcome, grown = memory.reading(data)
    assert outcome == code
    assert grown < 64


def test_the_memory_of_reading_a_picture_is_seen() -> None:
    # Else the tests that bound it could not fail.
    data = encoded(Image.new("RGB", (5000, 5000)))
    outcome, grown = memory.reading(data)
    assert outcome == "(5000, 5000)"
    assert grown > 70


def test_a_picture_of_no_pixels_is_refused() -> None:
    assert refused(png(0, 0, b"")).code in ("portrait_unreadable", "portrait_too_small")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 1000,
        b"<svg xmlns='http://www.w3.org/2000/svg' width='100' height='100'/>",
        b"\x76\x2f\x31\x01" + bytes(200),  # OpenEXR
        b"\x80\x04\x95" + bytes(50),  # pickle
        b"\x93NUMPY" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"GIF89a" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n",
    ],
)
def test_other_files_are_no_portrait(data: bytes) -> None:
    assert refused(data).code == "portrait_unreadable"


def test_text_that_unpacks_to_a_gigabyte_takes_no_memory() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    text = chunk(b"zTXt", b"comment\0\0" + bomb)
    profile = chunk(b"iCCP", b"profile\0\0" + bomb)
    pixels = zlib.compress(bytes(100 * 301))
    for part in (text, profile):
        outcome, grown = memory.reading(png(100, 100, pixels, part))
        assert outcome == "portrait_unreadable"
        assert grown < 256
    assert PngImagePlugin.MAX_TEXT_CHUNK <= 2**20


def test_broken_exif_is_no_reason_to_refuse() -> None:
    data = encoded(draw_face(), "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)
    assert decode(data).rgb.size == (400, 480)
