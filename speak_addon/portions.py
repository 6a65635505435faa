# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done a little at a time, so that the window lives meanwhile. Without bpy.

Such work is a generator: it yields wherever it may be left for a while, and returns what came of
it. What it yields says how far it is, 0 to 1.
"""

from collections.abc import Generator
from time import perf_counter
from typing import TypeVar

Result = TypeVar("Result")

# What one beat of a timer may take, in seconds; a portion ends soon after that.
BUDGET = 0.01


def finish(work: Generator[object, None, Result]) -> Result:
    """All of it at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Result = end.value
            return found


class Portion:
    """The time that one portion has, from now on."""

    def __init__(self, budget: float = BUDGET) -> None:
        self._until = perf_counter() + budget

    def lasts(self) -> bool:
        """Whether there is time left for more of it."""
        return perf_counter() < self._until
