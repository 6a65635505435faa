# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON read in portions says what `json` says, and may be left between any two rows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speak.speak_addon import json_portions, portions

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)
DAMAGED = (
    "", " ", "{", "[", "[1", "[1,", "[1,]", '{"a"', '{"a":', '{"a" 1}', '{"a": 1,}', "{1: 2}",
    "[1 2]", "[1]]", "1 2", "{}x", '{"a": [1, {"b": }]}', "\0", "nul", '["a]',
)  # fmt: skip


@given(document=DOCUMENTS, indent=st.sampled_from([None, 0, 1]))
def test_it_says_what_json_says(document, indent):
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    assert portions.finish(json_portions.steps(f" {text}\n")) == json.loads(text)


@pytest.mark.parametrize("text", DAMAGED)
def test_what_json_refuses_is_refused(text):
    for read in (json.loads, lambda told: portions.finish(json_portions.steps(told))):
        with pytest.raises(ValueError):
            read(text)


def test_of_two_members_of_one_name_the_last_holds():
    assert portions.finish(json_portions.steps('{"a": 1, "a": 2}')) == {"a": 2}


def test_it_may_be_left_between_the_rows_of_a_shot():
    rows = [[0.5] * 19 for _ in range(1000)]
    shot = {"keys": ["k"] * 1000, "controls": {"names": ["yaw"], "rows": rows}, "measured": rows}
    assert sum(1 for _ in json_portions.steps(json.dumps(shot, indent=1))) > 3000
