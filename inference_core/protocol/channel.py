# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets and pipes as one kind of byte stream.

A channel gives exactly as many bytes as asked for and takes buffers without copying them.
One thread may read while another writes; two writers need a lock of their own.
"""

import contextlib
import io
import socket
import time
from typing import Protocol

Buffer = bytes | bytearray | memoryview


class ChannelClosed(Exception):  # noqa: N818 - it says what happened, and is no error of ours
    """The other side is gone, or the deadline has passed."""


class Channel(Protocol):
    """What the link needs of a byte stream."""

    def read(self, size: int) -> bytes | bytearray:
        """Exactly `size` bytes. Raises ChannelClosed."""

    def write(self, *buffers: Buffer) -> None:
        """All bytes of all buffers, in order. Raises ChannelClosed."""

    def expire(self, seconds: float | None) -> None:
        """Close by itself that many seconds from now unless called again; None: never."""

    def close(self) -> None:
        """Close it; a thread that waits in `read` or `write` gets ChannelClosed."""


class SocketChannel:
    """A connected stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._deadline: float | None = None
        sock.settimeout(None)
        if sock.family == socket.AF_INET:
            # Progress and cancel are small messages that must not wait for a full segment.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, 1 << 20)

    def read(self, size: int) -> bytes | bytearray:
        """Exactly `size` bytes, received straight into the object that is returned."""
        try:
            first = self._receive(size)
            if len(first) == size:
                return first
            if not first:
                raise ChannelClosed
            whole = bytearray(size)
            whole[: len(first)] = first
            view, at = memoryview(whole), len(first)
            while at < size:
                self._apply_deadline()
                count = self._sock.recv_into(view[at:])
                if not count:
                    raise ChannelClosed
                at += count
            return whole
        except OSError as error:
            raise ChannelClosed from error

    def _receive(self, size: int) -> bytes:
        if self._deadline is not None:
            self._apply_deadline()
            return self._sock.recv(size)
        # Unlike a bytearray made first, this memory is not set to zero before it is filled, and
        # one call takes all.
        return self._sock.recv(size, socket.MSG_WAITALL)

    def write(self, *buffers: Buffer) -> None:
        """All bytes of all buffers, gathered by the system where it can."""
        views = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        try:
            self._apply_deadline()
            if not hasattr(self._sock, "sendmsg"):  # Windows
                for view in views:
                    self._sock.sendall(view)
                return
            while views:
                sent = self._sock.sendmsg(views)
                while views and sent >= views[0].nbytes:
                    sent -= views.pop(0).nbytes
                if views and sent:
                    views[0] = views[0][sent:]
        except OSError as error:
            raise ChannelClosed from error

    def expire(self, seconds: float | None) -> None:
        """See Channel."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        if seconds is None:
            with contextlib.suppress(OSError):
                self._sock.settimeout(None)

    def _apply_deadline(self) -> None:
        if self._deadline is None:
            return
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ChannelClosed
        self._sock.settimeout(left)

    def close(self) -> None:
        """See Channel."""
        # Closing alone would leave a thread waiting in recv for ever.
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._sock.close()


class PipeChannel:
    """A pair of pipes, such as a child's stdin and stdout. It owns both descriptors."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reader = io.FileIO(reading, "rb")
        self._writer = io.FileIO(writing, "wb")
        for descriptor in (reading, writing):
            _enlarge(descriptor)

    def read(self, size: int) -> bytes | bytearray:
        """Exactly `size` bytes."""
        whole = bytearray(size)
        view, at = memoryview(whole), 0
        try:
            while at < size:
                count = self._reader.readinto(view[at:])
                if not count:
                    raise ChannelClosed
                at += count
        except (OSError, ValueError) as error:
            raise ChannelClosed from error
        return whole

    def write(self, *buffers: Buffer) -> None:
        """All bytes of all buffers."""
        try:
            for buffer in buffers:
                view = memoryview(buffer).cast("B") if len(buffer) else memoryview(b"")
                while view:
                    view = view[self._writer.write(view) :]
        except (OSError, ValueError) as error:
            raise ChannelClosed from error

    def expire(self, seconds: float | None) -> None:
        """Nothing: a pipe has one owner at each end, who leaves by closing it."""

    def close(self) -> None:
        """Close the writing end; the other side then closes what this side reads.

        The reading end stays until its reader has seen the end: closing a descriptor under a
        thread that waits on it does not wake that thread.
        """
        with contextlib.suppress(OSError):
            self._writer.close()

    def release(self) -> None:
        """Close the reading end too, when the process at the other end has ended."""
        with contextlib.suppress(OSError):
            self._reader.close()


def _enlarge(descriptor: int) -> None:
    """A megabyte of room in a pipe, where the system lets us: fewer wake-ups per frame."""
    try:
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1 << 20)  # type: ignore[attr-defined, unused-ignore]
    except (ImportError, AttributeError, OSError):
        return


def connect(transport: str, address: str, timeout: float) -> SocketChannel:
    """A connection to a listener of this machine. Raises OSError.

    transport: "unix" with a path or "tcp" with a port on 127.0.0.1.
    """
    if transport == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target: str | tuple[str, int] = address
    else:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        target = ("127.0.0.1", int(address))
    try:
        sock.settimeout(timeout)
        sock.connect(target)
    except BaseException:
        sock.close()
        raise
    return SocketChannel(sock)
