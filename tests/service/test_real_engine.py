# SPDX-License-Identifier: GPL-3.0-or-later
"""The core as it ships, with the real engine on a small pack."""

import hashlib
import io
import math
import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from inference_core.protocol import messages
from inference_core.protocol.controls import COUNT, DEFAULTS, INDEX
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import frame_keys
from tests.fixtures.faces import draw_face, encoded
from tests.fixtures.tiny_pack import write_pack
from tests.fixtures.unsigned import unsigned
from tests.service.harness import FPS, TestCore, children, resident, started

REAL = "inference_core"


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Iterator[TestCore]:
    folder = tmp_path_factory.mktemp("real")
    pack = write_pack(folder / "pack")
    core = started(folder, module=REAL, arguments=("--pack", str(pack), "--threads", "1"))
    yield core
    core.stop()


@pytest.fixture(scope="module")
def face() -> bytes:
    return encoded(draw_face())


def speech(seconds: float, rate: int = 16000) -> bytes:
    """Something like a voice: a tone that swells four times a second."""
    t = np.arange(int(seconds * rate)) / rate
    wave = np.sin(2 * math.pi * 140 * t) * (0.5 + 0.5 * np.sin(2 * math.pi * 4 * t))
    return (wave * 12000).astype("<i2").tobytes()


def test_portrait_and_voice_become_the_frames_whose_keys_were_told(core: TestCore, face: bytes):
    described = core.ask(messages.describe()).fields
    assert described["has_voice"] is True
    assert described["sizes"]
    prepared = core.ask(messages.prepare(face)).fields
    assert (prepared["width"], prepared["height"]) == (400, 480)
    assert len(list(prepared["faces"])) == 1  # type: ignore[call-overload]
    portrait = str(prepared["portrait"])
    heard = core.ask(messages.listen(speech(1.0), 16000)).fields
    assert heard["seconds"] == pytest.approx(1.0, abs=0.02)
    voice = str(heard["voice"])
    proposed = core.ask(messages.propose(portrait, voice, FPS, 4)).blobs[0]
    track = np.frombuffer(proposed.data, "<f4").reshape(proposed.shape)
    assert track.shape == (4, COUNT)

    size = int(next(iter(described["sizes"])))  # type: ignore[call-overload]
    keys = frame_keys(core.ask(messages.keys(portrait, voice, FPS, track.tobytes(), size)))
    request = messages.generate(portrait, voice, FPS, track.tobytes(), size, indices=[2, 0])
    frames = [e for e in core.events(core.link.send(request)) if e.type == "frame"]
    assert [(e.fields["index"], e.fields["key"]) for e in frames] == [(2, keys[2]), (0, keys[0])]
    image = Image.open(io.BytesIO(frames[0].blobs[0].data))
    assert image.size == (400, 480)

    changed = track.copy()
    changed[1, INDEX["shift_x"]] += 0.1
    later = frame_keys(core.ask(messages.keys(portrait, voice, FPS, changed.tobytes(), size)))
    assert [n for n in range(4) if later[n] != keys[n]] == [1]


def test_a_worker_killed_in_between_changes_no_byte(core: TestCore, face: bytes):
    portrait = str(core.ask(messages.prepare(face)).fields["portrait"])
    voice = str(core.ask(messages.listen(speech(0.5), 16000)).fields["voice"])
    request = messages.generate(portrait, voice, FPS, struct.pack("<19f", *DEFAULTS) * 2, 256)

    def digests() -> list[str]:
        events = core.events(core.link.send(request), 60)
        files = [bytes(event.blobs[0].data) for event in events if event.type == "frame"]
        return [hashlib.sha256(unsigned(file)).hexdigest() for file in files]

    before = digests()
    assert len(before) == 2
    os.kill(core.workers[0], signal.SIGKILL)
    assert digests() == before


BAD_PORTRAITS = {
    "nothing": (b"", "portrait_unreadable"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "portrait_unreadable"),
    "exr": (b"\x76\x2f\x31\x01" + bytes(100), "portrait_unreadable"),
    "playlist": (b"#EXTM3U\nhttp://127.0.0.1:PORT/x\n", "portrait_unreadable"),
    "address": (b"http://127.0.0.1:PORT/x.png", "portrait_unreadable"),
    "concat": (b"concat:http://127.0.0.1:PORT/a|/etc/passwd", "portrait_unreadable"),
    "path": (b"/etc/passwd", "portrait_unreadable"),
}


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its kilobyte of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", b"x" * 1024)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_bad_portraits_are_named_and_nothing_is_fetched(core: TestCore, face: bytes):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        port = str(trap.getsockname()[1]).encode()
        for data, code in BAD_PORTRAITS.values():
            assert failure(core, messages.prepare(data.replace(b"PORT", port))) == code
        for data in (huge_png(30000, 30000), huge_png(0, 0), huge_png(1, 1)):
            assert failure(core, messages.prepare(data)).startswith("portrait_")
        assert failure(core, messages.prepare(face[: len(face) // 2])).startswith("portrait_")
        assert failure(core, messages.prepare(encoded(Image.new("RGB", (300, 300))))) == (
            "portrait_no_face"
        )

        with pytest.raises(TimeoutError):
            trap.accept()
    assert resident(children(core.core.pid)[0]) < 700 << 20


def failure(core: TestCore, request: messages.Request) -> str:
    """The code with which a request fails."""
    with pytest.raises(SpeakError) as caught:
        core.ask(request)
    return caught.value.code


def test_bad_voices_are_named(core: TestCore):
    for request, code in [
        (messages.listen(b"", 16000), "voice_too_short"),
        (messages.listen(speech(0.05), 16000), "voice_too_short"),
        (messages.listen(bytes(2 * 8000 * 2 * 3600), 8000), "voice_too_long"),
        (messages.listen(speech(1), 0), "voice_rate"),
        (messages.listen(speech(1), 4_000_000_000), "voice_rate"),
        (messages.listen(bytes(2 * 65535), 48000, channels=65535), "voice_channels"),
    ]:
        assert failure(core, request) == code
    silent = core.ask(messages.listen(bytes(32000), 16000)).fields
    assert {"code": "voice_silent", "args": {}} in list(silent["notices"])  # type: ignore[call-overload]
    wide = core.ask(messages.listen(speech(0.5, 96000 * 6), 96000, channels=6)).fields
    assert wide["seconds"] == pytest.approx(0.5, abs=0.02)


def test_a_pack_with_a_byte_changed_is_refused_and_works_when_put_back(tmp_path: Path):
    pack = write_pack(tmp_path / "pack")
    file = pack / "frame.onnx"
    good = file.read_bytes()
    file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    core = started(tmp_path, module=REAL, arguments=("--pack", str(pack), "--threads", "1"))
    try:
        face = encoded(draw_face())
        track = struct.pack("<19f", *DEFAULTS)

        def generate() -> None:
            portrait = str(core.ask(messages.prepare(face)).fields["portrait"])
            core.ask(messages.generate(portrait, None, FPS, track, 256))

        with pytest.raises(SpeakError) as caught:
            generate()
        assert caught.value.code == "pack_damaged"
        assert "frame.onnx" in caught.value.sentence
        assert str(tmp_path) not in str(caught.value.arguments)
        file.write_bytes(good)
        generate()
    finally:
        core.stop()


def test_a_preview_shows_the_frame_small(core: TestCore, face: bytes):
    portrait = str(core.ask(messages.prepare(face)).fields["portrait"])
    voice = str(core.ask(messages.listen(speech(1.0), 16000)).fields["voice"])
    track = np.tile(np.array(DEFAULTS, "<f4"), (10, 1))
    track[:, INDEX["shift_x"]] = np.linspace(-0.4, 0.4, 10)
    made = core.events(
        core.link.send(messages.generate(portrait, voice, FPS, track.tobytes(), 256, 0, 0.1))
    )
    frames = [
        np.asarray(Image.open(io.BytesIO(bytes(e.blobs[0].data))).reduce(4), float)
        for e in made
        if e.type == "frame"
    ]
    for index in (0, 4, 9):
        row = track[index : index + 1].tobytes()
        event = core.ask(messages.preview(portrait, voice, FPS, row, 120, 0.1, index))
        blob = event.blobs[0]
        seen = np.frombuffer(blob.data, np.uint8).reshape(blob.shape).astype(float)
        assert seen.shape == (120, 100, 3)
        apart = [np.abs(seen - frame).mean() for frame in frames]
        assert int(np.argmin(apart)) == index, apart
    with pytest.raises(SpeakError, match="one frame"):
        core.ask(messages.preview(portrait, voice, FPS, track.tobytes(), 120))
    with pytest.raises(SpeakError, match="side"):
        core.ask(messages.preview(portrait, None, FPS, track[:1].tobytes(), 5000))
