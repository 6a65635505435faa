# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue, the job that runs, cancelling, and the worker's life.

The worker does one job at a time and gets the next one only when the last has ended. A cancelled
job is over for its client at once; the worker is asked to stop it and killed when it has not
after `grace` seconds. A worker that dies takes only its job along: the next job starts a new one,
which is first given the portrait and the voice that the job needs.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inference_core.protocol import wire
from inference_core.protocol.channel import Buffer, Channel
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import MAX_QUEUE, TERMINAL

from .inputs import Input, Inputs
from .log_file import log
from .worker_link import WorkerLink

GRACE = 2.0  # seconds; a batch of frames on a slow machine, far less than loading the pack again
IDLE = 900.0  # seconds without a job after which the worker's memory is given back
MAX_QUEUED_BYTES = 512 << 20
REPLAY = 0  # the id of what the control process itself asks of the worker


class Client(Protocol):
    """Where a job's events go."""

    def emit(self, job: "Job", header: Mapping[str, object], *buffers: Buffer) -> None:
        """Write an event unless the job has ended; `buffers` is the whole message, if made."""


@dataclass(eq=False, slots=True)
class Job:
    """A request on its way; `message` are the bytes that the worker gets."""

    id: int
    kind: str
    header: Mapping[str, object]
    message: Sequence[Buffer] = field(repr=False)
    client: Client = field(repr=False)
    ended: bool = False  # for the client; guarded by the client's sending
    stop_at: float | None = None  # when the worker is killed over it
    stop_sent: bool = False
    begun: bool = False  # the worker has taken it up
    given_again: bool = False

    @property
    def size(self) -> int:
        """Bytes of the message."""
        return sum(len(piece) for piece in self.message)

    def fail(self, error: SpeakError) -> None:
        """Tell the client, unless it has ended."""
        fields = {"type": "failed", "code": error.code, "args": error.arguments}
        self.client.emit(self, fields)


class Scheduler:
    """Jobs in, their events to the client; one worker at most."""

    def __init__(self, command: Sequence[str], idle: float = IDLE, grace: float = GRACE) -> None:
        """`command` starts a worker; `idle` and `grace` are in seconds."""
        self._command = command
        self._idle = idle
        self._grace = grace
        self._change = threading.Condition()
        self._queue: deque[Job] = deque()
        self._current: Job | None = None
        self._worker: WorkerLink | None = None
        self._inputs = Inputs()
        self._held: set[str] = set()  # keys that the present worker has
        self._replayed: set[str] = set()  # keys that it is being given again
        self._forgotten: list[str] = []
        self._over = False

    def start(self) -> None:
        """Start the worker, so that it loads its libraries while the client connects."""
        # The thread that starts workers must live as long as they: see worker.die_with_parent.
        threading.Thread(target=self._dispatch_all, name="dispatcher", daemon=True).start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def submit(self, job: Job) -> None:
        """Queue a job; its first event is `accepted` or `failed`."""
        with self._change:
            waiting = sum(other.size for other in self._queue)
            full = len(self._queue) >= MAX_QUEUE or (
                bool(self._queue) and waiting + job.size > MAX_QUEUED_BYTES
            )
        if full:
            job.fail(SpeakError("queue_full", limit=MAX_QUEUE))
            return
        job.client.emit(job, {"type": "accepted"})
        with self._change:
            self._queue.append(job)
            self._change.notify_all()

    def cancel(self, client: Client, request_id: int) -> None:
        """Stop a job of a client; its last event is `cancelled`, unless it has ended."""
        for job in self._take(client, request_id):
            job.client.emit(job, {"type": "cancelled"})

    def drop(self, client: Client) -> None:
        """Stop all jobs of a client that has left."""
        self._take(client, None)

    def stop(self) -> None:
        """End the worker and start no other."""
        with self._change:
            self._over = True
            worker = self._worker
        if worker is not None:
            worker.kill()

    def _take(self, client: Client, request_id: int | None) -> list[Job]:
        def meant(job: Job) -> bool:
            return job.client is client and request_id in (None, job.id)

        with self._change:
            taken = [job for job in self._queue if meant(job)]
            self._queue = deque(job for job in self._queue if not meant(job))
            current = self._current
            if current is not None and meant(current) and current.stop_at is None:
                current.stop_at = time.monotonic() + self._grace
                taken.append(current)
                self._change.notify_all()
            return taken

    def _dispatch_all(self) -> None:
        self._ready_worker()
        while True:
            with self._change:
                while not self._queue:
                    if not self._change.wait(self._idle) and not self._queue:
                        self._retire()
                job = self._current = self._queue.popleft()
            try:
                self._dispatch(job)
            except Exception as error:
                log.exception("a job could not be given to the worker")
                job.fail(SpeakError("core_start_failed", reason=type(error).__name__))
                self._end(job)
            self._until_ended(job)

    def _retire(self) -> None:
        if self._worker is not None:
            log.info("the worker has had nothing to do for %g s", self._idle)
            worker, self._worker = self._worker, None
            worker.kill()

    def _ready_worker(self) -> WorkerLink | None:
        with self._change:
            if self._worker is not None or self._over:
                return self._worker
            self._held.clear()
            self._replayed.clear()
            self._forgotten.clear()
        try:
            worker = WorkerLink(self._command)
        except OSError:
            log.exception("the worker cannot be started")
            return None
        with self._change:
            self._worker = worker
        worker.listen(
            lambda channel: self._read(worker, channel), lambda why: self._on_exit(worker, why)
        )
        return worker

    def _dispatch(self, job: Job) -> None:
        if self._worker is None:
            job.client.emit(job, {"type": "stage", "name": "starting"})
        worker = self._ready_worker()
        if worker is None:
            raise OSError("no worker")
        with self._change:
            used = self._inputs.use([job.header.get("portrait"), job.header.get("voice")])
            again = {key: item for key, item in used.items() if key not in self._held}
            self._replayed = set(again)
            forget, self._forgotten = [k for k in self._forgotten if k in self._held], []
            self._held.difference_update(forget)
        for key in forget:
            worker.send(*wire.encode({"id": REPLAY, "type": "forget", "key": key}))
        for item in again.values():
            worker.send(*item.message)
        worker.send(*job.message)

    def _until_ended(self, job: Job) -> None:
        while True:
            with self._change:
                self._change.wait_for(
                    lambda: self._current is not job or (job.stop_at and not job.stop_sent)
                )
                if self._current is not job:
                    return
                job.stop_sent = True
                worker = self._worker
            if worker is not None:
                worker.send(*wire.encode({"id": job.id, "type": "cancel"}))

    def _watch(self) -> None:
        with self._change:
            while True:
                job = self._current
                due = job.stop_at if job is not None else None
                if due is None:
                    self._change.wait()
                elif (left := due - time.monotonic()) > 0:
                    self._change.wait(left)
                elif self._worker is not None:
                    log.warning("the worker did not stop in %g s and is killed", self._grace)
                    self._worker.kill()
                    self._change.wait(self._grace)
                else:
                    self._change.wait(0.1)

    def _read(self, worker: WorkerLink, channel: Channel) -> None:
        while True:
            head = wire.read_head(channel)
            header = wire.parse_header(head.header)
            body = wire.read_body(channel, head.body_size)
            if header["type"] == "hold":
                self._on_hold(header)
                continue
            job = self._current
            if header["type"] == "begun":
                if job is not None and header.get("id") == job.id:
                    job.begun = True
                continue
            if job is None or worker is not self._worker or header.get("id") != job.id:
                log.warning("the worker said %s out of turn", header.get("type"))
                continue
            ends = header["type"] in TERMINAL
            job.client.emit(job, header, *wire.rejoin(head, body))
            if ends:
                self._end(job)

    def _on_hold(self, header: Mapping[str, object]) -> None:
        """The worker now holds a portrait or a voice; keep what it was made of."""
        key, kind = str(header["key"]), str(header["kind"])
        with self._change:
            self._held.add(key)
            self._replayed.discard(key)
            job = self._current
            if header.get("id") == REPLAY or job is None:
                return
            again = wire.head_of({**job.header, "id": REPLAY}, sum(map(len, job.message[1:])))
            self._forgotten += self._inputs.keep(key, Input(kind, [again, *job.message[1:]]))

    def _end(self, job: Job) -> None:
        with self._change:
            if self._current is job:
                self._current = None
                self._change.notify_all()

    def _on_exit(self, worker: WorkerLink, reason: str) -> None:
        with self._change:
            if self._worker is not worker:
                return  # retired, and its job with it
            self._worker = None
            job = self._current
            if job is not None and not job.begun and not job.given_again and job.stop_at is None:
                # It died before it had the job, killed from outside perhaps: one more try.
                job.given_again = True
                self._queue.appendleft(job)
                self._current = None
                self._change.notify_all()
                return
            # What a worker died over is not given to the next one.
            if job is not None and job.stop_at is None:
                self._inputs.drop(self._replayed)
        if job is not None:
            job.fail(SpeakError("core_crashed", reason=reason))
            self._end(job)
