# SPDX-License-Identifier: GPL-3.0-or-later
"""The time left is honest: nothing before the first frame, then the pace of the last ones."""

from __future__ import annotations

import pytest

from inference_core.runtime.progress import WINDOW, Progress, clock_text


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_claimed_before_the_first_frame() -> None:
    report = Progress(10, Clock())
    assert report.per_second is None
    assert report.seconds_left is None


def test_time_left_is_what_the_rest_takes_at_this_pace() -> None:
    clock = Clock()
    report = Progress(10, clock)
    for _ in range(4):
        clock.now += 0.5
        report.step()
    assert report.per_second == pytest.approx(2)
    assert report.seconds_left == pytest.approx(3)


def test_the_pace_follows_the_machine_and_forgets() -> None:
    clock = Clock()
    report = Progress(1000, clock)
    for _ in range(50):
        clock.now += 5
        report.step()
    for _ in range(WINDOW):
        clock.now += 0.1
        report.step()
    assert report.per_second == pytest.approx(10)


def test_a_clock_that_stands_still_claims_nothing() -> None:
    report = Progress(3, Clock())
    report.step()
    assert report.seconds_left is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (0.2, "0:01"),
        (59.5, "1:00"),
        (61, "1:01"),
        (3600, "1:00:00"),
        (7325, "2:02:05"),
    ],
)
def test_seconds_are_told_as_a_clock_tells_them(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
