# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages as bytes.

    4 bytes   magic b"SPKm"
    4 bytes   length of the header, 1 to 65536        (big-endian)
    8 bytes   length of all blobs together            (big-endian)
    header    JSON object in UTF-8, with "blobs": [{"dtype": "uint8", "shape": [3]}, ...]
    blobs     one after the other, little-endian

Both lengths are checked before memory is taken, and the declared shapes must fill the second one
to the byte. A message whose lengths are sound but whose header is not can be skipped, and the
connection goes on (BadHeader); with unsound lengths the stream is lost (BadFraming).
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from struct import Struct

from .channel import Buffer, Channel
from .messages import DTYPES, MAX_DIMENSIONS, MAX_VOICE_BYTES, Blob

MAGIC = b"SPKm"
PREFIX = Struct(">4sIQ")
MAX_HEADER = 64 << 10
MAX_BODY = MAX_VOICE_BYTES  # the largest thing that any message carries
MAX_BLOBS = 8
MAX_DEPTH = 8
_SKIP = 64 << 10

# A string that never ends matches up to the end, so that the search stays linear.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class BadFraming(Exception):  # noqa: N818 - names the state of the stream
    """The lengths of a message cannot be right; nothing after them can be trusted."""


class BadHeader(Exception):  # noqa: N818 - names the state of the message
    """The header of a message cannot be used; the text says why."""


class Head:
    """The lengths of a message and its raw header, before anything was parsed."""

    __slots__ = ("body_size", "header")

    def __init__(self, header: bytes | bytearray, body_size: int) -> None:
        self.header = header
        self.body_size = body_size


def read_head(channel: Channel) -> Head:
    """Lengths and raw header of the next message. Raises BadFraming, ChannelClosed."""
    magic, header_size, body_size = PREFIX.unpack(channel.read(PREFIX.size))
    if magic != MAGIC:
        raise BadFraming("a message does not begin with its magic")
    if not 0 < header_size <= MAX_HEADER:
        raise BadFraming(f"a header of {header_size} bytes; the limit is {MAX_HEADER}")
    if body_size > MAX_BODY:
        raise BadFraming(f"blobs of {body_size} bytes; the limit is {MAX_BODY}")
    return Head(channel.read(header_size), body_size)


def skip_body(channel: Channel, size: int) -> None:
    """Read the blobs of a refused message and keep none of them."""
    while size > 0:
        piece = min(size, _SKIP)
        channel.read(piece)
        size -= piece


def read_body(channel: Channel, size: int) -> bytes | bytearray:
    """The blobs of a message in one piece of memory."""
    return channel.read(size) if size else b""


def parse_header(raw: bytes | bytearray) -> dict[str, object]:
    """The header as a dictionary. Raises BadHeader.

    Refused: other than an object, bad UTF-8, a byte order mark, keys twice, NaN and infinities
    (also those that 1e400 would become), lone surrogates, more than eight levels.
    """
    _check_depth(raw)
    try:
        header = _DECODER.decode(raw.decode("utf-8"))
    except BadHeader:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadHeader(f"the header is not JSON ({type(error).__name__})") from None
    if not isinstance(header, dict):
        raise BadHeader("the header is not an object")
    if b"\\ud" in raw or b"\\uD" in raw:
        try:
            json.dumps(header, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise BadHeader("the header has half of a character") from None
    return header


def blob_layout(header: Mapping[str, object], body_size: int) -> list[tuple[str, tuple[int, ...]]]:
    """Dtype and shape of each blob, known to fill `body_size` exactly. Raises BadHeader."""
    declared = header.get("blobs", [])
    if not isinstance(declared, list) or len(declared) > MAX_BLOBS:
        raise BadHeader(f"blobs is not a list of at most {MAX_BLOBS}")
    layout, total = [], 0
    for item in declared:
        if not isinstance(item, dict) or set(item) != {"dtype", "shape"}:
            raise BadHeader("a blob has something other than dtype and shape")
        dtype, shape = item["dtype"], item["shape"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise BadHeader("a blob has a dtype that is not one of " + ", ".join(DTYPES))
        if not isinstance(shape, list) or not 1 <= len(shape) <= MAX_DIMENSIONS:
            raise BadHeader(f"a blob has a shape without 1 to {MAX_DIMENSIONS} sizes")
        if not all(type(size) is int and 0 <= size <= MAX_BODY for size in shape):
            raise BadHeader("a blob has a size that is not a count")
        layout.append((dtype, tuple(shape)))
        total += DTYPES[dtype] * math.prod(shape)
    if total != body_size:
        raise BadHeader(f"the shapes make {total} bytes and the message has {body_size}")
    return layout


def split_body(
    layout: Sequence[tuple[str, tuple[int, ...]]], body: bytes | bytearray
) -> tuple[Blob, ...]:
    """The blobs as views into one piece of memory."""
    view, at, blobs = memoryview(body), 0, []
    for dtype, shape in layout:
        size = DTYPES[dtype] * math.prod(shape)
        blobs.append(Blob(dtype, shape, view[at : at + size]))
        at += size
    return tuple(blobs)


def read_message(channel: Channel) -> tuple[dict[str, object], tuple[Blob, ...]]:
    """A whole message from a side that is trusted to keep to its request.

    Raises BadFraming, BadHeader, ChannelClosed.
    """
    head = read_head(channel)
    header = parse_header(head.header)
    layout = blob_layout(header, head.body_size)
    return header, split_body(layout, read_body(channel, head.body_size))


def encode(header: Mapping[str, object], blobs: Sequence[Blob] = ()) -> list[Buffer]:
    """A message as buffers to write one after the other; blobs are not copied.

    Raises ValueError as `head_of`.
    """
    whole = dict(header)
    if blobs:
        whole["blobs"] = [{"dtype": b.dtype, "shape": list(b.shape)} for b in blobs]
    return [head_of(whole, sum(blob.nbytes for blob in blobs)), *(blob.data for blob in blobs)]


def rejoin(head: Head, body: bytes | bytearray) -> list[Buffer]:
    """A message that was read, as it came, to be passed on."""
    return [PREFIX.pack(MAGIC, len(head.header), head.body_size), head.header, body]


def head_of(header: Mapping[str, object], body_size: int) -> bytes:
    """Lengths and header of a message whose `header` already lists its blobs.

    Raises ValueError for what the other side would refuse: a header that is too long or has
    numbers that JSON has not.
    """
    raw = _ENCODER.encode(header).encode("ascii")
    if len(raw) > MAX_HEADER:
        raise ValueError(f"a header of {len(raw)} bytes; the limit is {MAX_HEADER}")
    return PREFIX.pack(MAGIC, len(raw), body_size) + raw


def _check_depth(raw: bytes | bytearray) -> None:
    # Counted before parsing: the parser goes one call deeper per level. The first look is for
    # the many headers, such as those of frames, that have few brackets at all.
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if match.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadHeader(f"the header has more than {MAX_DEPTH} levels")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise BadHeader("the header has a key twice")
    return result


def _no_constant(name: str) -> float:
    raise BadHeader(f"the header has {name}, which is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadHeader("the header has a number beyond all bounds")
    return value


# Made once: json.loads with options makes a decoder per call, which costs more than a header.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
