# SPDX-License-Identifier: GPL-3.0-or-later
"""One client: its requests in, its events out.

A request whose framing is sound but which is wrong in itself is answered with `failed` and
skipped; with broken framing the client is told (id null) and the connection is closed.
"""

import threading
from collections.abc import Mapping

from inference_core import __version__
from inference_core.protocol import wire
from inference_core.protocol.channel import Buffer, Channel, ChannelClosed
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import TERMINAL
from inference_core.protocol.version import PROTOCOL_VERSION

from . import admission
from .log_file import log
from .scheduler import Job, Scheduler


class Session:
    """A client that has proved the token."""

    def __init__(self, channel: Channel, scheduler: Scheduler) -> None:
        self._channel = channel
        self._scheduler = scheduler
        self._sending = threading.Lock()
        self._last_id = 0

    def run(self) -> None:
        """Serve the client until it leaves."""
        try:
            self._send({"id": None, "type": "ready", **_about()})
            while True:
                self._one_request()
        except wire.BadFraming as error:
            log.warning("a client broke the framing: %s", error)
            self._refuse(None, SpeakError("bad_request", reason=str(error)))
        except ChannelClosed:
            pass
        finally:
            self._scheduler.drop(self)
            self._channel.close()

    def emit(self, job: Job, header: Mapping[str, object], *buffers: Buffer) -> None:
        """See scheduler.Client."""
        with self._sending:
            if job.ended:
                return
            job.ended = header["type"] in TERMINAL
            try:
                self._channel.write(*(buffers or wire.encode({"id": job.id, **header})))
            except ChannelClosed:
                return  # the thread that reads sees it too, and drops the jobs

    def _one_request(self) -> None:
        head = wire.read_head(self._channel)
        request: int | None = None
        try:
            header = wire.parse_header(head.header)
            request = admission.request_id(header)
            layout = wire.blob_layout(header, head.body_size)
            admission.check(header, layout)
            self._check_id(header)
        except (wire.BadHeader, SpeakError) as error:
            wire.skip_body(self._channel, head.body_size)
            if isinstance(error, wire.BadHeader):
                error = SpeakError("bad_request", reason=str(error))
            log.warning("a request was refused: %s", error)
            self._refuse(request, error)
            return
        body = wire.read_body(self._channel, head.body_size)
        assert request is not None
        if header["type"] == "cancel":
            self._scheduler.cancel(self, request)
            return
        self._last_id = request
        if header["type"] == "ping":
            self._send({"id": request, "type": "pong", **_about()})
            return
        try:
            blobs = wire.split_body(layout, body)
            admission.check_content(header, [memoryview(blob.data) for blob in blobs])
        except SpeakError as error:
            self._refuse(request, error)
            return
        message = wire.rejoin(head, body)
        self._scheduler.submit(
            Job(request, str(header["type"]), header, [b"".join(message[:2]), message[2]], self)
        )

    def _check_id(self, header: Mapping[str, object]) -> None:
        # An id names one request for ever, so that a late event can never be taken for an answer
        # to another; counting up is the simplest way to keep to that.
        if header["type"] != "cancel" and int(str(header["id"])) <= self._last_id:
            raise SpeakError("bad_request", reason="an id was used again")

    def _refuse(self, request: int | None, error: SpeakError) -> None:
        args = error.arguments
        self._send({"id": request, "type": "failed", "code": error.code, "args": args})

    def _send(self, header: Mapping[str, object]) -> None:
        with self._sending:
            try:
                self._channel.write(*wire.encode(header))
            except ChannelClosed:
                return


def _about() -> dict[str, object]:
    return {"core": __version__, "protocol": PROTOCOL_VERSION}
