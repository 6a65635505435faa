# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker process: runs the engine, one job at a time.

It talks to the control process only, through its stdin, and ends when that does. It may be
killed at any moment and owns no file.
"""

import argparse
import logging
import os
import queue
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from inference_core import __version__
from inference_core.protocol import wire
from inference_core.protocol.channel import Channel, ChannelClosed, PipeChannel, SocketChannel
from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import Blob

from .log_file import log

PROGRESS_EVERY = 0.1  # seconds
_REPLAY = 0

EngineMaker = Callable[[Path, int | None], Any]
Header = Mapping[str, Any]


class Stopped(Exception):  # noqa: N818 - not an error
    """The job in hand was cancelled."""


class Worker:
    """Takes jobs from the control process and answers with events."""

    def __init__(self, channel: Channel, make_engine: Callable[[], Any]) -> None:
        self._channel = channel
        self._make_engine = make_engine
        self._engine: Any = None
        self._portraits: dict[str, Any] = {}
        self._voices: dict[str, Any] = {}
        self._jobs: queue.SimpleQueue[tuple[Header, tuple[Blob, ...], threading.Event]]
        self._jobs = queue.SimpleQueue()
        self._id = _REPLAY
        self._stop = threading.Event()

    def run(self) -> None:
        """Work until the control process is gone, which ends this process."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        while True:
            header, blobs, self._stop = self._jobs.get()
            self._id = header["id"]
            if header["type"] == "forget":
                self._portraits.pop(header["key"], None)
                self._voices.pop(header["key"], None)
                continue
            self._do(header, blobs)
            del header, blobs  # an hour of voice is not kept until the next job comes

    def _read(self) -> None:
        latest_id, latest = _REPLAY, threading.Event()
        try:
            while True:
                header, blobs = wire.read_message(self._channel)
                if header["type"] == "cancel":
                    if header["id"] == latest_id:
                        latest.set()
                    continue
                latest_id, latest = int(str(header["id"])), threading.Event()
                self._jobs.put((header, blobs, latest))
        except ChannelClosed:
            pass
        except BaseException:
            log.exception("the control process cannot be understood")
        # The engine may be deep in a library: no waiting for it.
        os._exit(0)

    def _do(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        try:
            self._event("begun")
            if self._engine is None:
                self._event("stage", name="loading")
                self._engine = self._make_engine()
            getattr(self, f"_{header['type']}")(header, blobs)
        except Stopped:
            self._event("cancelled")
        except SpeakError as error:
            self._event("failed", code=error.code, args=_plain(error.arguments))
        except MemoryError:
            log.exception("out of memory")
            self._event("failed", code="out_of_memory", args={})
        except ChannelClosed:
            raise
        except Exception as error:
            log.exception("%s failed", header["type"])
            self._event("failed", code="internal", args={"reason": type(error).__name__})

    def _event(self, kind: str, /, *arrays: tuple[str, Any], **fields: object) -> None:
        # What is given again after a restart is nobody's request: only `hold` is said about it.
        if self._id == _REPLAY and kind != "hold":
            return
        blobs = [_blob(dtype, array) for dtype, array in arrays]
        self._channel.write(*wire.encode({"id": self._id, "type": kind, **fields}, blobs))

    def _describe(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        self._event("described", **_plain(self._engine.describe()), core=__version__)

    def _prepare(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        self._event("stage", name="portrait")
        data = bytes(blobs[0].data)
        box = header["box"]
        portrait = self._engine.prepare(data, header["face"], None if box is None else tuple(box))
        self._check_stopped()
        self._portraits[portrait.key] = portrait
        self._event("hold", kind="portrait", key=portrait.key)
        self._event(
            "prepared",
            ("float32", portrait.own),
            portrait=portrait.key,
            width=int(portrait.width),
            height=int(portrait.height),
            faces=_plain(portrait.faces[:100]),
            chosen=_plain(portrait.chosen),
            notices=_notices(portrait.notices),
        )

    def _listen(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        self._event("stage", name="voice")
        samples = np.frombuffer(blobs[0].data, "<i2").reshape(blobs[0].shape)
        voice = self._engine.listen(samples, header["rate"])
        self._check_stopped()
        self._voices[voice.key] = voice
        self._event("hold", kind="voice", key=voice.key)
        notices = _notices(voice.notices)
        self._event("heard", voice=voice.key, seconds=float(voice.seconds), notices=notices)

    def _propose(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        portrait, voice = self._inputs(header)
        track, keys = self._engine.propose_keys(
            portrait,
            voice,
            Fraction(*header["fps"]),
            header["frames"],
            header["seed"],
            header["amount"],
            header["start"],
        )
        self._check_stopped()
        self._event("proposed", ("float32", track), ("float32", keys))

    def _keys(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        keys = self._engine.keys(*self._shot(header, blobs), mark=header["mark"])
        self._check_stopped()
        digests = np.frombuffer(bytes.fromhex("".join(keys)), np.uint8).reshape(-1, 32)
        self._event("keyed", ("uint8", digests))

    def _generate(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        from inference_core.runtime.tracks import clamped

        shot = self._shot(header, blobs)
        _, notices = clamped(shot[3])
        for notice in _notices(notices):
            self._event("notice", **notice)
        indices = None
        if len(blobs) > 1:
            indices = np.frombuffer(blobs[1].data, "<i4").tolist()
        total = blobs[0].shape[0] if indices is None else len(indices)
        self._event("stage", name="frames")
        began, told, made = time.monotonic(), 0.0, 0
        first = began
        sealed = self._engine.seal(shot[0], header["consent"]) if header["mark"] else None
        told_of = self._tell(sealed.notices if sealed else ())
        frames = self._engine.generate(*shot, indices=indices, mark=header["mark"])
        try:
            for frame in frames:
                self._check_stopped()
                file = sealed(frame.png, frame.key) if sealed else frame.png
                png, seen = np.frombuffer(file, np.uint8), ("float32", frame.measured)
                self._event(
                    "frame", ("uint8", png), seen, index=int(frame.index), key=str(frame.key)
                )
                made += 1
                now = time.monotonic()
                if made == 1:
                    first = now
                if now - told >= PROGRESS_EVERY or made == total:
                    # The first frame pays for what all share, so the pace is that of the others.
                    pace = (now - first) / (made - 1) if made > 1 else now - began
                    left = round(pace * (total - made), 2)
                    self._event("progress", done=made, total=total, seconds_left=left)
                    told = now
        finally:
            frames.close()
        self._tell(sealed.notices[told_of:] if sealed else ())
        self._event("done", made=made, seconds=round(time.monotonic() - began, 3))

    def _preview(self, header: Header, blobs: tuple[Blob, ...]) -> None:
        row = np.frombuffer(blobs[0].data, "<f4").reshape(-1, COUNT)
        fps = Fraction(*header["fps"])
        where = header["side"], header["start"], header["index"]
        picture = self._engine.preview(*self._inputs(header), fps, row, *where)
        self._check_stopped()
        self._event("previewed", ("uint8", picture))

    def _tell(self, notices: Sequence[Any]) -> int:
        """Send notices; returns how many."""
        for notice in _notices(notices):
            self._event("notice", **notice)
        return len(notices)

    def _check_stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _inputs(self, header: Header) -> tuple[Any, Any]:
        try:
            portrait = self._portraits[header["portrait"]]
        except KeyError:
            raise SpeakError("unknown_portrait") from None
        if header["voice"] is None:
            return portrait, None
        try:
            return portrait, self._voices[header["voice"]]
        except KeyError:
            raise SpeakError("unknown_voice") from None

    def _shot(self, header: Header, blobs: tuple[Blob, ...]) -> tuple[Any, ...]:
        controls = np.frombuffer(blobs[0].data, "<f4").reshape(-1, COUNT)
        fps = Fraction(*header["fps"])
        wanted = header["size"], header["seed"], header["start"]
        return (*self._inputs(header), fps, controls, *wanted)


def run(argv: Sequence[str] | None = None, make: EngineMaker | None = None) -> None:
    """Be the worker; `make` gives the engine instead of the real one."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s", level=logging.INFO)
    make = make or load_engine()
    Worker(_control_channel(), lambda: make(options.pack, options.threads)).run()


def load_engine() -> EngineMaker:
    """The real engine's class: its libraries load while nobody waits for them."""
    try:
        from inference_core.runtime.engine import Engine
    except ImportError as error:
        log.exception("the engine cannot be loaded")
        reason = str(error)

        def missing(pack: Path, threads: int | None) -> Any:
            raise SpeakError("core_start_failed", reason=reason)

        return missing
    return Engine


def die_with_parent() -> None:
    """Linux: be killed with the control process even when a library never lets Python run."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _control_channel() -> Channel:
    descriptor = os.dup(0)
    # Nothing else may read from the link or print into it.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return SocketChannel(socket.socket(fileno=descriptor))
    writing = os.dup(1)
    os.dup2(2, 1)
    return PipeChannel(descriptor, writing)


def _blob(dtype: str, array: Any) -> Blob:
    whole = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    data: bytes | memoryview = whole.reshape(-1).view(np.uint8).data if whole.size else b""
    return Blob(dtype, whole.shape, data)


def _notices(notices: Sequence[Any]) -> list[dict[str, object]]:
    return [{"code": notice.code, "args": _plain(notice.args)} for notice in notices]


def _plain(value: Any) -> Any:
    """Numbers, text and lists as JSON has them, whatever numpy or a path made of them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return str(value)


if __name__ == "__main__":
    run()
