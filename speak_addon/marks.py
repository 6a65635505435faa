# SPDX-License-Identifier: GPL-3.0-or-later
"""What frames say about themselves: whether they are marked, and what was stated of the person.

The statement belongs to a picture, not to a shot: it is kept with the hash of the portrait's file,
holds for every shot of the .blend file that shows the same picture, and is gone when the picture
is another one.
"""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, PointerProperty, StringProperty

from ..inference_core.protocol.consent import CONSENTS, UNSTATED
from .file_hash import file_hash
from .preferences import preferences

_CODES = tuple(CONSENTS)
_ITEMS = tuple((code, one.label, one.meaning) for code, one in CONSENTS.items())


def consent(owner: Any) -> str:
    """What was stated about the person in a shot's portrait, a word of `CONSENTS`."""
    picture = portrait_hash(owner)
    if not picture:
        return UNSTATED
    for other in (owner, *bpy.data.objects):
        marks = other.speak_marks
        if marks.portrait_sha256 == picture and marks.stated in CONSENTS:
            return str(marks.stated)
    return UNSTATED


def state(owner: Any, code: str) -> None:
    """State it for every shot with this portrait."""
    picture = portrait_hash(owner)
    for other in (owner, *bpy.data.objects):
        if other == owner or (picture and other.speak_marks.portrait_sha256 == picture):
            other.speak_marks.stated = code
            other.speak_marks.portrait_sha256 = picture


def portrait_hash(owner: Any) -> str:
    """SHA-256 of the portrait's file; empty when it is not there."""
    if not owner.speak.portrait:
        return ""
    return file_hash(Path(bpy.path.abspath(owner.speak.portrait, library=owner.library)))


def may_be_off() -> bool:
    """Whether the preferences let projects leave marks out."""
    return bool(getattr(preferences(), "allow_unmarked", False))


def are_on(scene: Any) -> bool:
    """Whether the frames of a scene's shots are marked: unless the project turned it off, and the
    preferences of this user let it.
    """
    return not (scene.speak_unmarked and may_be_off())


class SPEAK_PG_marks(bpy.types.PropertyGroup):
    """What was stated about the person in a shot's portrait, and of which picture."""

    stated: StringProperty(options={"HIDDEN"})
    portrait_sha256: StringProperty(options={"HIDDEN"})
    consent: EnumProperty(
        name="Person",
        description="Who the portrait shows. Kept with the picture and written into the frames "
        "that are made from now on; it may be changed at any time",
        items=_ITEMS,
        get=lambda marks: _CODES.index(consent(marks.id_data)),
        set=lambda marks, number: state(marks.id_data, _CODES[number]),
    )


CLASSES = (SPEAK_PG_marks,)


def register() -> None:
    """Give objects their statement and scenes their switch."""
    bpy.types.Object.speak_marks = PointerProperty(type=SPEAK_PG_marks)
    bpy.types.Scene.speak_unmarked = BoolProperty(
        name="No Marks",
        description="Make frames without watermark and manifest. Only where the law allows it; "
        "turning this on or off makes all frames anew",
    )


def unregister() -> None:
    """Take them away; the data stays in the file."""
    del bpy.types.Scene.speak_unmarked
    del bpy.types.Object.speak_marks
