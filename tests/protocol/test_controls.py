# SPDX-License-Identifier: GPL-3.0-or-later
"""The control table: what everything else is built from."""

import math

import pytest

from inference_core.protocol import controls
from inference_core.protocol.controls import BY_NAME, CONTROLS, COUNT, GROUPS, INDEX, NAMES


def test_the_order_is_the_one_that_tracks_and_packs_have():
    assert (
        *("yaw", "pitch", "roll", "shift_x", "shift_y", "zoom"),
        *("angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised"),
        *("blink_left", "blink_right", "gaze_x", "gaze_y", "lip_strength", "jaw"),
    ) == NAMES
    assert COUNT == 19
    assert [INDEX[name] for name in NAMES] == list(range(19))


def test_every_default_is_in_its_range_and_every_group_is_described():
    for control in CONTROLS:
        assert control.allows(control.default), control.name
        assert control.minimum < control.maximum
        assert control.meaning[0].isupper()
    assert {c.group for c in CONTROLS} == {group.name for group in GROUPS}
    assert sum(len(controls.in_group(group.name)) for group in GROUPS) == COUNT


def test_meads_emotions_and_oculus_visemes():
    assert (
        *("angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised"),
    ) == controls.EMOTIONS
    assert len(controls.VISEMES) == len(set(controls.VISEMES)) == 15


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("yaw", 12.5, 12.5),
        ("yaw", 1e9, 60),
        ("yaw", -math.inf, -60),
        ("zoom", math.nan, 1),
        ("jaw", -1, -1),
    ],
)
def test_clamp(name: str, value: float, kept: float):
    assert BY_NAME[name].clamp(value) == kept


def test_clamp_row_names_what_moved():
    row = list(controls.DEFAULTS)
    row[INDEX["happy"]], row[INDEX["gaze_x"]] = 1.5, math.nan
    kept, moved = controls.clamp_row(row)
    assert kept[INDEX["happy"]] == 1
    assert kept[INDEX["gaze_x"]] == 0
    assert moved == ["happy", "gaze_x"]
    with pytest.raises(ValueError, match="19 values"):
        controls.clamp_row(row[:-1])


def test_markdown_has_a_row_per_control():
    lines = controls.as_markdown().splitlines()
    assert len(lines) == 2 + COUNT
    assert lines[2].startswith("| `yaw` | pose | 0 | -60 to 60 | degrees |")
    assert all(line.count("|") == 7 for line in lines)
