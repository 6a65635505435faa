# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels are drawn with: sentences over several lines, notes, the state of the core."""

import re
import unicodedata
from typing import Any

from .. import core_lines, diagnostics, preferences, runtime, words
from ..state import Link, Note

# About how many letters fit into a line of the sidebar at its first width.
LINE = 38


def wide(text: str) -> int:
    """How many letters wide a text is; those of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def wrapped(text: str, width: int = LINE) -> list[str]:
    """A sentence in lines, because labels do not wrap."""
    lines, line = [], ""
    for word in _pieces(text):
        if line and wide(line) + wide(word.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """Where a line may break: behind spaces, and between the letters of East Asia."""
    return re.findall(r"[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+\s*|\s+", text)


def draw_text(layout: Any, text: str, icon: str = "NONE", width: int = LINE) -> None:
    """A sentence over as many lines as it takes."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(wrapped(words.say(text), width)):
        column.label(
            text=line,
            translate=False,
            icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else icon),
        )


def draw_note(layout: Any, note: Note, icon: str, width: int = LINE) -> None:
    """An error or a notice: what happened and the way out."""
    said = words.wording(note.code, note.args)
    draw_text(layout, said.sentence, icon, width)
    draw_text(layout, said.hint, "BLANK1", width)
    if icon == "ERROR":
        row = layout.row()
        row.alignment = "LEFT"
        explain = row.operator("speak.explain", text=note.code, icon="QUESTION", translate=False)
        explain.code = note.code


def draw_core_status(layout: Any) -> None:
    """What is known of the core, and the button that finds out."""
    state = runtime.session().state
    row = layout.row()
    row.operator("speak.test_everything", text="Check", icon="CHECKMARK")
    row.operator("speak.copy_diagnostics", icon="COPYDOWN")
    row = layout.row()
    core = state.core
    if state.link is Link.STARTING:
        row.label(text="Starting the core ...")
    elif core is not None:
        text = f"{core.pack} {core.pack_version}, {', '.join(core.providers)}"
        row.label(text=text, translate=False)
    elif getattr(preferences.preferences(), "core", "OWN") == "RUNNING":
        row.label(text="Not connected to a core; Generate connects")
    else:
        row.label(text="The core is not running; Generate starts it")
    test = diagnostics.test()
    if test is not None:
        column = layout.box().column(align=True)
        column.scale_y = 0.8
        for line in test.lines:
            column.label(text=core_lines.said(line, words.say), translate=False)
        if test.running:
            column.label(text="Testing ...", icon="SORTTIME")
        elif test.failed:
            column.label(text="The test failed.", icon="ERROR")
    if state.core_error is not None:
        draw_note(layout.box(), state.core_error, "ERROR", 80)
