# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller's side of the link: start a core, connect to it, send requests, poll events.

    core = CoreProcess.start(python, root=extension_folder, log=folder / "core.log")
    link = core.connect()                       # returns at once; `ready` comes as an event
    id = link.send(messages.prepare(data))
    for event in link.poll(): ...               # from a timer; never blocks
    link.close(); core.stop()

Nothing here touches Blender, and nothing blocks but `wait`, `stop` and starting the process.
"""

import contextlib
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from . import wire
from .channel import Channel, ChannelClosed
from .core_process import Core, environment
from .errors import SpeakError
from .messages import TERMINAL, Event, Request, received_error

# Finished frames that nobody has polled yet. When they are more, the core waits.
MAX_WAITING_BYTES = 64 << 20

# Ids are never used again, on whichever connection.
_ids = itertools.count(1)


class CoreProcess:
    """A core that this process started and that ends with it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @classmethod
    def start(
        cls,
        python: str | Path,
        *,
        root: Path,
        paths: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        transport: str = "auto",
        arguments: Sequence[str] = (),
        module: str = "inference_core",
    ) -> "CoreProcess":
        """Start `python -m inference_core serve`; returns as soon as the process exists.

        root: the folder that holds `inference_core`. paths: further folders with Python packages
        (the extension's wheels). env: the environment instead of a scrubbed copy of this one.
        log: the file for everything the core prints; its folder exists. transport: auto, unix,
        tcp or stdio. arguments: options of `serve`, such as ["--pack", folder].
        Raises SpeakError core_start_failed.
        """
        command = [str(python), "-m", module, "serve", "--transport", transport]
        if log is not None:
            command += ["--log", str(log)]
        whole = environment(root, paths) if env is None else env
        return cls(Core([*command, *arguments], whole, log))

    @property
    def pid(self) -> int:
        """The number of the core's control process."""
        return self._core.pid

    def connect(self) -> "Connection":
        """A connection, at once: it waits for the core and proves the token on its own thread."""
        return Connection(self._core.open)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._core.alive()

    def stop(self, timeout: float = 2.0) -> None:
        """End the core: close the lease, wait, kill what is left after `timeout` seconds."""
        self._core.stop(timeout)


class Connection:
    """One client's connection. Thread-safe.

    Events of the connection itself have id None: `ready` {core, protocol} once, and `closed`
    {code, args} once, after every request still open has ended with `failed` of that code.
    """

    def __init__(self, open_channel: Callable[[], Channel], lost: str = "core_lost", **args: str):
        """`open_channel` waits for the other side and proves the token; it raises SpeakError.

        lost: the code, with its arguments, of a connection that ends by itself.
        """
        self._lost = SpeakError(lost, **args)
        self.state = "connecting"  # then "ready", then "closed"
        self._open_channel = open_channel
        self._channel: Channel | None = None
        self._change = threading.Condition()
        self._events: deque[Event] = deque()
        self._waiting_bytes = 0
        self._open: set[int] = set()
        self._reason = self._lost  # why it is closed
        self._outgoing: queue.SimpleQueue[tuple[int, Request] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="speak reader", daemon=True).start()

    def send(self, request: Request) -> int:
        """Queue a request (also before `ready`) and return its id. Never blocks."""
        with self._change:
            request_id = next(_ids)
            if self.state == "closed":
                self._add(_failed(request_id, self._reason))
            else:
                self._open.add(request_id)
                # Inside the lock, so that ids go out in the order in which they were given.
                self._outgoing.put((request_id, request))
        return request_id

    def cancel(self, request_id: int) -> None:
        """Ask for a request to be stopped; its last event is `cancelled` within 200 ms."""
        with self._change:
            if request_id in self._open:
                self._outgoing.put((request_id, Request("cancel")))

    def poll(self, limit: int | None = None) -> list[Event]:
        """The events that have come since the last call, at most `limit`. Never blocks."""
        with self._change:
            count = len(self._events) if limit is None else min(limit, len(self._events))
            events = [self._events.popleft() for _ in range(count)]
            self._released(events)
        return events

    def wait(self, request_id: int, timeout: float = 60.0) -> Iterator[Event]:
        """Events of one request up to its last; for scripts.

        Events of other requests stay for `poll`. Raises the SpeakError of a request that failed,
        and TimeoutError when nothing at all has come for `timeout` seconds.
        """
        while True:
            event = self._next(request_id, timeout)
            error = event.error
            if error is not None:
                raise error
            yield event
            if event.terminal:
                return

    def close(self) -> None:
        """Leave; the core cancels what this client asked for and waits for the next client."""
        with self._change:
            channel, self.state = self._channel, "closed"
            self._change.notify_all()
        self._outgoing.put(None)
        if channel is not None:
            channel.close()

    def _next(self, request_id: int, timeout: float) -> Event:
        until = time.monotonic() + timeout
        with self._change:
            while True:
                for event in self._events:
                    if event.id == request_id:
                        self._events.remove(event)
                        self._released([event])
                        return event
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"nothing came for request {request_id}")
                self._change.wait(left)

    def _released(self, events: Sequence[Event]) -> None:
        self._waiting_bytes -= sum(_size(event) for event in events)
        self._change.notify_all()

    def _run(self) -> None:
        error = self._lost
        try:
            channel = self._open_channel()
            with self._change:
                if self.state == "closed":
                    channel.close()
                    raise ChannelClosed
                self._channel = channel
            self._read(channel)
        except SpeakError as known:
            error = known
        except ChannelClosed:
            pass
        except (wire.BadFraming, wire.BadHeader) as broken:
            error = SpeakError("bad_request", reason=str(broken))
        finally:
            self._closed(error)

    def _read(self, channel: Channel) -> None:
        while True:
            header, blobs = wire.read_message(channel)
            request_id, kind = header.pop("id", None), str(header.pop("type", ""))
            header.pop("blobs", None)
            event = Event(request_id if isinstance(request_id, int) else None, kind, header, blobs)
            if event.id is None and kind == "failed":
                raise received_error(header.get("code"), header.get("args"))
            with self._change:
                if event.id is None and kind == "ready" and self.state == "connecting":
                    self.state = "ready"
                    threading.Thread(
                        target=self._write, args=(channel,), name="speak writer", daemon=True
                    ).start()
                self._add(event)
                self._change.wait_for(
                    lambda: self._waiting_bytes <= MAX_WAITING_BYTES or self.state == "closed"
                )

    def _write(self, channel: Channel) -> None:
        with contextlib.suppress(ChannelClosed):
            while (item := self._outgoing.get()) is not None:
                request_id, request = item
                header = {"id": request_id, "type": request.type, **request.fields}
                try:
                    message = wire.encode(header, request.blobs)
                except ValueError as error:
                    failed = _failed(request_id, SpeakError("bad_request", reason=str(error)))
                    with self._change:
                        self._add(failed)
                    continue
                channel.write(*message)

    def _add(self, event: Event) -> None:
        # Called with the lock held.
        if event.id is not None and event.type in TERMINAL:
            self._open.discard(event.id)
        self._events.append(event)
        self._waiting_bytes += _size(event)
        self._change.notify_all()

    def _closed(self, error: SpeakError) -> None:
        self._outgoing.put(None)
        if self._channel is not None:
            self._channel.close()
        with self._change:
            self.state, self._reason = "closed", error
            for request_id in sorted(self._open):
                self._add(_failed(request_id, error))
            self._add(Event(None, "closed", {"code": error.code, "args": error.arguments}))


def _failed(request_id: int, error: SpeakError) -> Event:
    return Event(request_id, "failed", {"code": error.code, "args": error.arguments})


def _size(event: Event) -> int:
    return sum(blob.nbytes for blob in event.blobs)
