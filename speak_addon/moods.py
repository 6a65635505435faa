# SPDX-License-Identifier: GPL-3.0-or-later
"""Mood strips: strips of the sequencer that hold a set over their length, with ramps at both ends.

A mood strip is an adjustment strip that adjusts nothing, so it is never seen in a render; what it
means lies in its own properties. It is added to the edit layer when frames are asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..inference_core.protocol.controls import COUNT, DEFAULTS, INDEX
from . import colours, compat, sets_in_file, shots
from .frame_time import FrameRange
from .layers import Track
from .sets import Set

SET, SHOT, AMOUNT = "speak_set", "speak_shot", "speak_amount"
RAMP_IN, RAMP_OUT = "speak_ramp_in", "speak_ramp_out"
# The longest ramp, in seconds.
MOST_RAMP = 5.0
# Blender's colour tags of strips in the order of the wheel.
TAGS = ("COLOR_01", "COLOR_03", "COLOR_04", "COLOR_05", "COLOR_06", "COLOR_07", "COLOR_08")


@dataclass(frozen=True, slots=True)
class Mood:
    """Values above rest [19] from frame `start` up to `end`, not included; ramps in frames."""

    start: float
    end: float
    ramp_in: float
    ramp_out: float
    offset: tuple[float, ...]


def envelope(frames: Track, mood: Mood) -> Track:
    """How strong a mood is at these frames, 0 to 1: eased up, held, eased down."""
    up = (frames - mood.start) / max(mood.ramp_in, 1e-6)
    down = (mood.end - frames) / max(mood.ramp_out, 1e-6)
    x = np.clip(np.minimum(up, down), 0.0, 1.0)
    inside = (frames >= mood.start) & (frames < mood.end)
    return np.where(inside, x * x * (3 - 2 * x), 0.0).astype(np.float32)


def track(moods: Iterable[Mood], frames: FrameRange) -> Track:
    """What moods add to the edit layer, float32 [frames, 19]."""
    numbers = np.arange(frames.first, frames.last + 1, dtype=np.float32)
    total = np.zeros((frames.count, COUNT), np.float32)
    for mood in moods:
        total += envelope(numbers, mood)[:, None] * np.array(mood.offset, np.float32)
    return total


def offset_of(chosen: Set, amount: float) -> tuple[float, ...]:
    """A set as values above rest [19]."""
    values = [0.0] * COUNT
    for name, value in chosen.values.items():
        values[INDEX[name]] = amount * (value - DEFAULTS[INDEX[name]])
    return tuple(values)


def is_mood(strip: Any) -> bool:
    """Whether a strip holds a mood."""
    return strip is not None and SET in strip


def of_shot(owner: Any, scene: Any) -> list[Mood]:
    """The moods of a scene that concern a shot: its own and those of nobody."""
    rate, found = float(shots.rate(scene)), []
    for strip in compat.all_strips(scene):
        if not is_mood(strip) or strip.mute or strip.get(SHOT) not in ("", owner.speak.uuid):
            continue
        chosen = sets_in_file.find(scene, str(strip[SET]))
        if chosen is None:
            continue
        found.append(
            Mood(
                compat.strip_start(strip),
                compat.strip_end(strip),
                float(strip.get(RAMP_IN, 0.3)) * rate,
                float(strip.get(RAMP_OUT, 0.3)) * rate,
                offset_of(chosen, float(strip.get(AMOUNT, 1.0))),
            )
        )
    return found


def strips_of(owner: Any, scene: Any) -> list[Any]:
    """The mood strips that were made for a shot, but for those of nobody and in meta strips."""
    uuid, editor = owner.speak.uuid, scene.sequence_editor
    there = [] if editor is None else list(compat.strips(editor))
    return [strip for strip in there if is_mood(strip) and strip.get(SHOT) == uuid]


def facts(strip: Any, scene: Any) -> dict[str, Any]:
    """What a mood strip means, with the values that its set has now."""
    chosen = sets_in_file.find(scene, str(strip[SET]))
    return {
        "set": str(strip[SET]),
        "values": None if chosen is None else dict(chosen.values),
        "amount": float(strip.get(AMOUNT, 1.0)),
        "ramp_in": float(strip.get(RAMP_IN, 0.3)),
        "ramp_out": float(strip.get(RAMP_OUT, 0.3)),
    }


def put(owner: Any, scene: Any, told: Mapping[str, Any]) -> Any:
    """A mood strip as `facts` and its place tell of it.

    A set that is gone or has other values by now comes back beside it, under a name of its own.
    """
    chosen = Set(str(told["set"]), told["values"] or {})
    now = sets_in_file.find(scene, chosen.name)
    if told["values"] and (now is None or dict(now.values) != dict(chosen.values)):
        chosen = Set(sets_in_file.free_name(scene, chosen), chosen.values)
        sets_in_file.store(scene, chosen)
    strip = new_strip(owner, scene, chosen, told["start"], told["end"] - 1)
    strip.name, strip.mute = told["name"], told["mute"]
    strip[AMOUNT], strip[RAMP_IN], strip[RAMP_OUT] = (
        told["amount"], told["ramp_in"], told["ramp_out"],
    )  # fmt: skip
    if strip.channel != told["channel"]:
        strip.channel = told["channel"]
    return strip


def tag_of(chosen: Set) -> str:
    """The colour tag of a strip that holds a set: that of its strongest emotion."""
    strongest = max(colours.WHEEL, key=lambda name: chosen.values.get(name, 0.0))
    if not chosen.values.get(strongest):
        return "NONE"
    return TAGS[colours.WHEEL.index(strongest)]


def new_strip(owner: Any, scene: Any, chosen: Set, first: int, last: int) -> Any:
    """A mood strip over these frames in a free channel above everything there."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    busy = [
        strip.channel
        for strip in compat.all_strips(scene)
        if compat.strip_start(strip) <= last and compat.strip_end(strip) > first
    ]
    channel = max(busy, default=0) + 1
    strip = compat.new_adjustment(compat.strips(editor), chosen.name, channel, first, last + 1)
    strip[SET], strip[SHOT], strip[AMOUNT] = chosen.name, owner.speak.uuid, 1.0
    strip[RAMP_IN] = strip[RAMP_OUT] = float(owner.speak.ramp)
    for name, top in ((AMOUNT, 2.0), (RAMP_IN, MOST_RAMP), (RAMP_OUT, MOST_RAMP)):
        strip.id_properties_ui(name).update(min=0.0, max=top)
    strip.color_tag = tag_of(chosen)
    return strip
