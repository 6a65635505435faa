# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON read in portions: what a long shot's file holds takes longer than a window may stand still.

Without bpy. A thread would not help, as `json` lets no other thread run until all is read.
"""

import json
import re
from collections.abc import Generator
from typing import Any

# Objects within so many others are read member by member, and of arrays in them each element.
DEPTH = 3

_SPACE = re.compile(r"[ \t\n\r]*")
_CLOSING = {"{": "}", "[": "]"}
_whole = json.JSONDecoder().raw_decode


def steps(text: str) -> Generator[None, None, Any]:
    """What `json.loads` gives; yields wherever it may be left. Raises ValueError."""
    value, end = yield from _value(text, _after_space(text, 0), DEPTH)
    if end != len(text):
        raise ValueError(f"something follows at character {end}")
    return value


def _value(text: str, at: int, depth: int) -> Generator[None, None, tuple[Any, int]]:
    """The value that begins at a character, and where the next thing does."""
    opening = text[at : at + 1]
    if depth == 0 or opening not in _CLOSING:
        yield
        value, end = _whole(text, at)
        return value, _after_space(text, end)
    members: dict[Any, Any] = {}
    closing, at = _CLOSING[opening], _after_space(text, at + 1)
    while text[at : at + 1] != closing or members:
        name: Any = len(members)
        if opening == "{":
            name, end = _whole(text, at)
            if not isinstance(name, str):
                raise ValueError(f"no name at character {at}")
            at = _after(text, end, ":")
        members[name], at = yield from _value(text, at, depth - 1 if opening == "{" else 0)
        if text[at : at + 1] == closing:
            break
        at = _after(text, at, ",")
    found = members if opening == "{" else list(members.values())
    return found, _after_space(text, at + 1)


def _after(text: str, at: int, mark: str) -> int:
    at = _after_space(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"no {mark} at character {at}")
    return _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None  # it matches nothing, too
    return found.end()
