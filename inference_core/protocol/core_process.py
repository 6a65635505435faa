# SPDX-License-Identifier: GPL-3.0-or-later
"""A core as a child process: its environment, its token, its lease."""

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import handshake
from .channel import Channel, ChannelClosed, PipeChannel, connect
from .errors import SpeakError
from .version import PROTOCOL_VERSION

START_SECONDS = 30.0  # a cold disk and a virus scanner are slow
CONNECT_SECONDS = 5.0
MAX_LOG = 2 << 20
_LINE = 4096
_PAUSES = (0.1, 0.3, 0.6)  # seconds after a connection that failed

# Variables that would make Blender's Python, or another one, load something else.
_DROPPED = ("PYTHON", "VIRTUAL_ENV", "CONDA", "__PYVENV_LAUNCHER__", "PSMODULEPATH")


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where a core says it listens."""

    transport: str
    address: str
    protocol: int


def environment(root: Path, paths: Sequence[Path] = ()) -> dict[str, str]:
    """The environment of a core: this one without what would lead its Python astray."""
    env = {k: v for k, v in os.environ.items() if not k.upper().startswith(_DROPPED)}
    env["PYTHONPATH"] = os.pathsep.join(str(folder) for folder in (root, *paths))
    env["PYTHONSAFEPATH"] = "1"  # the working folder is not a place to import from
    env["PYTHONNOUSERSITE"] = "1"
    env["PYTHONUTF8"] = "1"  # user names and locales that are not ASCII
    return env


class Core:
    """The process, its pipes, and the way to a proved channel."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path | None) -> None:
        """Start it and give it its token. Raises SpeakError core_start_failed."""
        self._token = handshake.make_token()
        self._log = log
        self._asking = threading.Lock()
        self._where: Announcement | None = None
        self._reached = False  # a socket has worked once
        self._pipes_taken = False
        with _printed_to(log) as printed:
            try:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=printed,
                    bufsize=0,
                    env=dict(env),
                    cwd=None if log is None else log.parent,
                    start_new_session=os.name == "posix",  # Ctrl-C is for this process only
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise SpeakError("core_start_failed", reason=reason) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # The channel owns descriptors of its own, so that closing it ends the lease for good.
        self._pipes = PipeChannel(
            os.dup(self._process.stdout.fileno()), os.dup(self._process.stdin.fileno())
        )
        self._process.stdin.close()
        self._process.stdout.close()
        with contextlib.suppress(ChannelClosed):  # a core that is gone is noticed in `announced`
            self._pipes.write(self._token)

    @property
    def pid(self) -> int:
        """The control process's number."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def open(self) -> Channel:
        """Wait for the core, connect, and prove the token both ways. Raises SpeakError."""
        with self._asking:
            if self._where is None:
                self._where = self._announced()
        return self._channel(self._where)

    def _announced(self) -> Announcement:
        # The pipe cannot be read with a time limit on every system, but the process can be ended.
        late = threading.Timer(START_SECONDS, self._process.kill)
        late.daemon = True
        late.start()
        try:
            line = bytearray()
            while not line.endswith(b"\n") and len(line) < _LINE:
                line += self._pipes.read(1)
            said = json.loads(line)
            return Announcement(str(said["transport"]), str(said["address"]), int(said["protocol"]))
        except ChannelClosed:
            raise SpeakError("core_start_failed", reason=self._why()) from None
        except (ValueError, KeyError, TypeError):
            raise SpeakError("core_start_failed", reason="it does not say where it is") from None
        finally:
            late.cancel()

    def _channel(self, where: Announcement) -> Channel:
        if where.protocol != PROTOCOL_VERSION:
            raise SpeakError("version_mismatch", ours=PROTOCOL_VERSION, theirs=where.protocol)
        if where.transport in ("unix", "tcp"):
            for pause in _PAUSES:
                try:
                    channel = self._prove(connect(where.transport, where.address, CONNECT_SECONDS))
                    self._reached = True
                    return channel
                except (OSError, ChannelClosed):
                    if not self.alive():
                        raise SpeakError("core_lost") from None
                    time.sleep(pause)  # all places may be taken by others who only knock
        return self._over_pipes()

    def _over_pipes(self) -> Channel:
        # Where no socket can be had: an antivirus program, a firewall. The pipes are the lease,
        # so leaving them ends the core; never for a connection that a second try may get.
        with self._asking:
            if self._reached:
                raise SpeakError("core_lost")
            if self._pipes_taken:
                raise SpeakError("busy")
            self._pipes_taken = True
        try:
            return self._prove(self._pipes)
        except ChannelClosed:
            raise SpeakError("core_lost") from None

    def _prove(self, channel: Channel) -> Channel:
        try:
            channel.expire(CONNECT_SECONDS)
            handshake.offer(channel, self._token)
            channel.expire(None)
        except BaseException:
            if channel is not self._pipes:
                channel.close()
            raise
        return channel

    def stop(self, timeout: float) -> None:
        """End it: close the lease, wait, kill what is left."""
        self._pipes.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipes.release()

    def _why(self) -> str:
        """The last line of the log, where Python says what it missed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        if self._log is not None:
            with contextlib.suppress(OSError):
                lines = self._log.read_text("utf-8", "replace").rstrip().splitlines()
                if lines and "Error" in lines[-1]:
                    return lines[-1][:200]
        return f"exit code {self._process.poll()}"


@contextlib.contextmanager
def _printed_to(log: Path | None) -> Iterator[BinaryIO | int]:
    """Where a core prints until it has opened its log: the same file, never a pipe."""
    if log is None:
        yield subprocess.DEVNULL
        return
    try:
        too_long = log.stat().st_size > MAX_LOG
    except OSError:
        too_long = False
    if too_long:
        with contextlib.suppress(OSError):
            log.replace(log.with_name(log.name + ".1"))
    try:
        file = log.open("ab")
    except OSError:
        yield subprocess.DEVNULL
        return
    with file:
        yield file
