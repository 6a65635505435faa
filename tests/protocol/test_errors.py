# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes, sentences and hints."""

import re
from string import Formatter

import pytest

from inference_core.protocol.errors import TABLE, SpeakError, wording
from inference_core.protocol.messages import Event, received_error


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_code_has_a_sentence_and_a_hint(code: str):
    words = TABLE[code]
    assert re.fullmatch(r"[a-z0-9_]+", code)
    for text in (words.sentence, words.hint):
        assert text[0].isupper() or text[0] in "`{"
        assert text.rstrip("`").endswith((".", "!"))
        for _, name, spec, conversion in Formatter().parse(text):
            # Plain names only: an argument from the wire must not reach into an object.
            assert name is None or (name.isidentifier() and not spec and not conversion)


def test_an_error_reads_as_its_sentence():
    error = SpeakError("portrait_too_small", width=16, height=16, limit=64)
    assert str(error) == "The portrait has 16 x 16 pixels; at least 64 x 64 are needed."
    assert error.hint == "Use a larger image of the face."
    assert error.arguments == {"width": 16, "height": 16, "limit": 64}


def test_a_missing_argument_is_a_question_mark():
    assert "?" in SpeakError("portrait_too_small").sentence


def test_a_code_that_is_not_in_the_table_cannot_be_raised_but_can_be_received():
    with pytest.raises(ValueError, match="not in the table"):
        SpeakError("no_such_code")
    assert "no_such_code" in wording("no_such_code").sentence
    assert received_error("no_such_code", None).code == "internal"


def test_arguments_from_the_wire_cannot_be_formats_or_parameters():
    error = received_error("internal", {"reason": "{0.__class__}", "code": 3, "x": [1]})
    assert error.code == "internal"
    assert "{0.__class__}" in received_error("internal", {"reason": "{0.__class__}"}).sentence
    assert error.arguments["reason"] == "{0.__class__}"


def test_a_failed_event_gives_its_error():
    event = Event(3, "failed", {"code": "voice_silent", "args": {}})
    assert event.terminal
    assert event.error is not None
    assert event.error.code == "voice_silent"
    assert Event(3, "done").error is None
