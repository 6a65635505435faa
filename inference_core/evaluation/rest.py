# SPDX-License-Identifier: GPL-3.0-or-later
"""The portrait asked for its own pose and emotion: it should come back as it was."""

from __future__ import annotations

import numpy as np

from . import metrics
from .bench import Bench, Row, Strip, unavailable

GOAL = "> 35 dB in the crop"
WHAT = "portrait's own state asked for: the portrait comes back"


def measure(bench: Bench) -> list[Row]:
    """One row: decibels in the crop of every sample at 512, the lowest decides."""
    if not bench.samples:
        return [unavailable(WHAT, "sample portraits", GOAL, "--portraits FOLDER")]
    found: dict[str, float] = {}
    size = 256 if bench.quick else 512
    for person in bench.samples:
        made = bench.frames(person, person.portrait.own[None], size=size)
        whole = np.asarray(person.portrait.rgb)[None]
        before, after = bench.crops(person, whole, size)[0], bench.crops(person, made, size)[0]
        found[person.name] = metrics.psnr(before, after)
        away = np.abs(before.astype(int) - after).clip(0, 31) * 8
        pictures = np.stack([before, after, away.astype(np.uint8)])
        labels = ["portrait", f"at rest, {found[person.name]:.1f} dB", "difference, 8 times"]
        bench.strips.append(Strip(f"{person.name} at rest", pictures, labels))
    figure = ", ".join(f"{name} {value:.1f} dB" for name, value in found.items())
    on = f"{len(found)} sample portraits, {size}"
    return [Row(WHAT, on, figure, GOAL, min(found.values()) > 35, dict(found))]
