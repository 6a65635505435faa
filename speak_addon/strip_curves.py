# SPDX-License-Identifier: GPL-3.0-or-later
"""What F-curves of a scene do to the sound of its strips, frame by frame."""

from typing import Any

import bpy

from . import compat
from .frame_time import FrameRange

# What of a strip's sound can be animated and told.
NAMES = ("volume", "pan")
# Curves of these say nothing of sound.
SILENT = ("blend_alpha", "color_", "effect_fader", "transform.", "crop.", "speak_")


def of_scene(scene: Any) -> list[Any] | None:
    """The curves of a scene that may concern its sound; None where they cannot be told."""
    data = scene.animation_data
    if data is None:
        return []
    bag = compat.find_bag(scene)
    curves = [] if bag is None else [curve for curve in bag.fcurves if not curve.mute]
    layers = getattr(data.action, "layers", ()) if data.action is not None else ()
    if (
        len(data.drivers)
        or any(track.strips and not track.mute for track in data.nla_tracks)
        or len(layers) > 1
        or any(curve.data_path.startswith(("audio_", "render.fps")) for curve in curves)
    ):
        return None
    return [curve for curve in curves if curve.data_path.startswith("sequence_editor")]


def values(curves: list[Any], strip: Any, heard: FrameRange) -> dict[str, list[float]] | None:
    """What is animated of a strip: its value at each frame from the one before `heard` to the one
    after it, as a mixdown asks for them. None where something else of its sound is animated.
    """
    mark = f'["{bpy.utils.escape_identifier(strip.name)}"].'
    found = {}
    for curve in curves:
        _, there, name = curve.data_path.partition(mark)
        if not there or name.startswith(SILENT):
            continue
        if name not in NAMES:
            return None
        span = range(heard.first - 1, heard.last + 2)
        found[name] = [curve.evaluate(frame) for frame in span]
    return found
