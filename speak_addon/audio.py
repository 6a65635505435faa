# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice of a shot, mixed down from the timeline as 16 kHz mono samples.

Mixing down is the one way that follows Blender in all of volume, cuts, retiming and effects.
What is not spoken is muted meanwhile and put back. In a window strips are mixed by another Blender
wherever it can be told of all that is heard: this one goes on, nothing of it that is not keyed yet
is lost, and the samples are the same.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..inference_core.protocol.errors import SpeakError
from . import compat, mix_strips, mixing, shots, strip_curves
from .frame_time import FrameRange
from .mixing import Mixing, Samples

RATE = 16000
# A strip longer than this is not sent whole for a short shot.
LONG_SECONDS = 600
# How long an asynchronous mixdown may take, per second of sound and at least.
PATIENCE, LEAST_PATIENCE = 1.0, 20.0

# Voices of this session by all that they were mixed from; a minute takes 2 MB.
KEPT = 4
_heard: dict[str, Samples] = {}
# What is being mixed now, and what could not be mixed by another Blender.
_mixing: tuple[str, Mixing] | None = None
_failed: set[str] = set()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be mixed: these strips (all, if none) over these frames.

    facts: all that it sounds like, for `mix_strips`, or None where that cannot be told.
    """

    strips: list[Any]
    heard: FrameRange
    facts: dict[str, Any] | None

    @property
    def key(self) -> str:
        """The same for what sounds the same."""
        return repr(self.facts)


def voice(owner: Any, scene: Any, frames: FrameRange, fps: Fraction) -> tuple[Samples, float]:
    """The voice of a shot as int16 [n], and the seconds into it of the shot's first frame.

    Raises SpeakError: strip_missing, strip_file_missing, voice_unreadable.
    """
    wanted = _wanted(owner, scene, frames, fps)
    samples = None if wanted.facts is None else _heard.get(wanted.key)
    if samples is None:
        samples = _mixdown(scene, wanted.strips, wanted.heard, wanted.heard.samples(fps, RATE))
        if wanted.facts is not None:
            _keep(wanted.key, samples)
    start = Fraction(frames.first - wanted.heard.first) / fps
    if start < 0:
        # The shot begins before its voice does.
        silence = np.zeros(round(-start * RATE), np.int16)
        samples, start = np.concatenate([silence, samples]), Fraction(0)
    return samples, float(start)


def ready(owner: Any, scene: Any, frames: FrameRange, fps: Fraction) -> bool:
    """Whether `voice` will answer without holding the window; else ask again in a moment.

    Another Blender is started where it can do the work. What has effects, is retimed, packed or
    driven, lies in a meta strip, and speakers and scenes within the scene only this one can mix:
    for those the answer is yes, too, as waiting would not help. Raises SpeakError as `voice` does.
    """
    global _mixing
    wanted = _wanted(owner, scene, frames, fps)
    key = wanted.key
    if wanted.facts is None or key in _heard or key in _failed:
        forget_mixing()
        return True
    if _mixing is None or _mixing[0] != key:
        forget_mixing()
        start = mixing.command(bpy.app.binary_path, sys.executable)
        assert wanted.facts is not None
        try:
            count = wanted.heard.samples(fps, RATE)
            _mixing = key, Mixing(start, wanted.facts, count, RATE)
        except OSError:
            _failed.add(key)
            return True
    if not _mixing[1].done():
        return False
    samples = _mixing[1].samples
    if samples is None:
        _failed.add(key)
    else:
        _keep(key, samples)
    _mixing = None
    return True


def forget_mixing() -> None:
    """End what another Blender is mixing: nobody waits for it any more."""
    global _mixing
    if _mixing is not None:
        _mixing[1].stop()
    _mixing = None


def _keep(key: str, samples: Samples) -> None:
    while len(_heard) >= KEPT:
        _heard.pop(next(iter(_heard)))
    _heard[key] = samples


def _wanted(owner: Any, scene: Any, frames: FrameRange, fps: Fraction) -> _Wanted:
    strips = shots.spoken_strips(owner, scene)
    for strip in strips:
        _check_file(strip)
    heard = shots.span(strips) if strips else frames
    if heard.count / fps > LONG_SECONDS:
        heard = frames
    return _Wanted(strips, heard, _facts(scene, strips, heard))


def _facts(scene: Any, strips: list[Any], heard: FrameRange) -> dict[str, Any] | None:
    """Everything that a voice is mixed from, or None where it cannot be told.

    strips: those that are spoken; none for the whole mix of the scene.
    """
    curves = strip_curves.of_scene(scene)
    sounding = strips or _sounding(scene, heard)
    if curves is None or sounding is None:
        return None
    editor = scene.sequence_editor
    plain = set() if editor is None else {strip.name for strip in compat.strips(editor)}
    told = []
    for strip in sounding:
        sound = strip.sound
        if len(strip.modifiers) or len(getattr(strip, "retiming_keys", ())) or sound.packed_file:
            return None
        if strip.name not in plain or editor.channels[strip.channel].mute:
            return None
        path = Path(bpy.path.abspath(sound.filepath, library=sound.library))
        try:
            facts = path.stat()
        except OSError:
            return None
        animated = strip_curves.values(curves, strip, heard)
        if animated is None:
            return None
        told.append(
            {
                "path": str(path), "time": facts.st_mtime_ns, "bytes": facts.st_size,
                "mono": sound.use_mono, "channel": strip.channel, **mix_strips.facts_of(strip),
                **animated,
            }
        )  # fmt: skip
    return {
        "fps": scene.render.fps, "fps_base": scene.render.fps_base, "volume": scene.audio_volume,
        "first": heard.first, "last": heard.last, "strips": told,
    }  # fmt: skip


def _sounding(scene: Any, heard: FrameRange) -> list[Any] | None:
    """The strips that the mix of a scene consists of, or None where there is more to it."""
    if any(o.type == "SPEAKER" for o in scene.objects if bpy.data.speakers):
        return None
    editor, found = scene.sequence_editor, []
    for strip in () if editor is None else compat.strips(editor):
        if strip.mute or editor.channels[strip.channel].mute:
            continue
        # Within a meta strip, and within another scene, it depends on what that does.
        if strip.type in ("META", "SCENE"):
            return None
        begins, ends = compat.strip_start(strip), compat.strip_end(strip)
        if strip.type == "SOUND" and begins <= heard.last and ends > heard.first:
            if strip.sound is None:
                return None
            found.append(strip)
    return found


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
        patience = max(LEAST_PATIENCE, PATIENCE * count / RATE)
        samples = mixing.wait_for(path, count, patience)
    if samples is None:
        raise SpeakError("voice_unreadable", reason="Blender's mixdown did not end")
    return samples
