# SPDX-License-Identifier: GPL-3.0-or-later
"""What the link costs beside a plain copy of the bytes, and how soon a core is there."""

import os
import time

import pytest

from inference_core.protocol import messages
from tests.service.conftest import StartCore
from tests.service.harness import TestCore, shot

FRAME = 512 * 512 * 3
FRAMES = 100
AT_MOST = 20  # times a memcpy


def copying(frames: list[bytes]) -> float:
    """Seconds per frame of copying the frames into memory of their own."""
    began = time.perf_counter()
    for frame in frames:
        bytearray(frame)
    return (time.perf_counter() - began) / len(frames)


def sending(core: TestCore, portrait: str) -> float:
    """Seconds per frame from the worker through the control process to the client."""
    request = core.link.send(shot(portrait, None, FRAMES))
    came = core.link.wait(request)
    while next(came).type != "stage":
        pass
    began = time.perf_counter()
    size = sum(event.blobs[0].nbytes for event in came if event.type == "frame")
    took = time.perf_counter() - began
    assert size == FRAMES * FRAME
    return took / FRAMES


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_a_frame_costs_at_most_twenty_copies(start_core: StartCore, transport: str, capsys):
    core = start_core(transport=transport)
    portrait = core.portrait(frame_bytes=FRAME, distinct=8)
    frames = [os.urandom(FRAME) for _ in range(FRAMES)]
    # In turns, because other programs slow down both; the best round is the least disturbed.
    rounds: list[tuple[float, float]] = []
    ratios: list[float] = []
    while len(rounds) < 3 or (ratios[0] > AT_MOST and len(rounds) < 10):
        rounds.append((sending(core, portrait), copying(frames)))
        ratios = sorted(sent / copied for sent, copied in rounds)
    with capsys.disabled():
        sent, copied = (min(column) * 1e6 for column in zip(*rounds, strict=True))
        print(
            f"\n{transport}: {sent:.0f} us a frame, a copy {copied:.0f} us, {ratios[0]:.1f} times"
        )
    assert ratios[0] <= AT_MOST


def test_an_answer_does_not_wait_for_a_busy_worker(shared_core: TestCore):
    core = shared_core
    request = core.link.send(shot(core.portrait(frame_ms=20), None, 1000))
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        core.ask(messages.ping())
        slowest = max(slowest, time.monotonic() - began)
    core.link.cancel(request)
    assert core.events(request)[-1].type == "cancelled"
    assert slowest < 0.2
