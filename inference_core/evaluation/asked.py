# SPDX-License-Identifier: GPL-3.0-or-later
"""Asked pose, jaw, smile and blink against what the independent judge sees in the frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import metrics
from .bench import Bench, Row, Strip, Subject, middle, states, unavailable
from .clips import MOVING
from .judge import NEEDED, Seen

FULL = 0.8  # of what the judge sees on true renders: from there a range is the full one
FIRST = 8  # rendered people that are asked; every sample is


@dataclass(frozen=True)
class Sweep:
    """One control over its range, what it is seen as, and the goal."""

    control: str
    values: tuple[float, ...]
    slope: tuple[float, float] | None
    r: float
    text: str


POSE = (
    Sweep("yaw", (-25, -16, -8, 8, 16, 25), (0.85, 1.15), 0.97, "slope 0.85 to 1.15, r > 0.97"),
    Sweep("pitch", (-15, -10, -5, 5, 10, 15), (0.7, 1.15), 0.9, "slope 0.7 to 1.15, r > 0.9"),
    Sweep("roll", (-20, -13, -6, 6, 13, 20), (0.85, 1.15), 0.97, "slope 0.85 to 1.15, r > 0.97"),
)
FACE = (
    Sweep("jaw", (0.25, 0.5, 0.75, 1), None, 0.95, "r > 0.95"),
    Sweep("happy", (0.25, 0.5, 0.75, 1), None, 0.9, "r > 0.9"),
    Sweep("blink", (0.25, 0.5, 0.75, 1), None, 0.8, "r > 0.8, full range visible"),
)
NAMES = {"happy": "smile (asked by happy)", "blink": "blink, both eyes"}


def _what(sweep: Sweep) -> str:
    span = f"{min(0, *sweep.values):g} to {max(sweep.values):g}"
    return f"asked {NAMES.get(sweep.control, sweep.control)} against seen, {span}"


def _state(control: str, value: float) -> dict[str, float]:
    if control == "blink":
        return {"blink_left": value, "blink_right": value}
    return {control: value}


def _values(seen: Seen, control: str) -> npt.NDArray[np.float64]:
    if control in ("yaw", "pitch", "roll"):
        turned: npt.NDArray[np.float64] = seen.pose()[:, ("yaw", "pitch", "roll").index(control)]
        return turned
    return {"jaw": seen.jaw, "happy": seen.smile, "blink": seen.closed}[control]()


def measure(bench: Bench) -> list[Row]:
    """A row per control; each person gives a slope and an r, and the row their means."""
    sweeps = POSE + FACE
    rendered = bench.rendered[: 1 if bench.quick else FIRST]
    people = rendered + bench.samples[: 1 if bench.quick else None]
    on = f"{len(rendered)} unseen people, {len(people) - len(rendered)} sample portraits"
    if bench.judge is None or not people:
        needs = NEEDED if bench.judge is None else "people: --data or --portraits"
        return [unavailable(_what(s), on, s.text, needs) for s in sweeps]
    found = {person.name: _person(bench, person, sweeps) for person in people}
    own = _on_true_renders(bench, rendered)
    return [_row(sweep, on, found, own.get(sweep.control)) for sweep in sweeps]


def _on_true_renders(bench: Bench, people: list[Subject]) -> dict[str, tuple[float, float]]:
    """What the judge itself is worth on true renders of `people`: slope and r of pose; for the
    blink, which is full once in every clip, the share by which it sees the eyes close, and 1.
    """
    assert bench.judge is not None
    each, shut = [], []
    for person in people:
        assert person.clip is not None
        rows = slice(0, 1 + MOVING)
        seen = bench.judge.look(middle(person.clip.pictures[rows]))
        closed, pose = seen.closed(), seen.pose()
        shut.append((np.nanmax(closed) - closed[0]) / -closed[0])
        each.append([metrics.slope_and_r(person.clip.controls[rows, k], pose[:, k])
                     for k in range(3)])  # fmt: skip
    if not each:
        return {}
    means = np.nanmean(each, 0)
    found = {s.control: (float(m[0]), float(m[1])) for s, m in zip(POSE, means, strict=True)}
    return {**found, "blink": (float(np.nanmean(shut)), 1.0)}


def _person(
    bench: Bench, person: Subject, sweeps: tuple[Sweep, ...]
) -> dict[str, tuple[float, float, float]]:
    """Slope, r and the range that is seen, by control."""
    assert bench.judge is not None
    asked = [_state(s.control, value) for s in sweeps for value in s.values]
    crops = bench.crops(person, bench.frames(person, states({}, *asked)))
    seen = bench.judge.look(crops)
    result, at = {}, 1
    for sweep in sweeps:
        rows = [0, *range(at, at + len(sweep.values))]
        values = _values(seen, sweep.control)[rows]
        slope, r = metrics.slope_and_r((0, *sweep.values), values)
        reach = float(np.nanmax(values) - np.nanmin(values)) if np.isfinite(values).any() else 0.0
        if sweep.control == "blink":
            reach /= -values[0]  # a share of the opening at rest
        result[sweep.control] = slope, r, reach
        at += len(sweep.values)
    return result


def _row(
    sweep: Sweep,
    on: str,
    found: dict[str, dict[str, tuple[float, float, float]]],
    own: tuple[float, float] | None,
) -> Row:
    each = np.array([one[sweep.control] for one in found.values()])
    slopes, rs, reach = each[:, 0], each[:, 1], each[:, 2]
    slope, r = float(np.nanmean(slopes)), float(np.nanmean(rs))
    met = bool(r > sweep.r)
    if sweep.slope:
        met = met and sweep.slope[0] <= slope <= sweep.slope[1]
        figure = f"slope {slope:.2f} ({np.nanmin(slopes):.2f} to {np.nanmax(slopes):.2f}), "
    elif sweep.control == "blink":
        share = float(np.nanmean(reach))
        figure = f"eyes close by {share:.0%}"
        if own:
            figure += f" (true renders {own[0]:.0%})"
            met = met and share > FULL * own[0]
        figure += ", "
    else:
        figure = f"range seen {np.nanmean(reach):.3f}, "
    figure += f"r {r:.3f} (worst {np.nanmin(rs):.3f})"
    if own and sweep.slope:
        figure += f"; the judge on true renders: {own[0]:.2f}, r {own[1]:.3f}"
    blind = int(np.isnan(rs).sum())
    if blind:
        figure += f"; no face seen on {blind}"
    numbers = {name: dict(zip(("slope", "r", "range"), one[sweep.control], strict=True))
               for name, one in found.items()}  # fmt: skip
    return Row(
        _what(sweep), on, figure, sweep.text, met, {"slope": slope, "r": r, "people": numbers}
    )


def pictures(bench: Bench) -> None:
    """What a person should look at: every sample at 512 under the states that break first."""
    shown: list[tuple[str, dict[str, float]]] = [
        ("yaw -20", {"yaw": -20}), ("frontal", {}), ("yaw 20", {"yaw": 20}),
        ("pitch 12", {"pitch": 12}), ("roll 15", {"roll": 15}), ("jaw 1", {"jaw": 1}),
        ("eyes closed", {"blink_left": 1, "blink_right": 1}),
        *((f"{name} 1", {name: 1.0}) for name in
          ("angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")),
    ]  # fmt: skip
    size = 256 if bench.quick else 512
    for person in bench.samples[: 1 if bench.quick else None]:
        track = states(*(state for _, state in shown))
        crops = bench.crops(person, bench.frames(person, track, size=size), size)
        labels = [label for label, _ in shown]
        bench.strips.append(Strip(f"{person.name} at {size}", crops, labels))
