# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of a shot: each generation with its curves and settings, to go back to and to compare."""

from datetime import UTC, datetime
from time import monotonic
from typing import Any

import numpy as np

from ..inference_core.protocol.errors import SpeakError
from . import auto_keys, curve_data, curves, driven_data, results, runtime, shot_record, shots
from .job_data import JobData
from .take_store import Take, TakeStore

# How long a look at the disk holds for the panels, which ask with every redraw.
LOOK_SECONDS = 2.0

_looked: dict[str, tuple[float, list[Take], int]] = {}


def store(owner: Any) -> TakeStore | None:
    """The takes of a shot; None before it has a folder."""
    return TakeStore(shots.folder_path(owner)) if owner.speak.folder else None


def listed(owner: Any) -> tuple[list[Take], int]:
    """The takes and how many bytes they use beside the shot's folder, as of a moment ago."""
    kept = store(owner)
    if kept is None:
        return [], 0
    when, found, size = _looked.get(str(kept.path), (0.0, [], 0))
    if not when or monotonic() - when > LOOK_SECONDS:
        found, size = kept.takes(), kept.bytes()
        _looked[str(kept.path)] = monotonic(), found, size
    return found, size


def look_again() -> None:
    """The next look reads the disk."""
    _looked.clear()


def record(owner: Any, data: JobData) -> Take | None:
    """Keep a finished generation as a take; None when it is the same as the one that is shown.

    Raises SpeakError(folder_read_only, disk_full).
    """
    kept = TakeStore(data.folder.path)
    current = kept.find(owner.speak.take)
    if current is not None and current.keys == data.keys:
        return None
    take = Take(
        number=0,
        name="",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=data.speaker.seed,
        size=data.size,
        pack=data.pack.get("version", ""),
        keys=data.keys,
    )
    take = kept.add(take)
    owner.speak.take = take.number
    superfluous = kept.superfluous(owner.speak.takes_kept)
    runtime.session().runner.background.run(
        lambda: _write_details(kept, take.number, data, superfluous)
    )
    look_again()
    return take


def _write_details(kept: TakeStore, number: int, data: JobData, superfluous: list[int]) -> None:
    """The bulky part, beside the window; a take that cannot be written is none."""
    details = {
        **data.kept,
        "curves": {path: curve_data.shortened(told) for path, told in data.kept["curves"].items()},
        "first": data.frames.first,
        "auto_keys": [] if data.auto_keys is None else np.asarray(data.auto_keys).tolist(),
        "shot": shot_record.facts(data),
    }
    try:
        kept.write_details(number, details)
        kept.delete(superfluous)
    except SpeakError:
        kept.delete([number])
        raise


def show(owner: Any, scene: Any, number: int) -> list[int]:
    """Go back to a take: frames, curves, settings; the numbers of frames that are gone.

    Raises SpeakError(take_missing, folder_read_only, disk_full).
    """
    runtime.session().runner.background.settle()
    kept = store(owner)
    take = None if kept is None else kept.find(number)
    details = {} if kept is None else kept.details(number)
    if kept is None or take is None or not {"values", "curves", "shot"} <= set(details):
        raise SpeakError("take_missing", number=number)
    gone = kept.switch(take, details["shot"])
    shot = owner.speak
    for name in curve_data.SETTINGS:
        setattr(shot, name, details["settings"][name])
    curve_data.restore(owner, details)
    driven_data.restore(owner, scene, details)
    first, count = int(details["first"]), len(take.keys)
    if details["auto_keys"]:
        auto_keys.write(owner, first, np.array(details["auto_keys"], np.float32))
    measured = [row or [np.nan] * len(curves.CONTROLS) for row in details["shot"]["measured"]]
    track = np.array(measured, np.float32)
    curves.write_layer(owner, "measured", first, track, results.MEASURED)
    shot.made_first, shot.made_count, shot.take = first, count, number
    results.show_frames(owner, scene)
    session = runtime.session()
    session.baselines.pop(shot.uuid, None)
    session.changes.pop(shot.uuid, None)
    look_again()
    return gone


def size_text(size: int) -> str:
    """Bytes as people say them: `3.4 MB`."""
    if size < 1 << 20:
        return f"{size / 1024:.0f} kB"
    return f"{size / (1 << 20):.1f} MB" if size < 1 << 30 else f"{size / (1 << 30):.2f} GB"
