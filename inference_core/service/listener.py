# SPDX-License-Identifier: GPL-3.0-or-later
"""The Unix socket or loopback port, and who gets past the handshake.

A Unix socket lies in a fresh folder that only its owner can enter. TCP is bound to 127.0.0.1 on
a port that the system picks; there is no option for another address.
"""

import contextlib
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

from inference_core.protocol import handshake, wire
from inference_core.protocol.channel import Channel, ChannelClosed, SocketChannel
from inference_core.protocol.rendezvous import runs

from .log_file import log
from .scheduler import Scheduler
from .session import Session

TRANSPORTS = ("auto", "unix", "tcp", "stdio")
MAX_PATH = 100  # bytes; the kernels' limits for a socket's path are 104 to 108
MAX_KNOCKING = 64  # connections that have not shown the token yet
_PREFIX = "speak-"


class Door:
    """Lets in one client at a time who can prove the token."""

    def __init__(self, token: bytes, scheduler: Scheduler) -> None:
        self._token = token
        self._scheduler = scheduler
        self._one = threading.Lock()
        self._knocking = threading.BoundedSemaphore(MAX_KNOCKING)

    def answer(self, channel: Channel) -> None:
        """Shake hands and serve; returns when the client has left."""
        channel.expire(handshake.DEADLINE)
        try:
            handshake.accept(channel, self._token)
        except handshake.Refused as error:
            log.warning("a connection was refused: %s", error)
            channel.close()
            return
        if not self._one.acquire(blocking=False):
            log.warning("a second client was refused")
            busy: dict[str, object] = {"id": None, "type": "failed", "code": "busy", "args": {}}
            with contextlib.suppress(ChannelClosed):
                channel.write(*wire.encode(busy))
            channel.close()
            return
        try:
            channel.expire(None)
            log.info("a client is connected")
            Session(channel, self._scheduler).run()
            log.info("the client has left")
        finally:
            self._one.release()

    def serve(self, listening: socket.socket) -> None:
        """Accept connections for ever, each on a thread of its own."""

        def knock(sock: socket.socket) -> None:
            try:
                self.answer(SocketChannel(sock))
            except OSError as error:  # gone before it could be set up
                log.info("a connection was lost: %s", error)
                sock.close()
            finally:
                self._knocking.release()

        def run() -> None:
            while True:
                try:
                    sock, _ = listening.accept()
                except OSError:
                    return
                if not self._knocking.acquire(blocking=False):
                    log.warning("a connection was refused: too many at once")
                    sock.close()
                    continue
                threading.Thread(target=knock, args=(sock,), name="client", daemon=True).start()

        threading.Thread(target=run, name="listener", daemon=True).start()


class Address:
    """Where the core listens; `close` takes the folder away."""

    def __init__(self, transport: str, text: str, sock: socket.socket | None, folder: str) -> None:
        self.transport = transport
        self.text = text
        self.sock = sock
        self._folder = folder

    def close(self) -> None:
        """Remove the socket's folder."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def open_address(transport: str) -> Address:
    """Listen as asked for; "auto" takes the first of Unix, TCP and nothing (stdio) that works.

    Raises OSError when the one transport that was asked for is not to be had.
    """
    if transport in ("auto", "unix"):
        try:
            return _unix()
        except OSError as error:
            if transport == "unix":
                raise
            log.warning("no Unix socket: %s", error)
    if transport in ("auto", "tcp"):
        try:
            return _tcp()
        except OSError as error:
            if transport == "tcp":
                raise
            log.warning("no loopback port: %s", error)
    return Address("stdio", "", None, "")


def _unix() -> Address:
    if not hasattr(socket, "AF_UNIX") or os.name != "posix":
        raise OSError("this system has no Unix sockets in Python")
    _sweep()
    for base in _bases():
        try:
            # mkdtemp makes the folder with mode 0700.
            folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base)
        except OSError:
            continue
        path = os.path.join(folder, "core")
        try:
            if len(os.fsencode(path)) > MAX_PATH:
                raise OSError("the path is too long for a socket")
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(path)
            sock.listen(MAX_KNOCKING)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return Address("unix", path, sock, folder)
    raise OSError("no folder can hold a socket")


def _bases() -> list[str]:
    # The path of a socket is limited to about 100 bytes, which a temporary folder of macOS or a
    # long TMPDIR can use up; /tmp never does.
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return [folder for folder in (runtime, tempfile.gettempdir(), "/tmp") if folder]  # noqa: S108


def _sweep() -> None:
    """Take away the folders of cores that were killed before they could do it themselves."""
    for base in _bases():
        for folder in Path(base).glob(f"{_PREFIX}*-*"):
            pid = folder.name.removeprefix(_PREFIX).split("-")[0]
            try:
                if pid.isdigit() and folder.lstat().st_uid == os.getuid() and not runs(int(pid)):
                    (folder / "core").unlink(missing_ok=True)
                    folder.rmdir()
            except OSError:
                continue


def _tcp() -> Address:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Windows would let another program take over a port that is in use.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        sock.bind(("127.0.0.1", 0))
        sock.listen(MAX_KNOCKING)
    except OSError:
        sock.close()
        raise
    return Address("tcp", str(sock.getsockname()[1]), sock, "")
