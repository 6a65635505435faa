# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding mood strips."""

from typing import Any

import bpy
from bpy.props import FloatProperty, StringProperty

from . import compat, moods, sets_in_file, shots, words
from .set_operators import NeedsShot


class SPEAK_OT_add_mood(NeedsShot, bpy.types.Operator):
    """Add a strip at the playhead that holds this set over its length; move and trim it at will"""

    bl_idname = "speak.add_mood"
    bl_label = "Add Mood Strip"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Set", description="Name of the set")
    seconds: FloatProperty(
        name="Seconds", description="How long the strip is", default=2.0, min=0.1, soft_max=30.0
    )

    def execute(self, context: Any) -> set[str]:
        """Add it."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        chosen = sets_in_file.find(scene, self.name)
        if chosen is None:
            self.report({"ERROR"}, words.say("There is no set {name}", name=self.name))
            return {"CANCELLED"}
        first = scene.frame_current
        length = max(1, round(self.seconds * float(shots.rate(scene))))
        strip = moods.new_strip(owner, scene, chosen, first, first + length - 1)
        scene.sequence_editor.active_strip = strip
        return {"FINISHED"}


CLASSES = (SPEAK_OT_add_mood,)
