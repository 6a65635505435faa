# SPDX-License-Identifier: GPL-3.0-or-later
"""A real core process under test: how to start it, ask it, and look at it from outside."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from struct import pack
from typing import Any

from inference_core.protocol import handshake, messages, wire
from inference_core.protocol.channel import ChannelClosed, SocketChannel
from inference_core.protocol.client import Connection, CoreProcess
from inference_core.protocol.controls import DEFAULTS
from inference_core.protocol.core_process import Announcement
from inference_core.protocol.messages import Event, Request

ROOT = Path(__file__).resolve().parents[2]
FPS = Fraction(25)
SECOND_OF_VOICE = b"\x01\x00" * 16000


@dataclass
class TestCore:
    """A core, the log that it writes and a first connection to it."""

    __test__ = False  # for pytest: no test

    core: CoreProcess
    folder: Path
    link: Connection
    links: list[Connection] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "core.log").read_text("utf-8")

    @property
    def where(self) -> Announcement:
        """Where it listens, once it does."""
        until(lambda: self.core._core._where is not None, 20)
        assert self.core._core._where is not None
        return self.core._core._where

    @property
    def token(self) -> bytes:
        """The token, as nobody but the parent knows it."""
        return self.core._core._token

    @property
    def workers(self) -> list[int]:
        """The numbers of the worker processes that run now."""
        return children(self.core.pid)

    def ask(self, request: Request, timeout: float = 20.0) -> Event:
        """The last event of a request. Raises the SpeakError of one that failed."""
        return self.events(self.link.send(request), timeout)[-1]

    def events(self, request: int, timeout: float = 20.0) -> list[Event]:
        """All events of a request."""
        return list(self.link.wait(request, timeout))

    def portrait(self, **told: Any) -> str:
        """The key of a portrait that tells the slow engine what to do."""
        event = self.ask(messages.prepare(json.dumps(told).encode()))
        return str(event.fields["portrait"])

    def voice(self) -> str:
        """The key of one second of voice."""
        return str(self.ask(messages.listen(SECOND_OF_VOICE, 16000)).fields["voice"])

    def another_client(self) -> Connection:
        """A further connection with the valid token."""
        self.links.append(self.core.connect())
        return self.links[-1]

    def raw(self) -> socket.socket:
        """A socket connected to where the core listens, before any handshake."""
        where = self.where
        return raw_socket(where)

    def proved(self) -> SocketChannel:
        """A channel past the handshake, in place of the first connection."""
        where = self.where
        self.link.close()
        for _ in range(100):
            channel = SocketChannel(raw_socket(where))
            handshake.offer(channel, self.token)
            header, _ = wire.read_message(channel)
            if header["type"] == "ready":
                return channel
            channel.close()
            time.sleep(0.02)
        raise AssertionError("the core stays busy")

    def reconnect(self) -> None:
        """A first connection again."""
        until(lambda: self._connects(), 5)

    def polled(self, into: list[Event]) -> list[Event]:
        """Add what has come since to a list."""
        into += self.link.poll()
        return into

    def _connects(self) -> bool:
        self.link.close()
        self.link = self.core.connect()
        try:
            self.ask(messages.ping())
        except Exception:
            return False
        return True

    def stop(self) -> None:
        """End everything."""
        for link in (self.link, *self.links):
            link.close()
        self.core.stop()


def started(
    folder: Path,
    transport: str = "auto",
    arguments: tuple[str, ...] = (),
    python: str = sys.executable,
    **options: Any,
) -> TestCore:
    """A core with the slow engine."""
    core = CoreProcess.start(
        python,
        root=ROOT,
        log=folder / "core.log",
        transport=transport,
        arguments=["--pack", str(folder), *arguments],
        **{"module": "tests.service.slow_core", **options},
    )
    return TestCore(core, folder, core.connect())


def raw_socket(where: Announcement) -> socket.socket:
    """A plain connection."""
    if where.transport == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(where.address)
    else:
        sock = socket.create_connection(("127.0.0.1", int(where.address)))
    sock.settimeout(10)
    return sock


def answer_to(sock: socket.socket, data: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    with sock:
        try:
            sock.sendall(data)
        except OSError:
            return b""  # closed before all of it was taken
        got = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := sock.recv(65536):
                got += piece
        return bytes(got)


def shot(portrait: str, voice: str | None, frames: int = 3, **more: Any) -> Request:
    """A request for some frames at the default controls."""
    track = pack(f"<{len(DEFAULTS)}f", *DEFAULTS) * frames
    return messages.generate(portrait, voice, FPS, track, 512, **more)


def refused(channel: SocketChannel) -> dict[str, Any]:
    """The `failed` message that comes next."""
    header, _ = wire.read_message(channel)
    assert header["type"] == "failed", header
    return header


def is_closed(channel: SocketChannel) -> bool:
    """Whether the other side closes without another byte."""
    try:
        channel.read(1)
    except ChannelClosed:
        return True
    return False


def until(holds: Callable[[], bool], seconds: float) -> float:
    """Wait until something holds; the seconds that it took. Fails when it never does."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.01)
    return time.monotonic() - began


def children(pid: int) -> list[int]:
    """Running child processes."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if is_running(child)]


def is_running(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
