# SPDX-License-Identifier: GPL-3.0-or-later
"""The control table: everything an animator can key, defined once.

The add-on builds its properties from this table, the command line its CSV columns, the network
its inputs and the documents their reference page. A control track is `float32 [frames, 19]` in
the order of `CONTROLS`; values are absolute (yaw 0 is frontal), sampled once per frame.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Raised when a control is added, removed, moved or changes its range or meaning: packs trained
# for another table are refused by it.
CONTROLS_VERSION = 1


@dataclass(frozen=True, slots=True)
class Control:
    """One control: its name, the group it is blended in, its range and what it means."""

    name: str
    group: str
    default: float
    minimum: float
    maximum: float
    unit: str
    meaning: str

    def clamp(self, value: float) -> float:
        """`value` held to the range; NaN becomes the default, an infinity the limit it names."""
        if math.isnan(value):
            return self.default
        return min(max(value, self.minimum), self.maximum)

    def allows(self, value: float) -> bool:
        """Whether `value` is a number inside the range."""
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True)
class Group:
    """Controls that share one weight between the auto layer and the edit layer."""

    name: str
    label: str
    meaning: str


GROUPS: tuple[Group, ...] = (
    Group("pose", "Pose", "Where the head is and which way it faces"),
    Group("emotion", "Emotion", "How much of each emotion the face shows; neutral is the rest"),
    Group("eyes", "Eyes", "Lids and gaze"),
    Group("speech", "Speech", "How the mouth follows the voice"),
)

CONTROLS: tuple[Control, ...] = (
    Control("yaw", "pose", 0, -60, 60, "degrees", "Turn to the portrait's own left"),
    Control("pitch", "pose", 0, -40, 40, "degrees", "Look up"),
    Control("roll", "pose", 0, -45, 45, "degrees", "Tilt towards the portrait's own left shoulder"),
    Control("shift_x", "pose", 0, -0.5, 0.5, "face box", "Move to the right of the image"),
    Control("shift_y", "pose", 0, -0.5, 0.5, "face box", "Move to the top of the image"),
    Control("zoom", "pose", 1, 0.5, 2, "factor", "Size of the head; 1 is as in the portrait"),
    Control("angry", "emotion", 0, 0, 1, "amount", "Anger"),
    Control("contempt", "emotion", 0, 0, 1, "amount", "Contempt"),
    Control("disgusted", "emotion", 0, 0, 1, "amount", "Disgust"),
    Control("fear", "emotion", 0, 0, 1, "amount", "Fear"),
    Control("happy", "emotion", 0, 0, 1, "amount", "Happiness"),
    Control("sad", "emotion", 0, 0, 1, "amount", "Sadness"),
    Control("surprised", "emotion", 0, 0, 1, "amount", "Surprise"),
    Control("blink_left", "eyes", 0, 0, 1, "amount", "Close the portrait's own left eye"),
    Control("blink_right", "eyes", 0, 0, 1, "amount", "Close the portrait's own right eye"),
    Control("gaze_x", "eyes", 0, -1, 1, "amount", "Look towards the portrait's own left"),
    Control("gaze_y", "eyes", 0, -1, 1, "amount", "Look up with the eyes"),
    Control("lip_strength", "speech", 1, 0, 2, "factor", "Movement of the lips; 1 is as heard"),
    Control("jaw", "speech", 0, -1, 1, "offset", "Jaw on top of the voice; 1 is fully open"),
)

NAMES: tuple[str, ...] = tuple(control.name for control in CONTROLS)
INDEX: dict[str, int] = {name: index for index, name in enumerate(NAMES)}
BY_NAME: dict[str, Control] = {control.name: control for control in CONTROLS}
COUNT = len(CONTROLS)
DEFAULTS: tuple[float, ...] = tuple(control.default for control in CONTROLS)
MINIMA: tuple[float, ...] = tuple(control.minimum for control in CONTROLS)
MAXIMA: tuple[float, ...] = tuple(control.maximum for control in CONTROLS)
EMOTIONS: tuple[str, ...] = tuple(c.name for c in CONTROLS if c.group == "emotion")

# What the mouth says per frame, in the Oculus order: float32 [frames, 15], >= 0, sum <= 1.
VISEMES: tuple[str, ...] = (
    "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou",
)  # fmt: skip


def in_group(group: str) -> tuple[Control, ...]:
    """The controls of one group, in table order."""
    return tuple(control for control in CONTROLS if control.group == group)


def clamp_row(values: Sequence[float]) -> tuple[list[float], list[str]]:
    """One frame's values held to their ranges, and the names of those that had to move.

    Raises ValueError when there is not exactly one value per control.
    """
    if len(values) != COUNT:
        raise ValueError(f"a row has {COUNT} values, one per control, not {len(values)}")
    kept = [control.clamp(value) for control, value in zip(CONTROLS, values, strict=True)]
    moved = [c.name for c, value in zip(CONTROLS, values, strict=True) if not c.allows(value)]
    return kept, moved


def _number(value: float) -> str:
    return f"{value:g}"


def as_markdown(controls: Iterable[Control] = CONTROLS) -> str:
    """The table as a Markdown page section: `python -m inference_core controls` prints it."""
    lines = [
        "| control | group | default | range | unit | meaning of + |",
        "|---|---|---|---|---|---|",
    ]
    for c in controls:
        span = f"{_number(c.minimum)} to {_number(c.maximum)}"
        lines.append(
            f"| `{c.name}` | {c.group} | {_number(c.default)} | {span} | {c.unit} | {c.meaning} |"
        )
    return "\n".join(lines) + "\n"
