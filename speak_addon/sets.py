# SPDX-License-Identifier: GPL-3.0-or-later
"""Named sets of controls, emotions and poses for the playhead, and their files. Without bpy.

A set names values for some controls. Applied, the other controls of the groups that it touches
return to rest, so that an emotion replaces the one before instead of adding to it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..inference_core.protocol.controls import BY_NAME, CONTROLS, in_group
from ..inference_core.protocol.errors import SpeakError

FORMAT = 1
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Set:
    """A name and the values of some controls."""

    name: str
    values: Mapping[str, float]

    @property
    def complete(self) -> dict[str, float]:
        """The values with what else of their groups is at rest."""
        groups = [c.group for c in CONTROLS if c.name in self.values]
        rest = {c.name: float(c.default) for group in groups for c in in_group(group)}
        return rest | {name: BY_NAME[name].clamp(value) for name, value in self.values.items()}


BUILT_IN: tuple[Set, ...] = (
    Set("Neutral", {"happy": 0.0}),
    Set("Happy", {"happy": 0.9}),
    Set("Smile", {"happy": 0.4}),
    Set("Sad", {"sad": 0.9}),
    Set("Angry", {"angry": 0.9}),
    Set("Annoyed", {"angry": 0.35, "contempt": 0.2}),
    Set("Afraid", {"fear": 0.9}),
    Set("Worried", {"fear": 0.35, "sad": 0.35}),
    Set("Surprised", {"surprised": 0.9}),
    Set("Delighted", {"happy": 0.6, "surprised": 0.35}),
    Set("Disgusted", {"disgusted": 0.9}),
    Set("Contempt", {"contempt": 0.9}),
    Set("Bittersweet", {"happy": 0.35, "sad": 0.4}),
    Set("Face Front", {"yaw": 0.0}),
    Set("Look Left", {"yaw": 18.0}),
    Set("Look Right", {"yaw": -18.0}),
    Set("Chin Up", {"pitch": 10.0}),
    Set("Chin Down", {"pitch": -10.0}),
    Set("Tilt", {"roll": 10.0}),
    Set("Eyes Closed", {"blink_left": 1.0, "blink_right": 1.0}),
    Set("Glance Aside", {"gaze_x": 0.6}),
)


def of_values(name: str, values: Mapping[str, float]) -> Set:
    """A set of those values that differ from rest, or of neutral when none does."""
    moved = {
        control.name: round(float(values[control.name]), 4)
        for control in CONTROLS
        if control.name in values and abs(values[control.name] - control.default) > 1e-4
    }
    return Set(name, moved or {"happy": 0.0})


def to_text(sets: list[Set]) -> str:
    """Sets as the content of a file."""
    entries = [{"name": one.name, "values": dict(one.values)} for one in sets]
    return json.dumps({"format": FORMAT, "sets": entries}, indent=1, ensure_ascii=False) + "\n"


def from_text(text: str) -> list[Set]:
    """The sets of a file's content. Raises SpeakError(sets_unreadable)."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise SpeakError(
                "sets_unreadable",
                reason="its format is {found}",
                found=str(document["format"])[:40],
            )
        return [_checked(entry) for entry in document["sets"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SpeakError("sets_unreadable", reason="it is not a file of sets") from None


def read(path: Path) -> list[Set]:
    """The sets of a file. Raises SpeakError(file_missing, sets_unreadable)."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SpeakError("sets_unreadable", reason="it is far too large")
        return from_text(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SpeakError("file_missing", name=path.name) from None
    except (OSError, UnicodeDecodeError):
        raise SpeakError("sets_unreadable", reason="it is not a text file") from None


def _checked(entry: Mapping[str, object]) -> Set:
    name, values = entry["name"], entry["values"]
    if not isinstance(name, str) or not isinstance(values, dict) or not values:
        raise SpeakError("sets_unreadable", reason="a set has no name or no values")
    for control, value in values.items():
        if control not in BY_NAME:
            raise SpeakError("sets_unreadable", reason="{name} is not a control", name=control[:40])
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise SpeakError(
                "sets_unreadable",
                reason="{control} of {name} is no number",
                control=control,
                name=name[:40],
            )
    return Set(name[:60], {control: BY_NAME[control].clamp(v) for control, v in values.items()})
