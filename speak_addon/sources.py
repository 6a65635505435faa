# SPDX-License-Identifier: GPL-3.0-or-later
"""Portrait, voice, pack and settings of a shot in forms that can be compared with the last time.

Cheap enough to be asked after every edit: nothing is decoded or mixed down. A voice is known by
its strips, where they lie and how they are cut, and by the size of their files.
"""

import hashlib
from pathlib import Path
from typing import Any

import bpy

from . import compat, marks, shots
from .baseline import Sources
from .file_hash import file_hash
from .frame_time import FrameRange


def of(owner: Any, scene: Any, frames: FrameRange, pack: str) -> Sources:
    """The sources of a shot now. Raises SpeakError(strip_missing)."""
    shot = owner.speak
    portrait = file_hash(Path(bpy.path.abspath(shot.portrait, library=owner.library)))
    return Sources(
        portrait=f"{portrait} {shot.face}",
        voice=_voice(owner, scene, frames),
        pack=pack,
        fps=str(shots.rate(scene)),
        size=int(shot.size),
        seed=shot.seed,
        amount=round(shot.auto_amount, 6),
        mark=marks.are_on(scene),
    )


def _voice(owner: Any, scene: Any, frames: FrameRange) -> str:
    """What the voice is made from, as a hash; it says the same wherever the project lies."""
    spoken = shots.spoken_strips(owner, scene)
    if not spoken:
        strips = [s for s in compat.all_strips(scene) if s.type == "SOUND" and not s.mute]
    else:
        strips = spoken
    animated = _volume_is_animated(scene)
    parts = [frames.count, scene.render.fps, round(scene.render.fps_base, 6)]
    for strip in sorted(strips, key=compat.strip_start):
        parts += [
            compat.strip_start(strip) - frames.first,
            compat.strip_end(strip) - frames.first,
            compat.strip_offset(strip) - frames.first,
            "animated" if animated else round(strip.volume, 6),
            *_sound(strip.sound),
        ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _sound(sound: Any) -> tuple[str, int]:
    """The name and the size of a sound's file."""
    if sound is None:
        return "", 0
    if sound.packed_file is not None:
        return sound.name, int(sound.packed_file.size)
    path = Path(bpy.path.abspath(sound.filepath, library=sound.library))
    try:
        return path.name, path.stat().st_size
    except OSError:
        return path.name, -1


def _volume_is_animated(scene: Any) -> bool:
    """Whether strips change their volume over time: its value then depends on the playhead."""
    bag = compat.find_bag(scene)
    return bag is not None and any(curve.data_path.endswith("volume") for curve in bag.fcurves)
