# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG for frames that differ from one portrait only inside a box.

The rows above and below the box are compressed once per portrait and reused as they are; only the
rows of the box are compressed per frame (the trick of pigz: separate deflate streams joined at
byte boundaries). Average filter and run-length deflate: half the time of Pillow's fastest level,
and smaller files. The same pixels and key always give the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEY_NAME = b"speak-key"
# Bytes of a file in which the key stands. A signed file has its manifest, about 3 kB, before it.
HEAD = 8192
XMP_HEAD = b"XML:com.adobe.xmp\0\0\0\0\0"  # uncompressed, no language
ADLER_BASE = 65521
PART_BYTES = 1 << 20  # rows are filtered and compressed so many bytes at a time
LEFT, AVERAGE = 1, 3  # PNG filters: the difference to the left, to the mean of left and up

Pixels = npt.NDArray[np.uint8]


class _Band:
    """Some rows of a picture as one piece of the zlib stream, with what joining it needs."""

    def __init__(self, parts: Iterable[Pixels], channels: int, last: bool) -> None:
        """`parts`: the rows [h, width * channels] a few at a time; `last`: the stream ends here."""
        self.length, self.adler = 0, 1
        packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
        pieces = []
        above = None
        for rows in parts:
            filtered = _filtered(rows, above, channels)
            above = rows[-1]
            self.length += filtered.size
            self.adler = zlib.adler32(filtered.data, self.adler)
            pieces.append(packer.compress(filtered.data))
        pieces.append(packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH))
        self.data = b"".join(pieces)


def _split(rows: Pixels) -> Iterator[Pixels]:
    """`rows` [h, n] a few at a time, so that the copies made of them stay small."""
    step = max(1, PART_BYTES // rows.shape[1])
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _filtered(rows: Pixels, above: Pixels | None, channels: int) -> Pixels:
    """The rows with their filter bytes [h, 1 + width * channels].

    `above` is the row before the first one; None where that may change from frame to frame.
    """
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    left = np.zeros_like(rows)
    left[:, channels:] = rows[:, :-channels]
    start = 0
    if above is None:
        out[0, 0] = LEFT
        np.subtract(rows[0], left[0], out=out[0, 1:])
        up, start = rows[:-1], 1
    else:
        up = np.concatenate([above[None], rows[:-1]])
    out[start:, 0] = AVERAGE
    left = left[start:]
    # (left + up) // 2 without leaving 8 bits
    np.subtract(rows[start:], (up & left) + ((up ^ left) >> 1), out=out[start:, 1:])
    return out


def _joined_adler(bands: list[_Band]) -> int:
    """Adler-32 of the joined bands from the sums of each (RFC 1950, section 8)."""
    a, b = 1, 0
    for band in bands:
        a2, b2 = band.adler & 0xFFFF, band.adler >> 16
        b = (b + b2 + band.length * (a - 1)) % ADLER_BASE
        a = (a + a2 - 1) % ADLER_BASE
    return b << 16 | a


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


class FrameEncoder:
    """Encodes frames that are the portrait outside of `box`. Safe to use from several threads."""

    def __init__(
        self, portrait: Pixels, box: tuple[int, int, int, int], xmp: str | None = None
    ) -> None:
        """`portrait` uint8 [H, W, 3 or 4]; `box` = left, top, right, bottom, not empty; `xmp` = a
        note for every file.
        """
        self._height, self._width, self._channels = portrait.shape
        self._box = box
        self._notes = [] if xmp is None else [_chunk(b"iTXt", XMP_HEAD + xmp.encode())]
        flat = portrait.reshape(self._height, -1)
        _, top, _, bottom = box
        self._rows = portrait[top:bottom]
        self._above = [_Band(_split(flat[:top]), self._channels, False)] if top else []
        more = bottom < self._height
        self._below = [_Band(_split(flat[bottom:]), self._channels, True)] if more else []

    def _merged(self, region: Pixels) -> Iterator[Pixels]:
        """The rows of the box with `region` in them [h, width * channels], a few at a time."""
        left, _, right, _ = self._box
        step = max(1, PART_BYTES // (self._width * self._channels))
        for start in range(0, len(region), step):
            rows = self._rows[start : start + step].copy()
            rows[:, left:right] = region[start : start + step]
            yield rows.reshape(len(rows), -1)

    def encode(self, region: Pixels, key: str) -> bytes:
        """The PNG file with `region` uint8 [h, w, 3 or 4] in the box and the frame's key."""
        middle = _Band(self._merged(region), self._channels, not self._below)
        bands = [*self._above, middle, *self._below]
        colour = 6 if self._channels == 4 else 2
        header = struct.pack(">IIBBBBB", self._width, self._height, 8, colour, 0, 0, 0)
        parts = [
            SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"tEXt", KEY_NAME + b"\0" + key.encode("ascii")),
            *self._notes,
            _chunk(b"IDAT", b"\x78\x01"),
            *(_chunk(b"IDAT", band.data) for band in bands),
            _chunk(b"IDAT", struct.pack(">I", _joined_adler(bands))),
            _chunk(b"IEND", b""),
        ]
        return b"".join(parts)


def key_of(start: bytes) -> str | None:
    """The frame key in the first HEAD bytes of a file, None when it is no frame of ours."""
    if not start.startswith(SIGNATURE):
        return None
    at = start.find(b"tEXt" + KEY_NAME + b"\0")
    if at < 4:
        return None
    (length,) = struct.unpack(">I", start[at - 4 : at])
    text = start[at + 4 : at + 4 + length]
    return text.partition(b"\0")[2].decode("latin-1")


def pixels(rgb: Image.Image, alpha: Image.Image | None) -> Pixels:
    """RGB and alpha of Pillow as uint8 [H, W, 3 or 4]."""
    colour = np.asarray(rgb)
    return colour if alpha is None else np.dstack([colour, np.asarray(alpha)])
