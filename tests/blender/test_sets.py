# SPDX-License-Identifier: GPL-3.0-or-later
"""Named sets and their files, the emotion wheel, and thinning of keys, without Blender."""

import json

import pytest
from speak.inference_core.protocol.controls import BY_NAME, EMOTIONS
from speak.inference_core.protocol.errors import SpeakError
from speak.speak_addon import colours, sets


def test_the_sets_that_are_built_in_lie_in_the_ranges_and_have_names_of_their_own():
    names = [one.name for one in sets.BUILT_IN]
    assert len(set(names)) == len(names)
    for one in sets.BUILT_IN:
        assert all(BY_NAME[name].allows(value) for name, value in one.complete.items())


def test_an_emotion_replaces_the_one_before():
    happy = sets.Set("Happy", {"happy": 0.9}).complete
    assert set(happy) == set(EMOTIONS)
    assert [name for name, value in happy.items() if value] == ["happy"]
    turned = sets.Set("Turn", {"yaw": 500.0, "sad": 0.5}).complete
    assert turned["yaw"] == 60.0
    assert turned["zoom"] == 1.0


def test_sets_survive_a_file(tmp_path):
    kept = [sets.Set("Grüße", {"happy": 0.25, "yaw": -3.0}), sets.BUILT_IN[2]]
    path = tmp_path / "sets.json"
    path.write_text(sets.to_text(kept), "utf-8")
    assert sets.read(path) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a file of sets"),
        ("[]", "not a file of sets"),
        ('{"format": 9, "sets": []}', "format is 9"),
        ('{"format": 1, "sets": [{"name": "a", "values": {"joy": 1}}]}', "joy is not a control"),
        ('{"format": 1, "sets": [{"name": "a", "values": {"sad": NaN}}]}', "sad of a is no number"),
        ('{"format": 1, "sets": [{"name": "a", "values": {"sad": true}}]}', "no number"),
        ('{"format": 1, "sets": [{"name": "a", "values": {}}]}', "no values"),
        ('{"format": 1, "sets": [7]}', "not a file of sets"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(tmp_path, text, reason):
    path = tmp_path / "sets.json"
    path.write_text(text)
    with pytest.raises(SpeakError, match=reason):
        sets.read(path)


def test_a_file_that_is_missing_or_binary_is_refused(tmp_path):
    with pytest.raises(SpeakError, match="is not there"):
        sets.read(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(bytes(range(256)))
    with pytest.raises(SpeakError, match="not a text file"):
        sets.read(tmp_path / "binary.json")


def test_a_value_beyond_its_range_is_held():
    text = json.dumps({"format": 1, "sets": [{"name": "a", "values": {"yaw": 1e9}}]})
    assert sets.from_text(text)[0].values == {"yaw": 60.0}


@pytest.mark.parametrize("first", range(len(colours.WHEEL)))
def test_a_place_between_two_neighbours_of_the_wheel_is_some_of_each_and_comes_back(first):
    one, other = colours.WHEEL[first], colours.WHEEL[(first + 1) % len(colours.WHEEL)]
    colour = colours.mixed({one: 0.45, other: 0.15})
    found = colours.amounts(colour)
    assert found[one] == pytest.approx(0.45, abs=1e-6)
    assert found[other] == pytest.approx(0.15, abs=1e-6)
    assert sum(found.values()) == pytest.approx(0.6)


def test_the_middle_of_the_wheel_is_neutral_and_odd_mixtures_have_a_place():
    assert colours.mixed({}) == (1.0, 1.0, 1.0)
    assert not any(colours.amounts((1.0, 1.0, 1.0)).values())
    odd = colours.mixed({"angry": 0.3, "sad": 0.3, "happy": 0.3})
    assert all(0 <= part <= 1 for part in odd)
