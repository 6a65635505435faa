# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones with their times, as the synthesisers say them."""

from dataclasses import dataclass

from inference_core.runtime.phones import INDEX, STOPS


@dataclass(frozen=True, slots=True)
class Phone:
    """One phone of the inventory (`runtime.phones`) from `start` to `end` in seconds."""

    start: float
    end: float
    name: str

    @property
    def stop(self) -> bool:
        """Whether it is shut and then bursts."""
        return self.name in STOPS


def split(start: float, end: float, names: tuple[str, ...]) -> list[Phone]:
    """One sound as the phones it is made of; the first of two gets 55 % of the time."""
    if len(names) == 1:
        return [Phone(start, end, names[0])]
    bounds = [start, start + 0.55 * (end - start), end]
    if len(names) > 2:
        bounds = [start + (end - start) * i / len(names) for i in range(len(names) + 1)]
    return [Phone(a, b, name) for a, b, name in zip(bounds, bounds[1:], names, strict=False)]


def as_rows(phones: list[Phone]) -> list[list[float]]:
    """Phones as numbers for a file: start, end, index in the inventory."""
    return [[p.start, p.end, float(INDEX[p.name])] for p in phones]
