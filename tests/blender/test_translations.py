# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogues fit each other, the program's texts, and Blender."""

import json
from pathlib import Path
from string import Formatter

import pytest

from inference_core.protocol import controls, errors

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "speak_addon" / "translations"
LANGUAGES = ("de_DE", "zh_HANS")


def catalogue(language: str) -> dict[str, str]:
    return json.loads((FOLDER / f"{language}.json").read_text("utf-8"))


def names(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def test_every_language_has_the_same_texts():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(LANGUAGES)
    first, *others = (set(catalogue(language)) for language in LANGUAGES)
    assert all(first == other for other in others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_in_braces_are_kept_and_nothing_is_left_out(language):
    for english, said in catalogue(language).items():
        assert said.strip(), english
        assert names(english) == names(said), english
        assert english.endswith(".") == said.rstrip().endswith((".", "。", "…")), english


def test_no_text_is_translated_that_is_said_nowhere():
    """Texts stand in the source in one or several pieces; their beginnings are looked for."""
    folders = (ROOT / "speak_addon", ROOT / "inference_core" / "protocol")
    files = [path for folder in folders for path in folder.rglob("*.py")]
    known = "".join(path.read_text("utf-8") for path in files)
    known += " ".join(f"{w.sentence} {w.hint}" for w in errors.TABLE.values())
    known += " ".join(f"{c.meaning} ({c.unit})" for c in controls.CONTROLS)
    known += " ".join(c.name.replace("_", " ").title() for c in controls.CONTROLS)
    composed = ("How much of the proposed", "From Selected Strips", "From Channel", "1 frame made")
    stale = [
        text
        for text in catalogue(LANGUAGES[0])
        if text[:24] not in known and not text.startswith((*composed, "{made} frames made"))
    ]
    assert not stale


def test_blender_speaks_them(play):
    said = play("languages")
    assert "covered" in said
