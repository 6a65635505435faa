# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots of the file: finding them again by uuid, their frames and their folders."""

import re
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy

from ..inference_core.protocol.errors import SpeakError
from . import compat
from .frame_time import FrameRange, frame_rate

# Folders of shots lie below this one, beside the .blend.
FRAMES_ROOT = "//speak/"


def active(context: Any) -> Any:
    """The object whose shot the panels show, or None: the active one, or what its plane shows."""
    owner = context.active_object or getattr(context.view_layer.objects, "active", None)
    if owner is None:
        return None
    if not owner.speak.is_shot and owner.parent is not None:
        owner = owner.parent
    return owner if owner.speak.is_shot else None


def by_uuid(shot: str) -> Any | None:
    """The object of a shot; None when it was deleted. References do not outlive an undo."""
    for owner in bpy.data.objects:
        if owner.speak.is_shot and owner.speak.uuid == shot:
            return owner
    return None


def make_shot(owner: Any) -> None:
    """Turn an object into a shot."""
    owner.speak.is_shot = True
    owner.speak.uuid = uuid.uuid4().hex


def separate_copy(owner: Any) -> None:
    """Give a duplicate an identity and a folder of its own: it came with those of the original."""
    shot = owner.speak
    for other in bpy.data.objects:
        if other != owner and other.speak.is_shot and other.speak.uuid == shot.uuid:
            shot.uuid = uuid.uuid4().hex
            shot.folder = ""
            shot.result_strip = ""
            shot.plane = None
            shot.take = shot.compared = 0
            return


def identity(owner: Any) -> str:
    """The uuid of a shot, which is its own from now on if it was that of the original."""
    separate_copy(owner)
    return str(owner.speak.uuid)


def rate(scene: Any) -> Fraction:
    """Frames per second of a scene."""
    return frame_rate(scene.render.fps, scene.render.fps_base)


def spoken_strips(owner: Any, scene: Any) -> list[Any]:
    """The sound strips that a shot speaks; empty for the scene's mix.

    Raises SpeakError(strip_missing) when the chosen strip or any strip of the channel is not there.
    """
    shot = owner.speak
    sounds = [strip for strip in compat.all_strips(scene) if strip.type == "SOUND"]
    if shot.voice_source == "SCENE":
        return []
    if shot.voice_source == "STRIP":
        chosen = [strip for strip in sounds if strip.name == shot.strip]
        if not chosen:
            raise SpeakError("strip_missing", name=shot.strip or "(none)")
        return chosen
    chosen = [strip for strip in sounds if strip.channel == shot.channel and not strip.mute]
    if not chosen:
        raise SpeakError("strip_missing", name=f"in channel {shot.channel}")
    return chosen


def span(strips: list[Any]) -> FrameRange:
    """The frames that strips cover together."""
    return FrameRange(
        min(compat.strip_start(strip) for strip in strips),
        max(compat.strip_end(strip) for strip in strips) - 1,
    )


def frames(owner: Any, scene: Any) -> FrameRange:
    """The frames of a shot. Raises SpeakError as `spoken_strips` does."""
    shot = owner.speak
    if shot.range_source == "OWN":
        return FrameRange(shot.frame_first, shot.frame_last)
    if shot.range_source == "VOICE":
        strips = spoken_strips(owner, scene)
        if strips:
            return span(strips)
    return FrameRange(scene.frame_start, scene.frame_end)


def first_frame(owner: Any, scene: Any) -> int | None:
    """The first frame of a shot, or None while its voice is missing."""
    try:
        return frames(owner, scene).first
    except SpeakError:
        return None


def covers(owner: Any, scene: Any, frame: int) -> bool:
    """Whether a frame of the timeline belongs to a shot."""
    try:
        span_ = frames(owner, scene)
    except SpeakError:
        return False
    return span_.first <= frame <= span_.last


def slug(name: str) -> str:
    """A folder name that every file system takes: letters and digits of any script, `-`, `_`."""
    plain = re.sub(r"[^\w-]+", "_", name).strip("_") or "shot"
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", plain)
    return f"{plain}_" if reserved else plain[:60]


def ensure_folder_name(owner: Any) -> str:
    """The shot's folder as it is stored (relative to the .blend), chosen now if it had none.

    Raises SpeakError(blend_not_saved) when a relative folder has nothing to be relative to.
    """
    shot = owner.speak
    if not shot.folder:
        taken = {
            bpy.path.abspath(other.speak.folder).rstrip("/\\")
            for other in bpy.data.objects
            if other.speak.is_shot and other != owner
        }
        base = FRAMES_ROOT + slug(owner.name)
        name, number = base, 2
        while bpy.path.abspath(name).rstrip("/\\") in taken:
            name, number = f"{base}_{number}", number + 1
        shot.folder = name + "/"
    if shot.folder.startswith("//") and not bpy.data.filepath:
        raise SpeakError("blend_not_saved")
    return str(shot.folder)


def folder_path(owner: Any) -> Path:
    """The shot's folder on this machine."""
    return Path(bpy.path.abspath(owner.speak.folder, library=owner.library))
