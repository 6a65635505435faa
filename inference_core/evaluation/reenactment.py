# SPDX-License-Identifier: GPL-3.0-or-later
"""The same person driven from one portrait: finished frames against the true renders."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..protocol.controls import INDEX
from . import metrics
from .bench import Bench, Row, Strip, Subject, measured, middle, told, unavailable
from .clips import CROP, MOVING
from .judge import FACE, MOUTH, NEEDED

GOALS = {"SSIM": 0.83, "PSNR": 29.5, "F-LMD": 2.3, "M-LMD": 3.0}
GOAL = "> 0.83 / > 29.5 dB / < 2.3 / < 3.0 (aim 0.90 / 31 / 1.5 / 2.0)"
WHAT = "same person driven from one portrait: SSIM / PSNR / F-LMD / M-LMD"


def measure(bench: Bench) -> list[Row]:
    """Rows: driven by exact controls, with the portrait's state as the pack reads it, and as it
    truly is; driven as the paper does it, by what E_p and E_e read off the true frames; and the
    portrait left unmoved, which says how much there was to do.
    """
    if not bench.rendered:
        return [unavailable(WHAT, "unseen people", GOAL, "clips in --data or avatars by --assets")]
    people = bench.rendered[: 2 if bench.quick else None]
    on = f"{len(people)} unseen people, {MOVING} frames each, {CROP} crop"
    result = [_row(bench, people, on + ", own state as read", show=True)]
    if not bench.quick:
        result.append(_row(bench, [told(p) for p in people], on + ", own state told"))
    result.append(_row(bench, people, on + ", pose, eyes and emotion read off the clip", "read"))
    result.append(_row(bench, people, on + ", portrait left unmoved", "unmoved"))
    return result


def _row(
    bench: Bench, people: list[Subject], on: str, driven: str = "exactly", show: bool = False
) -> Row:
    each = [_person(bench, person, driven, show and n < 4) for n, person in enumerate(people)]
    still = driven == "unmoved"
    names = [name for name in GOALS if bench.judge or "LMD" not in name]
    means = {name: float(np.nanmean([one[name] for one in each])) for name in names}
    parts = [f"{means[n]:.3f}" if n == "SSIM" else f"{means[n]:.2f}" for n in names]
    figure = " / ".join(parts)
    if not bench.judge:
        figure += f" / unavailable (needs {NEEDED})"
    good = [means[n] < GOALS[n] if "LMD" in n else means[n] > GOALS[n] for n in names]
    met = None if still else all(good) if bench.judge or not all(good) else None
    numbers: dict[str, Any] = {
        **means,
        "people": {p.name: e for p, e in zip(people, each, strict=True)},
    }
    return Row(WHAT, on, figure, "(for comparison)" if still else GOAL, met, numbers)


def _person(bench: Bench, person: Subject, driven: str, show: bool) -> dict[str, float]:
    clip = person.clip
    assert clip is not None
    rows = slice(1, 1 + MOVING)
    truth = middle(clip.pictures[rows])
    if driven == "unmoved":
        made = np.repeat(middle(clip.pictures[:1]), MOVING, 0)
    else:
        controls = clip.controls[rows]
        if driven == "read":  # a jaw would be said twice: what is spoken is told
            controls = measured(bench, person, clip.pictures[rows])
            controls[:, INDEX["jaw"]] = 0
        made = middle(bench.frames(person, controls, clip.content[rows]))
    pairs = list(zip(made, truth, strict=True))
    result = {
        "SSIM": float(np.mean([metrics.ssim(*pair) for pair in pairs])),
        "PSNR": float(np.mean([metrics.psnr(*pair) for pair in pairs])),
    }
    if bench.judge:
        seen = bench.judge.look(np.concatenate([made, truth]))
        for name, which in (("F-LMD", FACE), ("M-LMD", MOUTH)):
            flat = seen.flat(which)
            result[name] = metrics.landmark_distance(flat[:MOVING], flat[MOVING:])
    if show:
        both = np.concatenate([truth, made], 2)
        bench.strips.append(Strip(f"{person.name}: true render | made from one portrait", both,
                                  moving=True))  # fmt: skip
    return result
