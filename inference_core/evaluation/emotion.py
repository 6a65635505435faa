# SPDX-License-Identifier: GPL-3.0-or-later
"""Which emotion a face shows that was asked for one, by a classifier that trained nothing here."""

from __future__ import annotations

import numpy as np

from ..protocol.controls import EMOTIONS, INDEX
from .bench import Bench, Row, Strip, states, unavailable
from .judge import NEEDED
from .witnesses import CLASSES, facts

STRENGTH = 0.8
TURNED = (6.0, -3.0)  # yaw, pitch beside the portrait's own: the frame at rest is no copy of it
GOAL = "> 85 %"
WHAT = f"emotion at {STRENGTH:g} recognised, eight classes"


def measure(bench: Bench) -> list[Row]:
    """The share that is right, with the confusion matrix as a table of its own."""
    if bench.emotion is None:
        return [unavailable(WHAT, "unseen people", GOAL, NEEDED)]
    rows = []
    for people, kind in ((bench.rendered, "unseen people"), (bench.samples, "sample portraits")):
        people = people[: 2 if bench.quick else None]
        if not people:
            rows.append(unavailable(WHAT, kind, GOAL, "clips in --data or avatars by --assets"))
            continue
        counts = np.zeros((len(CLASSES), len(CLASSES)), int)
        for n, person in enumerate(people):
            base = person.portrait.own.copy()
            base[[INDEX[name] for name in EMOTIONS]] = 0
            base[[INDEX["yaw"], INDEX["pitch"]]] += TURNED
            track = states({}, *({name: STRENGTH} for name in EMOTIONS), base=base)
            crops = bench.crops(person, bench.frames(person, track))
            rest = np.asarray(person.portrait.crop(256))
            shown = bench.emotion.shown(crops, rest)
            said = np.where(np.isfinite(shown).all(1), shown.argmax(1), -1)
            for asked, seen in enumerate(said):
                if seen >= 0:
                    counts[asked, seen] += 1
            if n < 3:
                labels = [
                    f"{CLASSES[a]}: seen {CLASSES[s] if s >= 0 else None}"
                    for a, s in enumerate(said)
                ]
                bench.strips.append(Strip(f"emotions of {person.name}", crops, labels))
        rows.append(_row(bench, kind, counts, len(people)))
    return rows


def _row(bench: Bench, kind: str, counts: np.ndarray, people: int) -> Row:
    share = float(np.trace(counts) / counts.sum())
    known = facts()["emotion"]["accuracy"]
    header = ["asked \\ seen", *CLASSES]
    lines = [[name, *map(str, line)] for name, line in zip(CLASSES, counts, strict=True)]
    bench.tables.append((f"Emotion at {STRENGTH:g}, {kind}", [header, *lines]))
    figure = f"{share:.1%} (the classifier on true renders: {known:.1%}; chance 12.5%)"
    return Row(WHAT, f"{people} {kind}", figure, GOAL, share > 0.85, {"matrix": counts.tolist()})
