# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to the user, in the language of the interface."""

from collections.abc import Mapping

import bpy

from ..inference_core.protocol import errors
from ..inference_core.protocol.errors import Wording
from .state import Note


def say(text: str, **values: object) -> str:
    """A text in the language of the interface with its words in braces filled in.

    The text is the English one, as it stands in the catalogues.
    """
    said: str = bpy.app.translations.pgettext_rpt(text)
    return said.format(**values) if values else said


def wording(code: str, args: Mapping[str, object] | None = None) -> Wording:
    """Sentence and hint of an error or a notice in the language of the interface."""
    return errors.wording(code, args, say)


def of_note(note: Note) -> str:
    """What happened and what to do, in one line."""
    said = wording(note.code, note.args)
    return f"{said.sentence} {said.hint}"


def sentence(error: errors.SpeakError) -> str:
    """What happened and what to do, in one line."""
    return of_note(Note(error.code, error.arguments))
