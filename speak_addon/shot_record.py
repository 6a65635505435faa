# SPDX-License-Identifier: GPL-3.0-or-later
"""shot.json: what the frames of a shot were made from. Without bpy.

Enough to make any frame again, to know which frames are there, and to show what was measured on
them without making them again.
"""

import hashlib
from typing import Any

import numpy as np

from ..inference_core.protocol.controls import CONTROLS_VERSION, COUNT, NAMES
from .job_data import JobData

FORMAT = 1


def facts(data: JobData) -> dict[str, Any]:
    """The content of shot.json for a job as it stands; `null` where a frame is not there yet."""
    there = data.there
    return {
        "format": FORMAT,
        "shot": data.shot,
        "pack": data.pack,
        "controls_version": CONTROLS_VERSION,
        "portrait_sha256": hashlib.sha256(data.portrait).hexdigest(),
        "face": data.face,
        "voice_sha256": hashlib.sha256(data.samples.astype("<i2").tobytes()).hexdigest(),
        "start": data.start,
        "fps": [data.fps.numerator, data.fps.denominator],
        "size": data.size,
        "seed": data.seed,
        "frames": data.frames.count,
        "keys": [key if index in there else None for index, key in enumerate(data.keys)],
        "controls": {"names": list(NAMES), "rows": _rows(data.controls)},
        "measured": [
            row if index in there else None for index, row in enumerate(_rows(data.measured))
        ],
    }


def recall_measured(data: JobData) -> None:
    """Fill in what shot.json says was measured on frames that are kept."""
    before = data.folder.read_shot()
    keys, rows = before.get("keys"), before.get("measured")
    if not isinstance(keys, list) or not isinstance(rows, list):
        return
    known = {key: row for key, row in zip(keys, rows, strict=False) if key and _is_row(row)}
    for index in data.there:
        row = known.get(data.keys[index])
        if row is not None:
            data.measured[index] = [np.nan if value is None else value for value in row]


def _rows(track: Any) -> list[list[float | None]]:
    """A track as JSON: five digits say more than a curve shows; what is no number is null."""
    return [
        [round(float(value), 5) if np.isfinite(value) else None for value in row] for row in track
    ]


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == COUNT
        and all(value is None or isinstance(value, int | float) for value in row)
    )
