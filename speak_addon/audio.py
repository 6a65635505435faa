# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice of a shot, mixed down from the timeline as 16 kHz mono samples.

Mixing down is the one way that follows Blender in all of volume, cuts, retiming and effects.
What is not spoken is muted meanwhile and put back.
"""

import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.errors import SpeakError
from . import compat, shots
from .frame_time import FrameRange

RATE = 16000
# A strip longer than this is not sent whole for a short shot.
LONG_SECONDS = 600
# How long an asynchronous mixdown may take, per second of sound and at least.
PATIENCE, LEAST_PATIENCE = 1.0, 20.0

Samples = npt.NDArray[np.int16]

# Voices of this session by all that they were mixed from; a minute takes 2 MB.
KEPT = 4
_heard: dict[Any, Samples] = {}


def voice(owner: Any, scene: Any, frames: FrameRange, fps: Fraction) -> tuple[Samples, float]:
    """The voice of a shot as int16 [n], and the seconds into it of the shot's first frame.

    Raises SpeakError: strip_missing, strip_file_missing, voice_unreadable.
    """
    strips = shots.spoken_strips(owner, scene)
    for strip in strips:
        _check_file(strip)
    heard = shots.span(strips) if strips else frames
    if heard.count / fps > LONG_SECONDS:
        heard = frames
    state = _state(scene, strips, heard, fps)
    known = _heard.get(state) if state is not None else None
    if known is None:
        samples = _mixdown(scene, strips, heard, heard.samples(fps, RATE))
        if state is not None:
            while len(_heard) >= KEPT:
                _heard.pop(next(iter(_heard)))
            _heard[state] = samples
    else:
        samples = known
    start = Fraction(frames.first - heard.first) / fps
    if start < 0:
        # The shot begins before its voice does.
        silence = np.zeros(round(-start * RATE), np.int16)
        samples, start = np.concatenate([silence, samples]), Fraction(0)
    return samples, float(start)


def _state(scene: Any, strips: list[Any], heard: FrameRange, fps: Fraction) -> Any:
    """Everything that a voice is mixed from, or None where it cannot be told.

    Mixing down holds the window; a voice that is as it was is not mixed again. What has effects,
    changes speed or is animated always is, and so is the whole mix of a scene.
    """
    bag = compat.find_bag(scene)
    animated = bag is not None and any("sequence_editor" in c.data_path for c in bag.fcurves)
    if not strips or animated or (scene.animation_data and scene.animation_data.drivers):
        return None
    parts: list[Any] = [heard, fps, scene.audio_volume]
    for strip in strips:
        sound = strip.sound
        if len(strip.modifiers) or len(getattr(strip, "retiming_keys", ())) or sound.packed_file:
            return None
        path = Path(bpy.path.abspath(sound.filepath, library=sound.library))
        try:
            facts = path.stat()
        except OSError:
            return None
        names = ("volume", "pan", "pitch", "sound_offset", "animation_offset_start")
        parts += [
            str(path), facts.st_mtime_ns, facts.st_size, sound.use_mono,
            compat.strip_start(strip), compat.strip_end(strip), compat.strip_offset(strip),
            *(getattr(strip, name, None) for name in names),
        ]  # fmt: skip
    return tuple(parts)


def _check_file(strip: Any) -> None:
    sound = strip.sound
    if sound is None:
        raise SpeakError("strip_file_missing", name=strip.name)
    if (
        sound.packed_file is None
        and not Path(bpy.path.abspath(sound.filepath, library=sound.library)).is_file()
    ):
        raise SpeakError("strip_file_missing", name=strip.name)


@contextmanager
def _only(scene: Any, spoken: list[Any], heard: FrameRange) -> Iterator[None]:
    """Meanwhile only the spoken strips sound (all, if none is named) and the range is `heard`."""
    before = scene.frame_start, scene.frame_end, scene.use_audio
    names = {strip.name for strip in spoken}
    mutes: list[tuple[Any, bool]] = []
    if spoken:
        mutes = [
            (strip, strip.mute)
            for strip in compat.all_strips(scene)
            if strip.type in ("SOUND", "SCENE")
        ]
    try:
        scene.use_audio = True
        # The end first or last, as it needs to be: Blender moves the one when the other passes it.
        scene.frame_end = max(heard.last, scene.frame_end)
        scene.frame_start, scene.frame_end = heard.first, heard.last
        for strip, _ in mutes:
            strip.mute = strip.name not in names
        yield
    finally:
        for strip, mute in mutes:
            strip.mute = mute
        scene.frame_end = max(before[1], scene.frame_end)
        scene.frame_start, scene.frame_end, scene.use_audio = before


def _mixdown(scene: Any, spoken: list[Any], heard: FrameRange, count: int) -> Samples:
    with tempfile.TemporaryDirectory(prefix="speak-") as folder, _only(scene, spoken, heard):
        path = Path(folder) / "voice.wav"
        try:
            with bpy.context.temp_override(scene=scene):
                bpy.ops.sound.mixdown(
                    filepath=str(path), check_existing=False, container="WAV", codec="PCM",
                    format="S16", mixrate=RATE, channels="MONO",
                )  # fmt: skip
        except RuntimeError as error:
            raise SpeakError("voice_unreadable", reason="Blender cannot mix it down") from error
        return _read(path, count)


def _read(path: Path, count: int) -> Samples:
    """Exactly `count` samples: the file has a few more at its end.

    Blender 5.2.0 to 5.2.2 return before the file is written, so it is waited for.
    """
    patience = max(LEAST_PATIENCE, PATIENCE * count / RATE)
    deadline = time.monotonic() + patience
    while True:
        samples = _read_finished(path, count)
        if samples is not None:
            return samples
        if time.monotonic() > deadline:
            raise SpeakError("voice_unreadable", reason="Blender's mixdown did not end")
        time.sleep(0.01)


def _read_finished(path: Path, count: int) -> Samples | None:
    """The samples, or None while the file is still shorter than it must become."""
    try:
        # The header is completed last; until then it names fewer samples than the file has.
        with wave.open(str(path), "rb") as file:
            if file.getnframes() < count:
                return None
            data = file.readframes(count)
    except (OSError, EOFError, wave.Error):
        return None
    samples = np.frombuffer(data, "<i2")
    return samples.astype(np.int16) if len(samples) == count else None
