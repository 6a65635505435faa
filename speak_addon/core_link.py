# SPDX-License-Identifier: GPL-3.0-or-later
"""The core process of this Blender: started, spoken to, ended. Its messages become our events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from ..inference_core.protocol import messages
from ..inference_core.protocol.client import Connection, CoreProcess
from ..inference_core.protocol.errors import SpeakError
from ..inference_core.protocol.rendezvous import Record
from ..inference_core.protocol.running import RunningCore
from . import events as on
from .state import CoreFacts, Note

# What counts as a core that stops, as against one that refuses its pack or its add-on.
STOPPED = frozenset({"core_lost", "core_crashed", "core_start_failed"})


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """How to start the core; running: one that runs already and is used instead."""

    python: Path
    root: Path
    paths: tuple[Path, ...]
    log: Path
    arguments: tuple[str, ...] = ()
    # For `serve` alone; the others are for every command of the core.
    serving: tuple[str, ...] = ()
    module: str = "inference_core"
    running: Record | None = None


def note(error: SpeakError) -> Note:
    """An error as the state keeps it."""
    return Note(error.code, error.arguments)


class CoreLink:
    """At most one core and one connection to it. Never blocks but for starting and stopping.

    A core that ran before it was connected to is left, not ended, by `stop`.
    """

    def __init__(self) -> None:
        self._core: CoreProcess | RunningCore | None = None
        self._link: Connection | None = None
        self._describing: int | None = None

    @property
    def pid(self) -> int | None:
        """The number of the core's process, or None when there is none."""
        return None if self._core is None else self._core.pid

    def start(self, settings: CoreSettings) -> None:
        """Start the core; `poll` then brings CoreReady or CoreLost. Raises SpeakError."""
        self.stop()
        if settings.running is not None:
            self._core = RunningCore(settings.running)
        else:
            self._core = CoreProcess.start(
                settings.python,
                root=settings.root,
                paths=settings.paths,
                log=settings.log,
                arguments=(*settings.arguments, *settings.serving),
                module=settings.module,
            )
        self._link = self._core.connect()
        self._describing = self._link.send(messages.describe())

    def send(self, request: messages.Request) -> int:
        """Send a request; its id. Raises SpeakError(core_lost) when there is no core."""
        if self._link is None:
            raise SpeakError("core_lost")
        return self._link.send(request)

    def cancel(self, request: int) -> None:
        """Ask the core to stop a request."""
        if self._link is not None:
            self._link.cancel(request)

    def poll(self, limit: int) -> list[on.Event]:
        """What has come from the core, in order; empty only when there is nothing left.

        Not all that comes is of interest here, and what is not may stand before what is.
        """
        found: list[on.Event] = []
        while not found and self._link is not None and (events := self._link.poll(limit)):
            for event in events:
                found += self._translate(event)
        return found

    def stop(self) -> None:
        """End the core, however busy it is."""
        link, core = self._link, self._core
        self._link = self._core = self._describing = None
        if link is not None:
            link.close()
        if core is not None:
            core.stop(timeout=1.0)

    def _translate(self, event: messages.Event) -> Sequence[on.Event]:
        if event.id is None:
            if event.type != "closed":
                return ()
            error = messages.received_error(event.fields.get("code"), event.fields.get("args"))
            return (on.CoreLost(note(error), monotonic(), error.code in STOPPED),)
        if event.id == self._describing:
            return self._about_core(event)
        translate = TRANSLATORS.get(event.type)
        return () if translate is None else translate(event)

    def _about_core(self, event: messages.Event) -> Sequence[on.Event]:
        if event.error is not None:
            # `closed` may follow and say the same; by then the link has been dropped.
            error = note(event.error)
            if error.code == "core_crashed":
                # It has not done anything yet: it could not start.
                error = Note("core_start_failed", error.args)
            return (on.CoreLost(error, monotonic(), error.code in STOPPED),)
        if event.type != "described":
            return ()
        return (on.CoreReady(core_facts(event.fields)),)


def core_facts(fields: Mapping[str, Any]) -> CoreFacts:
    """What `described` says."""
    return CoreFacts(
        pack=str(fields.get("pack", "")),
        pack_version=str(fields.get("version", "")),
        pack_sha256=str(fields.get("sha256", "")),
        sizes=tuple(int(size) for size in fields.get("sizes", ())),
        has_voice=bool(fields.get("has_voice", False)),
        providers=tuple(str(name) for name in fields.get("providers", ())),
    )


def _notices(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    listed = event.fields.get("notices", ())
    assert isinstance(listed, Sequence)
    errors = [messages.received_error(n.get("code"), n.get("args")) for n in listed]
    return [on.Noticed(event.id, note(error)) for error in errors]


def _prepared(event: messages.Event) -> list[on.Event]:
    own = bytes(event.blobs[0].data)
    assert event.id is not None
    return [*_notices(event), on.Prepared(event.id, str(event.fields["portrait"]), own)]


def _heard(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    return [*_notices(event), on.Heard(event.id, str(event.fields["voice"]))]


def _frame(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    index, key = event.fields["index"], str(event.fields["key"])
    assert isinstance(index, int)
    png, measured = (bytes(blob.data) for blob in event.blobs)
    return [on.FrameMade(event.id, index, key, png, measured, monotonic())]


def _previewed(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    height, width, channels = event.blobs[0].shape
    return [on.Previewed(event.id, (height, width, channels), bytes(event.blobs[0].data))]


def _progress(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    left = event.fields.get("seconds_left")
    known = float(left) if isinstance(left, int | float) else None
    return [on.Progressed(event.id, known)]


def _notice(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    error = messages.received_error(event.fields.get("code"), event.fields.get("args"))
    return [on.Noticed(event.id, note(error))]


def _failed(event: messages.Event) -> list[on.Event]:
    assert event.id is not None
    error = event.error
    assert error is not None
    return [on.RequestFailed(event.id, note(error), monotonic())]


def _simple(make: Callable[[int, messages.Event], on.Event]) -> Any:
    def translate(event: messages.Event) -> list[on.Event]:
        assert event.id is not None
        return [make(event.id, event)]

    return translate


TRANSLATORS: dict[str, Callable[[messages.Event], Sequence[on.Event]]] = {
    "prepared": _prepared,
    "heard": _heard,
    "proposed": _simple(
        lambda id_, event: on.Proposed(id_, *(bytes(blob.data) for blob in event.blobs))
    ),
    "keyed": _simple(lambda id_, event: on.Keyed(id_, tuple(messages.frame_keys(event)))),
    "frame": _frame,
    "previewed": _previewed,
    "progress": _progress,
    "notice": _notice,
    "done": _simple(lambda id_, event: on.AllMade(id_, monotonic())),
    "cancelled": _simple(lambda id_, event: on.RequestCancelled(id_, monotonic())),
    "failed": _failed,
}
