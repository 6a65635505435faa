# SPDX-License-Identifier: GPL-3.0-or-later
"""A client with the token that sends nonsense gets a typed refusal, and the core lives on."""

import gzip
import io
import json
import math
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_core.protocol import messages, wire
from inference_core.protocol.channel import SocketChannel
from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.wire import MAGIC, MAX_BODY, MAX_HEADER, PREFIX
from tests.service.harness import FPS, TestCore, is_closed, refused, resident, started

KEY = "0" * 64


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Iterator[TestCore]:
    core = started(tmp_path_factory.mktemp("core"))
    core.ask(messages.describe())
    yield core
    core.stop()


@pytest.fixture
def channel(core: TestCore) -> Iterator[SocketChannel]:
    """A bare channel past the handshake; the core must still be well afterwards."""
    before = resident(core.core.pid)
    channel = core.proved()
    yield channel
    channel.close()
    core.reconnect()
    assert core.core.alive()
    assert resident(core.core.pid) - before < 8 << 20
    assert "Traceback" not in core.log


def raw(header: bytes, body: bytes = b"") -> bytes:
    return PREFIX.pack(MAGIC, len(header), len(body)) + header + body


def pong(channel: SocketChannel, request_id: int) -> bool:
    """Whether the connection still works."""
    channel.write(*wire.encode({"id": request_id, "type": "ping"}))
    header, _ = wire.read_message(channel)
    return header["type"] == "pong" and header["id"] == request_id


@pytest.mark.parametrize(
    "lengths",
    [(0, 0), (MAX_HEADER + 1, 0), (0xFFFFFFFF, 0), (0x80000000, 0), (2, MAX_BODY + 1), (2, 2**63)],
)
def test_lengths_beyond_all_bounds_end_the_connection(channel: SocketChannel, lengths):
    channel.write(PREFIX.pack(MAGIC, *lengths))
    answer = refused(channel)
    assert answer["code"] == "bad_request"
    assert answer["id"] is None
    assert is_closed(channel)


def test_what_is_no_message_ends_the_connection(channel: SocketChannel):
    channel.write(b"GET / HTTP/1.1\r\n\r\n")
    assert refused(channel)["code"] == "bad_request"
    assert is_closed(channel)


def test_headers_that_cannot_be_read_are_refused_and_the_connection_goes_on(channel):
    headers = [
        b"not json",
        b"[1]",
        b'{"id":1,"type":"ping","type":"describe"}',
        b'{"id":1,"type":"ping","x":NaN}',
        b'{"id":1,"type":"ping","x":1e400}',
        b'{"id":1,"type":"\\ud800"}',
        b'\xef\xbb\xbf{"id":1,"type":"ping"}',
        b'{"id":1,"type":"ping","x":' + b"[" * 10000 + b"]" * 10000 + b"}",
        b'{"id":1,"type":"ping","x":"' + b"a" * (MAX_HEADER - 29) + b'"}',
    ]
    assert len(headers[-1]) == MAX_HEADER
    for number, header in enumerate(headers):
        channel.write(raw(header, b"body that belongs to it"))
        answer = refused(channel)
        assert answer["code"] == "bad_request", header[:40]
        assert answer["args"]["reason"]
        assert pong(channel, number + 1)


def test_shapes_that_are_not_those_of_the_bytes_are_refused_unread(channel: SocketChannel):
    blobs: list[tuple[list[dict[str, Any]], bytes]] = [
        ([{"dtype": "uint8", "shape": [2**31, 2**31, 3]}], b"x" * 12),
        ([{"dtype": "uint8", "shape": [10**9]}], b"x"),
        ([{"dtype": "O", "shape": [1]}], b"x" * 8),
        ([{"dtype": "<U1000000", "shape": [1]}], b"x" * 4_000_000),
        ([{"dtype": "uint8", "shape": [-1]}], b"x"),
        ([], b"x"),
    ]
    for number, (declared, body) in enumerate(blobs):
        header = {"id": number + 1, "type": "prepare", "face": None, "box": None, "blobs": declared}
        channel.write(raw(json.dumps(header).encode(), body))
        answer = refused(channel)
        assert answer["code"] == "bad_request"
        assert pong(channel, 100 + number)


def test_a_message_larger_than_its_type_may_be_is_skipped(channel: SocketChannel):
    size = messages.MAX_PORTRAIT_BYTES + 1
    blobs = [{"dtype": "uint8", "shape": [size]}]
    header = {"id": 1, "type": "prepare", "face": None, "box": None, "blobs": blobs}
    encoded = json.dumps(header).encode()
    channel.write(PREFIX.pack(MAGIC, len(encoded), size) + encoded)
    channel.write(bytes(size))
    answer = refused(channel)
    assert (answer["code"], answer["id"]) == ("too_large", 1)
    assert answer["args"]["limit"] == messages.MAX_PORTRAIT_BYTES
    assert pong(channel, 2)


def test_an_id_is_never_used_again(channel: SocketChannel):
    assert pong(channel, 5)
    for used in (5, 4, 1):
        channel.write(*wire.encode({"id": used, "type": "ping"}))
        answer = refused(channel)
        assert (answer["code"], answer["id"]) == ("bad_request", used)
    assert pong(channel, 6)


def test_a_message_that_never_ends_is_dropped_with_its_sender(channel: SocketChannel):
    channel.write(PREFIX.pack(MAGIC, 100, MAX_BODY) + b'{"id":1')


NAMES = [
    *("../../x", "..\\x", "/etc/passwd", "C:\\x", "C:x", "\\\\srv\\s", "/windows/win.ini", "CON"),
    *("a\0b", "x" * 300, "e\u0301", "file:///etc/passwd", "http://127.0.0.1/x", "concat:a|b"),
]


def test_no_field_takes_a_name(core: TestCore):
    before = tree(core.folder)
    track = bytes(4 * COUNT)
    for name in NAMES:
        for request in (
            messages.generate(name, None, FPS, track, 512),
            messages.generate(KEY, name, FPS, track, 512),
            messages.propose(name, name, FPS, 1),
            messages.Request("describe", {"pack": name}),
            messages.Request("ping", {name[:50]: name}),
            messages.Request(name),
        ):
            with pytest.raises(SpeakError) as caught:
                core.ask(request)
            assert caught.value.code == "bad_request"
    assert tree(core.folder) == before


def tree(folder: Path) -> dict[str, int]:
    """All files below a folder but for the log, which grows."""
    files = [file for file in folder.rglob("*") if "core.log" not in file.name]
    return {str(file): file.stat().st_mtime_ns for file in files}


class _Marker:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.file),))


def _bombs(marker: Path) -> list[bytes]:
    """Things that do harm when something too helpful opens them."""
    pickled = pickle.dumps(_Marker(marker))
    npy, zipped = io.BytesIO(), io.BytesIO()
    np.save(npy, np.array([_Marker(marker)], object), allow_pickle=True)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("zeros", bytes(50 << 20))
    return [pickled, npy.getvalue(), zipped.getvalue(), gzip.compress(bytes(50 << 20))]


def test_nothing_is_unpickled_or_unpacked(core: TestCore, tmp_path: Path):
    marker = tmp_path / "marker"
    before = resident(core.core.pid)
    for data in _bombs(marker):
        with pytest.raises(SpeakError) as caught:
            core.ask(messages.prepare(data))
        assert caught.value.code == "portrait_unreadable"
        padded = data + b"\0" * (len(data) % 2)
        assert core.ask(messages.listen(padded, 16000)).type == "heard"
        link = core.proved()
        link.write(data)
        assert refused(link)["code"] == "bad_request"
        link.close()
        core.reconnect()
    assert not marker.exists()
    assert resident(core.core.pid) - before < 16 << 20
    pickle.loads(pickle.dumps(_Marker(marker)))
    assert marker.exists(), "the bomb works when it is opened"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e9])
def test_numbers_that_are_none_in_curves_are_held_to_the_range(core: TestCore, value: float):
    track = struct.pack("<19f", *([value] * COUNT))
    portrait = core.portrait()
    events = core.events(core.link.send(messages.generate(portrait, None, FPS, track, 512)))
    notices = [event.fields["code"] for event in events if event.type == "notice"]
    assert notices == ["controls_clamped"]
    assert events[-1].fields["made"] == 1


def test_a_million_and_one_frames(core: TestCore):
    with pytest.raises(SpeakError) as caught:
        core.ask(messages.generate(KEY, None, FPS, bytes(4 * COUNT * 1_000_001), 512))
    assert caught.value.code == "too_many_frames"


def test_messages_with_some_bytes_changed_never_end_the_core(core: TestCore):
    track = messages.generate(core.portrait(), None, FPS, bytes(4 * COUNT), 512)
    good = b"".join(
        bytes(part)
        for part in wire.encode({"id": 10**6, "type": track.type, **track.fields}, track.blobs)
    )
    for seed in range(60):
        chance = random.Random(seed)
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        channel = core.proved()
        channel.write(data)
        channel.close()
    core.reconnect()
    assert core.ask(messages.describe()).type == "described"
    assert "Traceback" not in core.log
