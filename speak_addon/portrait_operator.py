# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing the portrait in a file browser that shows pictures."""

from typing import Any

import bpy

from . import shots
from .file_choice import ChoosesPicture, as_kept
from .set_operators import NeedsShot


class SPEAK_OT_choose_portrait(ChoosesPicture, NeedsShot, bpy.types.Operator):
    """Choose an image in which the face is upright and seen from the front"""

    bl_idname = "speak.choose_portrait"
    bl_label = "Choose Portrait"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the picture, beginning where the one of now is."""
        self.filepath = bpy.path.abspath(shots.active(context).speak.portrait)
        return super().invoke(context, event)

    def execute(self, context: Any) -> set[str]:
        """Let the shot show it."""
        shots.active(context).speak.portrait = as_kept(self.chosen)
        return {"FINISHED"}


CLASSES = (SPEAK_OT_choose_portrait,)
