# SPDX-License-Identifier: GPL-3.0-or-later
"""`read`: pose and emotion of a clip as a CSV that is an edit layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from inference_core.protocol import curves_csv
from inference_core.protocol.controls import DEFAULTS, MAXIMA, MINIMA, NAMES
from inference_core.protocol.errors import SpeakError

from . import reference
from .clip_file import open_clip
from .pack import Pack

COLUMNS = (*reference.POSE, *reference.EMOTION)


def write_clip_curves(
    pack: Pack,
    clip: Path,
    out: Path,
    portrait: Path | None,
    fps: Fraction,
    clip_fps: Fraction | None,
    step: Callable[[int], None],
) -> int:
    """Write pose and emotion of a clip, a row per frame at `fps`; how many rows that are.

    With a portrait the values are what its own state lacks, held to the ranges. SpeakError: those
    of `open_clip` and `read_clip`, portrait_no_face, folder_read_only.
    """
    opened = open_clip(clip)
    seen = reference.read_clip(pack, opened.pictures, step)
    rate = clip_fps or opened.fps or fps
    frames = max(1, math.ceil(len(seen) * fps / rate))
    pose = reference.at_frames(
        seen[:, reference.POSE], rate, fps, frames, 0.0, reference.SMOOTH["pose"]
    )
    emotion = reference.at_frames(
        seen[:, reference.EMOTION], rate, fps, frames, 0.0, reference.SMOOTH["emotion"]
    )
    track = np.concatenate([pose, emotion], axis=1)
    if portrait is not None:
        own = reference.FaceReader(pack).read(_bytes(portrait))
        if own is None:
            raise SpeakError("portrait_no_face")
        columns = list(COLUMNS)
        track = track - own[columns] + np.array(DEFAULTS, np.float32)[columns]
        track = np.clip(track, np.array(MINIMA)[columns], np.array(MAXIMA)[columns])
    names = [NAMES[column] for column in COLUMNS]
    try:
        curves_csv.write(out, names, list(enumerate(track.tolist())))
    except OSError as error:
        raise SpeakError("folder_read_only", name=out.parent.name) from error
    return frames


def _bytes(portrait: Path) -> bytes:
    try:
        return portrait.read_bytes()
    except OSError as error:
        raise SpeakError("portrait_missing", name=portrait.name) from error
