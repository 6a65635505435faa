# SPDX-License-Identifier: GPL-3.0-or-later
"""Flicker of a still shot and jitter under a slow pan, beside those of the true render."""

from __future__ import annotations

import numpy as np

from . import metrics
from .bench import Bench, Row, Strip, unavailable
from .clips import PAN, PAN_DEGREES, pan_pictures, panned
from .judge import FACE, NEEDED

STILL = 6  # frames
GOAL = "below the true clip's own"


def measure(bench: Bench) -> list[Row]:
    """Second differences over time: of grey levels, and of landmarks in pixels of the crop."""
    return [*_still(bench), *_pan(bench)]


def _still(bench: Bench) -> list[Row]:
    what = "flicker on a still shot, mean second difference"
    people = bench.samples or bench.rendered[:1]
    if not people:
        return [unavailable(what, "samples", "0 levels", "--portraits FOLDER")]
    found = {}
    for person in people[: 1 if bench.quick else None]:
        shot = bench.frames(person, np.repeat(person.portrait.own[None], STILL, 0))
        found[person.name] = metrics.jitter(shot)
    worst = max(found.values())
    return [Row(what, f"{len(found)} people, {STILL} frames", f"{worst:.3f} levels at most",
                "0 levels (a still source)", worst == 0, dict(found))]  # fmt: skip


def _pan(bench: Bench) -> list[Row]:
    what = f"jitter under a slow pan of {2 * PAN_DEGREES:g} degrees in {PAN} frames"
    true = [person for person in bench.rendered if person.clip and person.clip.pan]
    people = [] if bench.quick else [*true, *bench.samples]
    if not true or bench.judge is None or not people:
        needs = NEEDED if bench.judge is None else "rendered pans, and no --quick"
        return [unavailable(what, "unseen people and samples", GOAL, needs)]
    track, content = panned(PAN)
    made: dict[str, float] = {}
    levels: dict[str, float] = {}
    source: dict[str, float] = {}
    source_levels: dict[str, float] = {}
    for person in people:
        crops = bench.crops(person, bench.frames(person, track, content))
        made[person.name] = metrics.jitter(bench.judge.look(crops).flat(FACE))
        levels[person.name] = metrics.jitter(crops)
        shown = crops
        if person.clip and person.clip.pan:
            truth = bench.crops(person, pan_pictures(person.clip))
            source[person.name] = metrics.jitter(bench.judge.look(truth).flat(FACE))
            source_levels[person.name] = metrics.jitter(truth)
            shown = np.concatenate([truth, crops], 2)
        bench.strips.append(Strip(f"slow pan of {person.name}", shown, moving=True))
    ours = np.mean([made[name] for name in source])
    own = np.mean(list(source.values()))
    samples = [value for name, value in made.items() if name not in source]
    figure = f"{ours:.3f} px, true render {own:.3f} px"
    if samples:
        figure += f"; samples {np.mean(samples):.3f} px"
    light = np.mean([levels[name] for name in source])
    figure += f"; levels {light:.2f}, true {np.mean(list(source_levels.values())):.2f}"
    numbers = {"px": made, "true_px": source, "levels": levels, "true_levels": source_levels}
    on = f"{len(source)} unseen people, {len(samples)} samples"
    return [Row(what, on, figure, GOAL, bool(ours <= own), numbers)]
