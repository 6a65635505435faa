# SPDX-License-Identifier: GPL-3.0-or-later
"""The page that a click on a message opens, without Blender."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from speak.inference_core.protocol.errors import TABLE
from speak.speak_addon.advice import ADVICE
from speak.speak_addon.help_page import page

TRANSLATIONS = Path(__file__).resolve().parents[2] / "speak_addon" / "translations"


class Anchors(HTMLParser):
    """The ids of a page in order, and whether its tags close."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_code_has_its_page_and_stands_first_on_it(code: str):
    read = Anchors(page(code))
    assert read.ids[0] == code
    assert sorted(read.ids) == sorted(TABLE)
    assert read.open == []


def test_a_page_says_what_happened_and_more():
    text = page("portrait_no_face")
    assert "No face was found in the portrait." in text
    assert all(piece.replace("'", "&#x27;") in text for piece in ADVICE["portrait_no_face"])
    assert not re.findall(r"[{}]", text.partition("</style>")[2]), "what is filled in is left open"


def test_it_is_in_the_language_of_the_interface():
    german = json.loads((TRANSLATIONS / "de_DE.json").read_text("utf-8"))
    text = page("portrait_no_face", lambda said: german[said])
    assert "Im Porträt wurde kein Gesicht gefunden." in text


def test_a_code_that_is_not_known_still_gives_the_list():
    assert sorted(Anchors(page("<script>")).ids) == sorted(TABLE)
    assert "<script>" not in page("<script>")
