# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes though it was not asked to: one of identity, emotion, pose, speech at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..protocol.controls import EMOTIONS
from .bench import Bench, Row, middle, saying, states, unavailable
from .clips import MOVING
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
    order = [("rest", {}, {}), *((name, *change) for name, c in CHANGED.items() for change in c)]
    kinds = np.array([name for name, _, _ in order])
    track, content = states(*(s for _, s, _ in order)), saying(*(c for _, _, c in order))
    away: dict[str, list[Doubles]] = {"pose": [], "emotion": [], "mouth": [], "identity": []}
    for person in people:
        crops = bench.crops(person, bench.frames(person, track, content))
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
    all_of = {name: np.stack(values) for name, values in away.items() if values}
    own = _identity_of_true_renders(bench)
    rows = []
    for kind in CHANGED:
        chosen = kinds == kind
        figures = {name: float(np.nanmean(values[:, chosen]))
                   for name, values in all_of.items() if name != _own(kind)}  # fmt: skip
        rows.append(_row(kind, on, figures, own))
    rows.append(_row("identity", on, _between(all_of, kinds)))
    return rows


def _identity_of_true_renders(bench: Bench) -> str:
    """What the witness itself says of people who really moved, in words."""
    clips = [person.clip for person in bench.rendered[:PEOPLE] if person.clip]
    if not bench.identity or not clips:
        return ""
    means = []
    for clip in clips:
        who = bench.identity.identities(middle(clip.pictures[: 1 + MOVING]))
        means.append(float((who[1:] @ who[0]).mean()))
    return f" (true renders of one moving person {np.mean(means):.3f})"


def _own(kind: str) -> str:
    return "mouth" if kind == "speech" else kind


def _between(all_of: dict[str, Doubles], kinds: Doubles) -> dict[str, float]:
    """Same controls on other people: how far each person's answer lies from the mean of all."""
    figures = {}
    for name, kind in (("pose", "pose"), ("emotion", "emotion"), ("mouth", "speech")):
        if name in all_of:
            values = all_of[name][:, kinds == kind]
            figures[name] = float(np.nanmean(np.abs(values - np.nanmean(values, 0))))
    return figures


def _row(kind: str, on: str, figures: dict[str, float], identity: str = "") -> Row:
    units = {"pose": "{:.2f} degrees", "emotion": "{:.2f}", "mouth": "{:.2f} px",
             "identity": "cosine {:.3f}"}  # fmt: skip
    figure = ", ".join(f"{name} {units[name].format(value)}" for name, value in figures.items())
    figure += identity
    good = [value > GOALS[n] if n == "identity" else value < GOALS[n] for n, value in
            figures.items()]  # fmt: skip
    whole = set(figures) >= set(TEXT) - {_own(kind)} - (
        {"identity"} if kind == "identity" else set()
    )
    met = all(good) if whole or not all(good) else None
    if not whole:
        figure += f"; the rest unavailable (needs {FOLDER.name}/)"
    return Row(f"leak when {kind} changes", on, figure, _goal(kind), met, dict(figures))


def _goal(kind: str) -> str:
    return ", ".join(text for name, text in TEXT.items() if name != _own(kind))
