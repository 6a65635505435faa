# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages as bytes, and what is refused before memory is taken."""

import json
import socket
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_core.protocol import wire
from inference_core.protocol.channel import ChannelClosed, SocketChannel
from inference_core.protocol.messages import DTYPES, Blob
from inference_core.protocol.wire import MAGIC, MAX_BODY, MAX_HEADER, PREFIX, BadFraming, BadHeader


class Bytes:
    """A channel that gives what it was made of, and counts what it was asked for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def read(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise ChannelClosed
        self.at += size
        return self.data[self.at - size : self.at]

    def write(self, *buffers: object) -> None:
        raise NotImplementedError

    expire = close = write


@pytest.fixture
def pair() -> Iterator[tuple[SocketChannel, SocketChannel]]:
    one, other = socket.socketpair()
    channels = SocketChannel(one), SocketChannel(other)
    yield channels
    for channel in channels:
        channel.close()


plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
fields = st.dictionaries(st.text(max_size=10), plain | numbers | st.lists(plain, max_size=4))
blobs = st.lists(
    st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 4), min_size=1, max_size=3)),
    max_size=4,
)


@settings(max_examples=100, deadline=None)
@given(fields, blobs, st.binary(min_size=1))
def test_what_is_encoded_is_read_again(header, layouts, noise):
    header.pop("blobs", None)
    sent = []
    for dtype, shape in layouts:
        size = DTYPES[dtype]
        for length in shape:
            size *= length
        sent.append(Blob(dtype, tuple(shape), (noise * (size + 1))[:size]))
    data = b"".join(bytes(piece) for piece in wire.encode(header, sent))
    channel = Bytes(data + b"rest")
    got, received = wire.read_message(channel)
    got.pop("blobs", None)
    assert got == header
    assert [(b.dtype, b.shape, bytes(b.data)) for b in received] == [
        (b.dtype, b.shape, bytes(b.data)) for b in sent
    ]
    assert channel.at == len(data)


@pytest.mark.parametrize(
    ("header_size", "body_size"),
    [
        *((0, 0), (MAX_HEADER + 1, 0), (0xFFFFFFFF, 0), (0x80000000, 0)),
        *((2, MAX_BODY + 1), (2, 2**64 - 1), (2, 2**63)),
    ],
)
def test_lengths_are_refused_before_anything_else_is_read(header_size: int, body_size: int):
    channel = Bytes(PREFIX.pack(MAGIC, header_size, body_size) + b"{}" * 100)
    with pytest.raises(BadFraming):
        wire.read_head(channel)
    assert channel.at == PREFIX.size


def test_the_longest_header_is_read():
    raw = json.dumps({"x": ""}).encode()
    raw = raw.replace(b'""', b'"' + b"a" * (MAX_HEADER - len(raw)) + b'"')
    assert len(raw) == MAX_HEADER
    head = wire.read_head(Bytes(PREFIX.pack(MAGIC, MAX_HEADER, 0) + raw))
    assert wire.parse_header(head.header)["x"] == "a" * (MAX_HEADER - 9)
    with pytest.raises(BadFraming):
        wire.read_head(Bytes(b"HTTP" + PREFIX.pack(MAGIC, 2, 0)[4:] + b"{}"))
    with pytest.raises(ValueError, match="limit"):
        wire.encode({"x": "a" * MAX_HEADER})


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"not json", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b"3", "not an object"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"b":{"a":1,"a":2}}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1e400}', "beyond all bounds"),
        (b'{"a":"\\ud800"}', "half of a character"),
        (b'{"a":"\\uDC00"}', "half of a character"),
        (b'{"\\ud800":1}', "half of a character"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        (b'{"a":"\xff"}', "not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a":' + b"[" * 10000 + b"]" * 10000 + b"}", "levels"),
        (b'{"a":' * 10000 + b"1" + b"}" * 10000, "levels"),
        (b'{"a":"\\"' + b"[" * 10000, "not JSON"),
        (b"]" * 20 + b"[" * 10000, "levels"),
        (b'"' * MAX_HEADER, "not JSON"),
        (b'{"' + b'\\"' * 30000, "not JSON"),
    ],
)
def test_headers_that_are_refused(raw: bytes, why: str):
    with pytest.raises(BadHeader, match=why):
        wire.parse_header(raw)


def test_brackets_in_text_are_no_levels():
    text = "[" * 100 + '"' + "{" * 100
    assert wire.parse_header(json.dumps({"a": text}).encode()) == {"a": text}
    pair_of_halves = b'{"a":"\\ud83d\\ude00"}'
    assert wire.parse_header(pair_of_halves) == {"a": "\N{GRINNING FACE}"}


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ([{"dtype": "uint8", "shape": [2**31, 2**31, 3]}], 12),
        ([{"dtype": "uint8", "shape": [4]}], 3),
        ([{"dtype": "float32", "shape": [4]}], 4),
        ([{"dtype": "O", "shape": [1]}], 8),
        ([{"dtype": "<U1000000", "shape": [1]}], 4000000),
        ([{"dtype": ["uint8"], "shape": [1]}], 1),
        ([{"dtype": "uint8", "shape": [-1]}], 1),
        ([{"dtype": "uint8", "shape": [-1, -1]}], 1),
        ([{"dtype": "uint8", "shape": [1.0]}], 1),
        ([{"dtype": "uint8", "shape": [True]}], 1),
        ([{"dtype": "uint8", "shape": []}], 1),
        ([{"dtype": "uint8", "shape": [1] * 40}], 1),
        ([{"dtype": "uint8", "shape": "1"}], 1),
        ([{"dtype": "uint8"}], 1),
        ([{"dtype": "uint8", "shape": [1], "path": "/etc/passwd"}], 1),
        ([{"dtype": "uint8", "shape": [0]}] * 9, 0),
        ({"dtype": "uint8", "shape": [1]}, 1),
        (None, 0),
        ([], 1),
    ],
)
def test_layouts_that_are_refused_cost_no_memory(declared: object, body: int):
    tracemalloc.start()
    try:
        with pytest.raises(BadHeader):
            wire.blob_layout({"blobs": declared}, body)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_blobs_are_not_copied_on_their_way_out(pair):
    data = bytearray(1 << 16)
    message = wire.encode({"id": 1}, [Blob("uint8", (1 << 16,), data)])
    assert message[1] is data
    data[0] = 7
    pair[0].write(*message)
    _, (blob,) = wire.read_message(pair[1])
    assert blob.data[0] == 7


def test_a_blob_knows_its_size():
    with pytest.raises(ValueError, match="8 bytes"):
        Blob("float32", (2,), b"1234")
    assert Blob("int16", (2, 3), bytes(12)).nbytes == 12


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_typed_refusal(data: bytes):
    for whole in (data, PREFIX.pack(MAGIC, max(1, len(data)), 0) + data):
        try:
            header, received = wire.read_message(Bytes(whole))
        except (BadFraming, BadHeader, ChannelClosed):
            continue
        assert isinstance(header, dict)
        assert received == ()
