# SPDX-License-Identifier: GPL-3.0-or-later
"""A core that runs already: connected to and left, but neither started nor ended from here."""

from .channel import Channel, ChannelClosed, connect
from .client import Connection
from .core_process import CONNECT_SECONDS
from .errors import SpeakError
from .handshake import offer
from .rendezvous import Record
from .version import PROTOCOL_VERSION


class RunningCore:
    """The same side of the link as `client.CoreProcess`."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @property
    def pid(self) -> int:
        """The number of its control process."""
        return self._record.pid

    def connect(self) -> Connection:
        """A connection, at once: it proves the token on its own thread.

        It closes with core_gone, core_refused (not who it says it is), version_mismatch or busy.
        """
        return Connection(self._open, "core_gone", name=self._record.name)

    def stop(self, timeout: float = 0.0) -> None:
        """Nothing: it goes on for whoever comes next."""

    def _open(self) -> Channel:
        record = self._record
        if record.protocol != PROTOCOL_VERSION:
            raise SpeakError("version_mismatch", ours=PROTOCOL_VERSION, theirs=record.protocol)
        try:
            channel = connect(record.transport, record.address, CONNECT_SECONDS)
        except (OSError, ValueError):
            raise SpeakError("core_gone", name=record.name) from None
        try:
            channel.expire(CONNECT_SECONDS)
            offer(channel, bytes.fromhex(record.token))
            channel.expire(None)
        except ChannelClosed:
            channel.close()
            raise SpeakError("core_refused") from None
        except BaseException:
            channel.close()
            raise
        return channel
