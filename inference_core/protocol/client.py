# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller's side of the link: start a core, connect to it, send requests, poll events.

    core = CoreProcess.start(python, root=extension_folder, log=folder / "core.log")
    link = core.connect()                       # returns at once; `ready` comes as an event
    id = link.send(messages.prepare(data))
    for event in link.poll(): ...               # from a timer; never blocks
    link.close(); core.stop()

Nothing here touches Blender, and nothing blocks but `wait`, `stop` and starting the process.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .messages import Event, Request


class CoreProcess:
    """A core that this process started and that ends with it."""

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
        raise NotImplementedError

    def connect(self) -> "Connection":
        """A connection, at once: it waits for the core and proves the token on its own thread."""
        raise NotImplementedError

    def alive(self) -> bool:
        """Whether the process runs."""
        raise NotImplementedError

    def stop(self, timeout: float = 2.0) -> None:
        """End the core: close the lease, wait, kill what is left after `timeout` seconds."""
        raise NotImplementedError


class Connection:
    """One client's connection. Thread-safe.

    Events of the connection itself have id None: `ready` {core, protocol} once, and `closed`
    {code, args} once, after every request still open has ended with `failed` of that code.
    """

    state: str  # "connecting", "ready" or "closed"

    def send(self, request: Request) -> int:
        """Queue a request (also before `ready`) and return its id. Never blocks."""
        raise NotImplementedError

    def cancel(self, request_id: int) -> None:
        """Ask for a request to be stopped; its last event is `cancelled` within 200 ms."""
        raise NotImplementedError

    def poll(self, limit: int | None = None) -> list[Event]:
        """The events that have come since the last call, at most `limit`. Never blocks."""
        raise NotImplementedError

    def wait(self, request_id: int, timeout: float = 60.0) -> Iterator[Event]:
        """Events of one request up to its last; for scripts. Raises SpeakError or TimeoutError."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave; the core cancels what this client asked for and waits for the next client."""
        raise NotImplementedError
