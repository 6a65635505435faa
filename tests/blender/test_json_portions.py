# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON read in portions says what `json` says, and may be left between any two rows."""

import json
from random import Random
from typing import Any

import pytest
from speak.speak_addon import json_portions, portions

DAMAGED = (
    "", " ", "{", "[", "[1", "[1,", "[1,]", '{"a"', '{"a":', '{"a" 1}', '{"a": 1,}', "{1: 2}",
    "[1 2]", "[1]]", "1 2", "{}x", '{"a": [1, {"b": }]}', "\0", "nul", '["a]',
)  # fmt: skip


def document(random: Random, depth: int) -> Any:
    """Anything that JSON can hold."""
    kind = random.randrange(9 if depth else 6)
    if kind < 6:
        text = "".join(map(chr, random.choices(range(0x300), k=random.randrange(6))))
        return (None, True, random.randrange(-99, 99), random.gauss(0, 1e9), text, 0.5)[kind]
    inner = [document(random, depth - 1) for _ in range(random.randrange(5))]
    return inner if kind == 6 else {str(number * 7): one for number, one in enumerate(inner)}


@pytest.mark.parametrize("seed", range(200))
def test_it_says_what_json_says(seed):
    told = document(Random(seed), 6)
    for indent in (None, 0, 1):
        text = json.dumps(told, indent=indent, ensure_ascii=bool(seed % 2))
        assert portions.finish(json_portions.steps(f" {text}\n")) == told


def refuses(read, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("text", DAMAGED)
def test_what_json_refuses_is_refused(text):
    assert refuses(json.loads, text)
    assert refuses(lambda told: portions.finish(json_portions.steps(told)), text)


def test_of_two_members_of_one_name_the_last_holds():
    assert portions.finish(json_portions.steps('{"a": 1, "a": 2}')) == {"a": 2}


def test_it_may_be_left_between_the_rows_of_a_shot():
    rows = [[0.5] * 19 for _ in range(1000)]
    shot = {"keys": ["k"] * 1000, "controls": {"names": ["yaw"], "rows": rows}, "measured": rows}
    assert sum(1 for _ in json_portions.steps(json.dumps(shot, indent=1))) > 3000
