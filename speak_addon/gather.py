# SPDX-License-Identifier: GPL-3.0-or-later
"""From a shot in the scene to the data of one job. Everything that can be refused is, here."""

from fractions import Fraction
from pathlib import Path
from typing import Any

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
    preferences,
    shots,
    sources,
)
from .frame_time import FrameRange
from .job_data import JobData, Speaker
from .shot_folder import ShotFolder
from .state import Note


def gather(owner: Any, scene: Any) -> tuple[JobData, tuple[Note, ...]]:
    """The job of a shot and the notices that its curves give rise to.

    scene is the one whose sequencer has the voice. Raises SpeakError with the reason.
    """
    shots.separate_copy(owner)
    shot = owner.speak
    asked = speaker(owner, scene)
    frames = asked.frames
    folder_name = shots.ensure_folder_name(owner)
    folder = ShotFolder(shots.folder_path(owner))
    folder.open()
    edit, weights = curves.sample(owner, scene, frames)
    edit = edit + moods.track(moods.of_shot(owner, scene), frames)
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
        weights=weights,
        kept={**curve_data.capture(owner), **driven_data.capture(owner, scene)},
        measured=np.full(edit.shape, np.nan, np.float32),
    )
    return data, tuple(notices)


def ready(owner: Any, scene: Any) -> bool:
    """Whether `speaker` and `gather` will answer at once; else ask again in a moment.

    Raises SpeakError with the reason why they never will.
    """
    frames, fps = _range(owner, scene)
    _check_portrait(owner)
    return audio.ready(owner, scene, frames, fps)


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


def _check_portrait(owner: Any) -> None:
    if not _portrait_path(owner).is_file():
        raise SpeakError("portrait_missing", name=_portrait_path(owner).name or "(none)")


def _read_portrait(owner: Any) -> bytes:
    path = _portrait_path(owner)
    try:
        size = path.stat().st_size
        if size > MAX_PORTRAIT_BYTES:
            raise SpeakError("too_large", what="The portrait", size=size, limit=MAX_PORTRAIT_BYTES)
        return path.read_bytes()
    except OSError as error:
        raise SpeakError("portrait_missing", name=path.name or "(none)") from error
