# SPDX-License-Identifier: GPL-3.0-or-later
"""The control process's end of a worker process.

The worker's stdin is the link: one end of a socket pair where the system has them, else stdin
and stdout are a pair of pipes. Its end of the link also tells the worker when the control process
is gone. What it prints goes to the log.
"""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence

from inference_core.protocol.channel import (
    Buffer,
    Channel,
    ChannelClosed,
    PipeChannel,
    SocketChannel,
)

from .log_file import drain, log

# Windows has no socket pairs that a child can inherit as its stdin.
SOCKET_PAIRS = os.name == "posix"


class WorkerLink:
    """One worker process from its start to its end."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start `command`. Raises OSError."""
        printed = drain("worker")
        try:
            self._process, self._channel = _spawn(command, printed)
        finally:
            os.close(printed)
        self._sending = threading.Lock()
        log.info("worker %d started", self._process.pid)

    def listen(
        self, on_messages: Callable[[Channel], None], on_exit: Callable[[str], None]
    ) -> None:
        """Let a thread run `on_messages` until the worker ends, then `on_exit` with the reason."""

        def run() -> None:
            try:
                on_messages(self._channel)
            except ChannelClosed:
                pass
            except Exception:
                log.exception("the worker's messages cannot be read")
            # A worker that closes its end without ending would never be replaced.
            self.kill()
            reason = _reason(self._process.wait())
            self._channel.close()
            log.info("worker %d ended: %s", self._process.pid, reason)
            on_exit(reason)

        threading.Thread(target=run, name="worker", daemon=True).start()

    def send(self, *buffers: Buffer) -> None:
        """Write to the worker; what cannot be written is lost with it."""
        with self._sending:
            try:
                self._channel.write(*buffers)
            except ChannelClosed:
                return  # its end is handled where its messages are read

    def kill(self) -> None:
        """End it now."""
        self._process.kill()


def _spawn(command: Sequence[str], printed: int) -> tuple[subprocess.Popen[bytes], Channel]:
    if not SOCKET_PAIRS:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            bufsize=0,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        # The channel owns the descriptors: let the Popen object not close them a second time.
        reading, writing = os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno())
        process.stdin.close()
        process.stdout.close()
        return process, PipeChannel(reading, writing)
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                list(command), stdin=theirs.fileno(), stdout=printed, stderr=printed
            )
        except OSError:
            ours.close()
            raise
    return process, SocketChannel(ours)


def _reason(code: int) -> str:
    if code < 0:
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
