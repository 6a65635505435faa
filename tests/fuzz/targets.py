# SPDX-License-Identifier: GPL-3.0-or-later
"""What is fuzzed: every reader of bytes that come from somebody else.

A target takes bytes and returns when they were read or refused with a sentence; anything else that
it raises is a finding. `seeds` are good inputs to start from.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import struct
import sys
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from inference_core.protocol import messages, wire
from inference_core.protocol.channel import ChannelClosed
from inference_core.protocol.controls import COUNT, NAMES
from inference_core.protocol.errors import SpeakError
from inference_core.provenance import manifest, rendered
from inference_core.provenance.look import CannotLookError, pictures
from inference_core.provenance.statement import FrameFacts
from inference_core.runtime.audio_file import read_audio
from inference_core.runtime.image_file import decode
from inference_core.runtime.pack import Pack
from inference_core.runtime.png import FrameEncoder, key_of
from inference_core.runtime.shot_file import ShotFolder
from inference_core.runtime.tracks import clamped, read_csv
from inference_core.service import admission


@dataclass(frozen=True)
class Target:
    """One reader: `run` is given bytes."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


class _Bytes:
    """A channel that gives what it was made with, then ends."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        data = self._rest.read(size)
        if len(data) < size:
            raise ChannelClosed
        return data

    def write(self, *buffers: object) -> None:
        """Nobody reads."""

    def expire(self, seconds: float | None) -> None:
        """There is no clock."""

    def close(self) -> None:
        """There is nothing to close."""


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="speak-fuzz-"))


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


# The link


def _link(data: bytes) -> None:
    channel = _Bytes(data)
    with contextlib.suppress(ChannelClosed, wire.BadFraming):
        while True:
            head = wire.read_head(channel)
            # A header that is refused costs its body, not the connection.
            try:
                header = wire.parse_header(head.header)
                layout = wire.blob_layout(header, head.body_size)
                admission.check(header, layout)
            except (wire.BadHeader, SpeakError):
                wire.skip_body(channel, head.body_size)
                continue
            body = wire.read_body(channel, head.body_size)
            blobs = wire.split_body(layout, body)
            with contextlib.suppress(SpeakError):
                admission.check_content(header, [memoryview(blob.data) for blob in blobs])


def _requests() -> list[bytes]:
    from fractions import Fraction

    key, track = "ab" * 32, bytes(4 * COUNT * 2)
    fps = Fraction(24000, 1001)
    every = (
        messages.ping(),
        messages.describe(),
        messages.prepare(b"\x89PNG", 1, (1, 2.5, 3, 4)),
        messages.listen(bytes(320), 16000),
        messages.propose(key, None, fps, 2),
        messages.keys(key, key, fps, track, 256),
        messages.preview(key, key, fps, bytes(4 * COUNT), 96),
        messages.generate(key, key, fps, track, 512, indices=[1, 0], consent="self"),
    )
    found = []
    for number, one in enumerate(every, 1):
        header = {"id": number, "type": one.type, **one.fields}
        found.append(b"".join(bytes(part) for part in wire.encode(header, one.blobs)))
    return [*found, b"".join(found)]


# Files


def _image(data: bytes) -> None:
    with contextlib.suppress(SpeakError):
        picture = decode(data)
        assert picture.rgb.mode == "RGB"
    key_of(data)


def _images() -> list[bytes]:
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (70, 66, 3), np.uint8))
    found = []
    for image, kind, options in (
        (colour, "PNG", {}),
        (colour, "JPEG", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06"}),
        (colour, "WEBP", {}),
        (colour, "TIFF", {}),
        (colour, "BMP", {}),
        (colour.convert("RGBA"), "PNG", {}),
        (colour.convert("P"), "PNG", {}),
        (colour.convert("CMYK"), "JPEG", {}),
        (Image.fromarray(rng.integers(0, 65536, (70, 66), np.uint16)), "PNG", {}),
    ):
        out = io.BytesIO()
        image.save(out, kind, **options)
        found.append(out.getvalue())
    return found


def _sound(data: bytes) -> None:
    path = _file("voice.wav", data)
    with contextlib.suppress(SpeakError):
        samples, rate = read_audio(path)
        assert samples.ndim == 2
        assert rate > 0


def _sounds() -> list[bytes]:
    found = []
    for width, channels, rate in ((1, 1, 8000), (2, 2, 44100), (3, 1, 48000), (4, 6, 96000)):
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            file.writeframes(bytes(range(240)) * width * channels)
        found.append(out.getvalue())
    data = np.linspace(-1, 1, 99).astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 16000, 64000, 4, 32)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    found.append(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return found


def _curves(data: bytes) -> None:
    path = _file("curves.csv", data)
    with contextlib.suppress(SpeakError):
        track = read_csv(path, 8)
        assert track.shape == (8, COUNT)
        values, _ = clamped(track)
        assert np.isfinite(values).all()


def _curve_files() -> list[bytes]:
    rows = "frame,happy,yaw\n0,0.5,10\n2,nan,1e9\n3,,-7.25\n"
    return [
        rows.encode(),
        b"\xef\xbb\xbf" + rows.encode(),
        ("frame," + ",".join(NAMES) + "\n1" + ",0.1" * COUNT + "\n").encode(),
        rows.replace(",", ";").encode(),
    ]


def _record(data: bytes) -> None:
    baseline, shot_folder = _addon("baseline"), _addon("shot_folder")
    path = _file("shot.json", data)
    folder = ShotFolder(path.parent)
    for row in folder.measured().values():
        assert len(row) == COUNT
    rendered._shot(path.parent)
    facts = shot_folder.ShotFolder(path.parent).read_shot()
    baseline.from_record(facts, None)


@cache
def _addon(name: str) -> ModuleType:
    """A module of the add-on that needs no Blender: its root package must be named, not run."""
    root = ModuleType("speak")
    root.__path__ = [str(Path(__file__).resolve().parents[2])]
    sys.modules.setdefault("speak", root)
    return importlib.import_module(f"speak.speak_addon.{name}")


def _records() -> list[bytes]:
    row = [0.25] * COUNT
    facts = {
        "format": 1,
        "pack": {"pack": "default", "version": "1", "sha256": "cd" * 32},
        "portrait_sha256": "ef" * 32,
        "consent": "self",
        "mark": True,
        "keys": ["ab" * 32, None],
        "controls": {"names": list(NAMES), "rows": [row, row]},
        "measured": [row, None],
        "sources": {"portrait": "a 0", "voice": "b", "pack": "c", "fps": "25", "size": 256,
                    "seed": 1, "amount": 1.0, "mark": True, "own": row, "auto": True},
    }  # fmt: skip
    return [json.dumps(facts).encode(), json.dumps(facts, indent=1).encode(), b"{}", b"[1]"]


def _pack(data: bytes) -> None:
    path = _file("pack/pack.json", data) if (_folder() / "pack").is_dir() else _new_pack(data)
    with contextlib.suppress(SpeakError):
        pack = Pack(path.parent)
        pack.detector()


def _new_pack(data: bytes) -> Path:
    from tests.fixtures.tiny_pack import write_pack

    write_pack(_folder() / "pack")
    return _file("pack/pack.json", data)


def _packs() -> list[bytes]:
    from tests.fixtures.tiny_pack import write_pack

    return [(write_pack(_folder() / "good") / "pack.json").read_bytes()]


# What `verify` is given


def _signed(data: bytes) -> None:
    path = _file("frame_000000.png", data)
    found = manifest.read(path)
    assert found is None or isinstance(found.intact, bool)


def _signed_files() -> list[bytes]:
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    png = FrameEncoder(values, (0, 0, 64, 64)).encode(values, "ab" * 32)
    facts = FrameFacts("ab" * 32, "default", "1", "cd" * 32, "ef" * 32)
    return [manifest.own_signer().frame(png, facts), png]


def _movie(data: bytes) -> None:
    path = _file("movie.mp4", data)
    with contextlib.suppress(CannotLookError):
        for picture in pictures(path, 2):
            picture.convert("L")


def _movies() -> list[bytes]:
    import av

    found = []
    for kind in ("mp4", "matroska", "avi"):
        out = io.BytesIO()
        with av.open(out, "w", format=kind) as file:
            stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            for number in range(3):
                picture = np.full((64, 64, 3), 60 * number, np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            file.mux(stream.encode())
        found.append(out.getvalue())
    return found


TARGETS: dict[str, Target] = {
    "link": Target(_link, _requests),
    "image": Target(_image, _images),
    "sound": Target(_sound, _sounds),
    "curves": Target(_curves, _curve_files),
    "record": Target(_record, _records),
    "pack": Target(_pack, _packs),
    "signed": Target(_signed, _signed_files),
    "movie": Target(_movie, _movies),
}
