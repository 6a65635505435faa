# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes though it was not asked to: one of identity, emotion, pose, speech at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..protocol.controls import EMOTIONS
from .bench import Bench, Bytes, Floats, Row, middle, saying, states, unavailable
from .judge import MOUTH, NEEDED, Seen
from .witnesses import FOLDER

PEOPLE = 6
GOALS = {"pose": 1.0, "emotion": 0.1, "mouth": 0.5, "identity": 0.95}
TEXT = {"pose": "pose < 1 degree", "emotion": "emotion < 0.1", "mouth": "mouth < 0.5 px",
        "identity": "identity cosine > 0.95"}  # fmt: skip
CHANGED: dict[str, tuple[tuple[dict[str, float], dict[str, float]], ...]] = {
    "pose": (({"yaw": 15}, {}), ({"pitch": 8}, {}), ({"roll": 12}, {})),
    "emotion": tuple(({name: 0.8}, {}) for name in EMOTIONS),
    "speech": (({}, {"aa": 0.9}), ({}, {"ou": 0.9}), ({}, {"SS": 0.9})),
}

_KINDS = np.array(["rest", *(kind for kind, changes in CHANGED.items() for _ in changes)])

Doubles = npt.NDArray[np.float64]


def _upright_mouth(seen: Seen) -> Doubles:
    """Opening of the lips [frames] in pixels of the crop, whichever way the head is turned."""
    inner = seen.points[:, [MOUTH[14], MOUTH[18]]]
    gap: Doubles = np.linalg.norm(inner[:, 0] - inner[:, 1], axis=1)
    return gap


def measure(bench: Bench) -> list[Row]:
    """A row per changed thing; each figure is the mean over people and changes."""
    people = (bench.rendered[:PEOPLE] + bench.samples)[: 2 if bench.quick else None]
    on = f"{len(people)} people"
    if bench.judge is None or not people:
        needs = NEEDED if bench.judge is None else "people: --data or --portraits"
        return [unavailable(f"leak when {name} changes", on, _goal(name), needs)
                for name in (*CHANGED, "identity")]  # fmt: skip
    track, content = asked()
    made = _seen(bench, [bench.crops(p, bench.frames(p, track, content)) for p in people])
    rendered = [p.states for p in people if p.states]
    true = _seen(bench, [middle(clip.pictures[1:]) for clip in rendered])
    rows = [_row(kind, on, _away(made, kind), _away(true, kind)) for kind in CHANGED]
    rows.append(_row("identity", on, _between(made), _between(true)))
    return rows


def asked() -> tuple[Floats, Floats]:
    """Controls [n, 19] and content [n, 15] of every state, rest first."""
    changes = [({}, {}), *(change for c in CHANGED.values() for change in c)]
    return states(*(s for s, _ in changes)), saying(*(c for _, c in changes))


def _seen(bench: Bench, people: list[Bytes]) -> dict[str, Doubles]:
    """What the judge and the witnesses see change from rest, [people, states] for each thing they
    can tell; people: their crops [states, h, w, 3] in the order of `asked`."""
    assert bench.judge is not None
    away: dict[str, list[Doubles]] = {"pose": [], "emotion": [], "mouth": [], "identity": []}
    for crops in people:
        seen = bench.judge.look(crops)
        away["pose"].append(np.abs(seen.pose()).max(1))
        gap = _upright_mouth(seen)
        away["mouth"].append(np.abs(gap - gap[0]))
        if bench.identity:
            who = bench.identity.identities(crops)
            away["identity"].append((who @ who[0]).astype(np.float64))
        if bench.emotion:
            shown = bench.emotion.shown(crops, crops[0])
            away["emotion"].append(np.abs(shown - shown[0]).max(1))
    return {name: np.stack(values) for name, values in away.items() if values}


def _away(seen: dict[str, Doubles], kind: str) -> dict[str, float]:
    """Means over people and over the changes of one kind, of what was not asked to change."""
    chosen = kind == _KINDS
    return {
        name: float(np.nanmean(values[:, chosen]))
        for name, values in seen.items()
        if name != _own(kind)
    }


def _own(kind: str) -> str:
    return "mouth" if kind == "speech" else kind


def _between(seen: dict[str, Doubles]) -> dict[str, float]:
    """Same controls on other people: how far each person's answer lies from the mean of all."""
    figures = {}
    for name, kind in (("pose", "pose"), ("emotion", "emotion"), ("mouth", "speech")):
        if name in seen:
            values = seen[name][:, kind == _KINDS]
            figures[name] = float(np.nanmean(np.abs(values - np.nanmean(values, 0))))
    return figures


def _in_words(figures: dict[str, float]) -> str:
    units = {"pose": "{:.2f} degrees", "emotion": "{:.2f}", "mouth": "{:.2f} px",
             "identity": "cosine {:.3f}"}  # fmt: skip
    return ", ".join(f"{name} {units[name].format(value)}" for name, value in figures.items())


def _row(kind: str, on: str, figures: dict[str, float], true: dict[str, float]) -> Row:
    figure = _in_words(figures)
    if true:
        figure += f" (true renders of the same states: {_in_words(true)})"
    good = [value > GOALS[n] if n == "identity" else value < GOALS[n] for n, value in
            figures.items()]  # fmt: skip
    whole = set(figures) >= set(TEXT) - {_own(kind)} - (
        {"identity"} if kind == "identity" else set()
    )
    met = all(good) if whole or not all(good) else None
    if not whole:
        figure += f"; the rest unavailable (needs {FOLDER.name}/)"
    return Row(f"leak when {kind} changes", on, figure, _goal(kind), met, {**figures, "true": true})


def _goal(kind: str) -> str:
    return ", ".join(text for name, text in TEXT.items() if name != _own(kind))
