# SPDX-License-Identifier: GPL-3.0-or-later
"""From a shot in the scene to the data of one job. Everything that can be refused is, here."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import bpy
import numpy as np

from ..inference_core.protocol.errors import SpeakError
from ..inference_core.protocol.messages import MAX_FRAMES, MAX_PORTRAIT_BYTES
from . import (
    audio,
    curve_data,
    curves,
    driven_data,
    layers,
    marks,
    moods,
    portions,
    preferences,
    shots,
    sources,
)
from .frame_time import FrameRange
from .job_data import JobData, Speaker
from .layers import Track
from .shot_folder import ShotFolder
from .state import Note, Stage


@dataclass(frozen=True, slots=True)
class Doing:
    """What `steps` is at, how much of that is done (0 to 1), and whether it waits for others."""

    stage: Stage
    share: float = 0.0
    waits: bool = False


# After so many changes it is not waited for the user's hands to rest any more.
ATTEMPTS = 50

Result = TypeVar("Result")
Gathered = tuple[JobData, tuple[Note, ...]]


def gather(owner: Any, scene: Any) -> Gathered:
    """The job of a shot and the notices that its curves give rise to.

    scene is the one whose sequencer has the voice. Raises SpeakError with the reason.
    """
    return portions.finish(_gathered(shots.identity(owner), scene.name, _at_once))


def steps(shot: str, scene: str) -> Generator[Doing, None, Gathered]:
    """`gather` in portions of some milliseconds; shot: its uuid, scene: its name.

    The user may do anything between two portions. When he changes what has been read by then, it
    is read again from the start, so that a job is never half of what was before an edit and half
    of what came after it. Raises SpeakError with the reason.
    """
    return _gathered(shot, scene, ready)


def _at_once(owner: Any, scene: Any) -> bool:
    check(owner, scene)
    return True


def _gathered(
    shot: str, scene_name: str, is_ready: Callable[[Any, Any], bool]
) -> Generator[Doing, None, Gathered]:
    attempts = 0
    while True:
        owner, scene = shots.by_uuid(shot), bpy.data.scenes.get(scene_name)
        if owner is None or scene is None:
            raise SpeakError("no_frames")
        if not is_ready(owner, scene):
            yield Doing(Stage.MIXING, waits=True)
            continue
        shots.ensure_folder_name(owner)
        attempts += 1
        reading = _read(owner, scene)
        try:
            # Where something never comes to rest it is read at once, between two changes.
            at_once = attempts > ATTEMPTS and not _renders()
            read = portions.finish(reading) if at_once else (yield from reading)
        except ReferenceError:  # it was deleted, or undone
            if attempts > ATTEMPTS:
                raise
            read = None
        # The voice, too, may be another one by now.
        if read is not None and is_ready(owner, scene):
            return _job(owner, scene, read)
        yield Doing(Stage.READING)


def _renders() -> bool:
    return bool(bpy.app.is_job_running("RENDER"))


@dataclass(frozen=True, slots=True)
class _Read:
    """What takes long to read: curves as values per frame, and as keys for the take."""

    frames: FrameRange
    edit: Track
    weights: Track
    kept: dict[str, Any]


def _read(owner: Any, scene: Any) -> Generator[Doing, None, _Read | None]:
    """All that is read of curves; None when something was changed in between."""
    frames, _ = _range(owner, scene)
    reading = curves.Reading(owner, scene, frames)
    values = yield from _unless_changed(reading, reading.steps(), 0.0, 0.9)
    told = values and (yield from _unless_changed(reading, curve_data.steps(owner), 0.9, 1.0))
    if values is None or told is None or _range(owner, scene)[0] != frames:
        return None
    return _Read(frames, *values, {**told, **driven_data.capture(owner, scene)})


def _unless_changed(
    reading: curves.Reading, work: Generator[float, None, Result], first: float, last: float
) -> Generator[Doing, None, Result | None]:
    """What comes of some reading, or None when what it reads was changed meanwhile."""
    share = first
    while True:
        # A scene of our own may not come and go while another thread renders.
        waits = reading.stepped and _renders()
        if not waits:
            try:
                share = first + (last - first) * next(work)
            except StopIteration as end:
                found: Result = end.value
                return found
        yield Doing(Stage.READING, share, waits)
        if reading.watch.changed:
            return None


def _job(owner: Any, scene: Any, read: _Read) -> Gathered:
    shot = owner.speak
    asked = speaker(owner, scene)
    folder_name = shots.ensure_folder_name(owner)
    folder = ShotFolder(shots.folder_path(owner))
    folder.open()
    edit = read.edit + moods.track(moods.of_shot(owner, scene), read.frames)
    edit, moved, names = layers.clean_edit(edit)
    notices = []
    if moved:
        notices.append(Note("controls_clamped", {"count": moved, "names": ", ".join(names)}))
    data = JobData(
        speaker=asked,
        shot=shot.uuid,
        folder=folder,
        folder_name=folder_name,
        portrait_name=bpy.path.basename(shot.portrait),
        voice_name=shot.strip if shot.voice_source == "STRIP" else shot.voice_source,
        fps_stored=(scene.render.fps, scene.render.fps_base),
        size=int(shot.size),
        mark=asked.sources.mark,
        consent=marks.consent(owner),
        use_auto=shot.use_auto,
        edit=edit,
        weights=read.weights,
        kept=read.kept,
        measured=np.full(edit.shape, np.nan, np.float32),
    )
    return data, tuple(notices)


def ready(owner: Any, scene: Any) -> bool:
    """Whether `speaker` will answer at once; else ask again in a moment.

    Raises SpeakError with the reason why it never will.
    """
    check(owner, scene)
    frames, fps = _range(owner, scene)
    return audio.ready(owner, scene, frames, fps)


def check(owner: Any, scene: Any) -> None:
    """Raises SpeakError where a shot cannot be generated, as far as it can be told at once."""
    _range(owner, scene)
    path = _portrait_path(owner)
    if not path.is_file():
        raise SpeakError("portrait_missing", name=path.name or "(none)")


def speaker(owner: Any, scene: Any) -> Speaker:
    """Portrait, voice and range of a shot. Raises SpeakError with the reason."""
    shot = owner.speak
    frames, fps = _range(owner, scene)
    portrait = _read_portrait(owner)
    samples, start = audio.voice(owner, scene, frames, fps)
    return Speaker(
        sources=sources.of(owner, scene, frames, preferences.pack_hash()),
        portrait=portrait,
        face=None if shot.face < 0 else shot.face,
        samples=samples,
        rate=audio.RATE,
        start=start,
        fps=fps,
        frames=frames,
        seed=shot.seed,
        auto_amount=shot.auto_amount,
    )


def _range(owner: Any, scene: Any) -> tuple[FrameRange, Fraction]:
    fps = shots.rate(scene)
    if not 1 <= fps <= 240:
        raise SpeakError("bad_fps", fps=round(float(fps), 3))
    frames = shots.frames(owner, scene)
    if frames.count == 0:
        raise SpeakError("no_frames")
    if frames.count > MAX_FRAMES:
        raise SpeakError("too_many_frames", frames=frames.count, limit=MAX_FRAMES)
    return frames, fps


def _portrait_path(owner: Any) -> Path:
    return Path(bpy.path.abspath(owner.speak.portrait, library=owner.library))


def _read_portrait(owner: Any) -> bytes:
    path = _portrait_path(owner)
    try:
        size = path.stat().st_size
        if size > MAX_PORTRAIT_BYTES:
            raise SpeakError("too_large", what="The portrait", size=size, limit=MAX_PORTRAIT_BYTES)
        return path.read_bytes()
    except OSError as error:
        raise SpeakError("portrait_missing", name=path.name or "(none)") from error
