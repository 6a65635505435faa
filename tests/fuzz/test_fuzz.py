# SPDX-License-Identifier: GPL-3.0-or-later
"""A short fuzz run of every reader. scripts/fuzz.py makes the long one.

A case that fails is `mutated(seeds, number)`: hypothesis prints the number.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

# A hundred and twenty cases each; the file-like ones take a millisecond or more.
CASES = 120
# Numbers of cases that found something once, by target.
FOUND: dict[str, list[int]] = {}


@pytest.mark.parametrize("name", TARGETS)
def test_bad_bytes_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(st.integers(0, 2**48))
    def run(number: int) -> None:
        target.run(mutated(seeds, number))

    for number in FOUND.get(name, ()):
        run = example(number)(run)
    run()


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=40, deadline=None, database=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    TARGETS[name].run(data)
