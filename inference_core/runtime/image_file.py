# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode a portrait file: any usual image in, upright RGB and alpha of 8 bits out.

The bytes come from whoever gave the user the file, so the size is checked before a pixel is
decoded, only a few formats are tried, and only the first picture of a file is read.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from inference_core.protocol.errors import SpeakError

from .notice import Notice

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
MIN_SIDE = (
    64  # the landmark network sees 128 pixels around the face; below 64 it sees invented ones
)
MAX_SIDE = 8192  # 8K, and what artists call an 8K texture
MAX_FILE = 256 * 1024 * 1024  # bytes; an uncompressed 8192 x 8192 RGBA file is just this
SLOW_PIXELS = 16_000_000  # from here writing the frames outweighs making them
ORIENTATION = 0x0112  # the EXIF tag

# Pillow's own limit on pixels raises before the size is known. `decode` checks the size itself,
# with a sentence that names it, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Picture:
    """A decoded portrait, upright: `rgb` in mode RGB, `alpha` in mode L or None, same size."""

    rgb: Image.Image
    alpha: Image.Image | None
    notices: tuple[Notice, ...]


def decode(data: bytes) -> Picture:
    """Decode the bytes of an image file.

    Raises SpeakError: portrait_file_too_large, portrait_unreadable, portrait_truncated,
    portrait_too_small, portrait_too_large, out_of_memory.
    """
    if len(data) > MAX_FILE:
        raise SpeakError(
            "portrait_file_too_large", megabytes=len(data) // 2**20, limit=MAX_FILE // 2**20
        )
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise SpeakError("portrait_unreadable") from None
    except Exception as error:  # Pillow's plugins raise anything, from struct.error to IndexError
        raise _reading_error(error) from error
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise SpeakError("portrait_too_small", width=width, height=height, limit=MIN_SIDE)
    if max(width, height) > MAX_SIDE:
        raise SpeakError("portrait_too_large", width=width, height=height, limit=MAX_SIDE)
    try:
        return _load(image)
    except MemoryError:
        raise SpeakError("out_of_memory") from None
    except Exception as error:
        raise _reading_error(error) from error


def _reading_error(error: Exception) -> SpeakError:
    """Whether the file ends too early or is no image at all, from what Pillow says."""
    words = str(error).lower()
    early = isinstance(error, EOFError) or any(
        word in words for word in ("truncated", "end of file", "broken data stream", "eof")
    )
    return SpeakError("portrait_truncated" if early else "portrait_unreadable")


def _load(image: Image.Image) -> Picture:
    notices: list[Notice] = []
    # A phone's JPEG may carry a second picture (depth, brightness): that is no animation.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        notices.append(Notice("portrait_animated"))
    sixteen = _is_16_bit(image)
    turned = image.getexif().get(ORIENTATION, 1) in range(2, 9)
    image.load()
    if turned:
        image = ImageOps.exif_transpose(image)
        notices.append(Notice("portrait_rotated"))
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _to_8_bit(image)
    if sixteen:
        notices.append(Notice("portrait_16_bit"))
    if image.mode == "CMYK":
        notices.append(Notice("portrait_cmyk"))
    if image.width * image.height > SLOW_PIXELS:
        size = {"width": image.width, "height": image.height}
        notices.append(Notice("portrait_many_pixels", size))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha: Image.Image | None = image.getchannel("A")
        if alpha is not None and alpha.getextrema() == (255, 255):
            alpha = None
    else:
        alpha = None
    return Picture(image.convert("RGB"), alpha, tuple(notices))


def _is_16_bit(image: Image.Image) -> bool:
    """Whether the file has more than 8 bits per channel; Pillow reads such colour pictures as 8."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    return any(
        "16" in str(tile[3]) for tile in getattr(image, "tile", ())
    )  # the raw mode, such as "RGB;16B"


def _to_8_bit(image: Image.Image) -> Image.Image:
    """One channel of 16 or 32 bits as 8 bits. Whole numbers run to 65535, fractions to 1."""
    values = np.nan_to_num(np.asarray(image, np.float32))
    scale = 255.0 if image.mode == "F" and values.max() <= 1 else 255 / 65535
    return Image.fromarray(np.clip(values * scale + 0.5, 0, 255).astype(np.uint8))
