# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues of what the add-on says, one JSON file per language, through Blender's own system.

A catalogue maps the English text to its translation; what it lacks stays English. Texts with
words in braces are translated before the words are filled in.
"""

import json
from functools import cache
from pathlib import Path

import bpy

from .. import root_package

FOLDER = Path(__file__).parent
# Buttons of operators are looked up in a context of their own.
CONTEXTS = ("*", "Operator")


@cache
def catalogues() -> dict[str, dict[str, str]]:
    """Locale -> English -> translation."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


def register() -> None:
    """Give Blender the catalogues."""
    messages = {
        locale: {
            (context, english): said for english, said in found.items() for context in CONTEXTS
        }
        for locale, found in catalogues().items()
    }
    bpy.app.translations.register(root_package(), messages)


def unregister() -> None:
    """Take them back."""
    bpy.app.translations.unregister(root_package())
