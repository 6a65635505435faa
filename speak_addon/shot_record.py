# SPDX-License-Identifier: GPL-3.0-or-later
"""shot.json: what the frames of a shot were made from. Without bpy.

Enough to make any frame again, to know which frames are there, and to show what was measured on
them without making them again.
"""

import hashlib
from dataclasses import asdict
from typing import Any

import numpy as np

from ..inference_core.protocol.controls import CONTROLS_VERSION, COUNT, NAMES
from .job_data import JobData

FORMAT = 1


def facts(data: JobData) -> dict[str, Any]:
    """The content of shot.json for a job as it stands; `null` where a frame is not there yet.

    The command line writes the same fields but `sources`, by which the add-on tells what an edit
    touches.
    """
    there, speaker = data.there, data.speaker
    return {
        "format": FORMAT,
        "shot": data.shot,
        "pack": data.pack,
        "controls_version": CONTROLS_VERSION,
        "portrait": data.portrait_name,
        "portrait_sha256": hashlib.sha256(speaker.portrait).hexdigest(),
        "portrait_key": data.portrait_key,
        "face": speaker.face,
        "voice": data.voice_name,
        "voice_key": data.voice_key,
        "start": speaker.start,
        "fps": [speaker.fps.numerator, speaker.fps.denominator],
        "size": data.size,
        "mark": data.mark,
        "consent": data.consent,
        "seed": speaker.seed,
        "frames": data.frames.count,
        "sources": {**asdict(speaker.sources), "own": _row(data.own), "auto": data.use_auto},
        "keys": [key if index in there else None for index, key in enumerate(data.keys)],
        "controls": {"names": list(NAMES), "rows": [_row(row) for row in data.controls]},
        "measured": [
            _row(row) if index in there and np.isfinite(row).all() else None
            for index, row in enumerate(data.measured)
        ],
    }


def recall_measured(data: JobData) -> None:
    """Fill in what shot.json, or that of a take, says was measured on frames that are there."""
    _fill_in(data, data.folder.read_shot())
    for take in reversed(data.takes.takes()):
        unknown = {data.keys[i] for i in data.there if not np.isfinite(data.measured[i]).all()}
        if unknown & set(take.keys):
            _fill_in(data, data.takes.details(take.number).get("shot", {}))


def _fill_in(data: JobData, record: dict[str, Any]) -> None:
    keys, rows = record.get("keys"), record.get("measured")
    if not isinstance(keys, list) or not isinstance(rows, list):
        return
    known = {key: row for key, row in zip(keys, rows, strict=False) if key and _is_row(row)}
    for index in data.there:
        row = known.get(data.keys[index])
        if row is not None:
            data.measured[index] = row


def _row(values: Any) -> list[float]:
    """A frame's values as JSON: five digits say more than a curve shows."""
    return [round(float(value), 5) for value in values]


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == COUNT
        and all(isinstance(value, int | float) for value in row)
    )
