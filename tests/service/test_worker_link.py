# SPDX-License-Identifier: GPL-3.0-or-later
"""The control process's end of a worker, over a socket pair and, as on Windows, over pipes."""

import queue
import sys
from pathlib import Path
from typing import Any

import pytest

from inference_core.protocol import wire
from inference_core.protocol.channel import Channel
from inference_core.protocol.messages import Blob
from inference_core.service import worker_link
from inference_core.service.worker_link import WorkerLink
from tests.service.harness import ROOT, is_running, until


@pytest.mark.parametrize("socket_pairs", [True, False], ids=["socket pair", "pipes"])
def test_a_worker_speaks_and_ends(tmp_path: Path, monkeypatch, socket_pairs: bool):
    monkeypatch.setattr(worker_link, "SOCKET_PAIRS", socket_pairs)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    worker = WorkerLink([sys.executable, "-m", "tests.service.slow_engine", "--pack", "x"])
    said: queue.Queue[Any] = queue.Queue()

    def read(channel: Channel) -> None:
        while True:
            header, blobs = wire.read_message(channel)
            said.put((header["type"], header["id"], [blob.nbytes for blob in blobs]))

    worker.listen(read, said.put)
    data = b'{"print": "to stdout, which must not be the link"}'
    prepare = {"id": 5, "type": "prepare", "face": None, "box": None}
    worker.send(*wire.encode(prepare, [Blob("uint8", (len(data),), data)]))
    events = [said.get(timeout=20) for _ in range(5)]
    assert [kind for kind, _, _ in events] == ["begun", "stage", "stage", "hold", "prepared"]
    assert {number for _, number, _ in events} == {5}
    assert events[-1][2] == [4 * 19]
    worker.kill()
    assert "SIGKILL" in said.get(timeout=5)
    until(lambda: not is_running(worker._process.pid), 2)


@pytest.mark.parametrize("socket_pairs", [True, False], ids=["socket pair", "pipes"])
def test_a_worker_ends_when_its_link_does(monkeypatch, socket_pairs: bool):
    monkeypatch.setattr(worker_link, "SOCKET_PAIRS", socket_pairs)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    worker = WorkerLink([sys.executable, "-m", "tests.service.slow_engine", "--pack", "x"])
    worker._channel.close()
    until(lambda: worker._process.poll() is not None, 20)
    assert worker._process.returncode == 0


def test_a_worker_that_cannot_be_started():
    with pytest.raises(OSError, match="no such worker"):
        WorkerLink(["/no such worker"])
