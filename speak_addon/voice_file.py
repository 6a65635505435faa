# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice from a file: a sound strip at the playhead, which the shot then speaks."""

from pathlib import Path
from typing import Any

import bpy

from ..inference_core.protocol.errors import SpeakError
from . import compat, shots, words
from .file_choice import ChoosesSound, as_kept
from .set_operators import NeedsShot


class SPEAK_OT_voice_from_file(ChoosesSound, NeedsShot, bpy.types.Operator):
    """Put a sound file, or the sound of a movie, on the timeline at the playhead as this voice"""

    bl_idname = "speak.voice_from_file"
    bl_label = "Choose Sound File"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        """Add the strip and choose it."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        try:
            strip = add(scene, self.chosen)
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        owner.speak.voice_source, owner.speak.strip = "STRIP", strip.name
        compat.show_sequencer_of(context, scene)
        return {"FINISHED"}


def add(scene: Any, path: Path) -> Any:
    """A sound strip at the playhead in the lowest channel that is empty.

    Raises SpeakError: voice_missing, voice_unreadable.
    """
    if not path.is_file():
        raise SpeakError("voice_missing", name=path.name or "(none)")
    editor = scene.sequence_editor or scene.sequence_editor_create()
    taken = {strip.channel for strip in compat.strips(editor)}
    channel = next(number for number in range(1, 129) if number not in taken)
    try:
        strip = compat.strips(editor).new_sound(
            path.stem, as_kept(path), channel, scene.frame_current
        )
    except RuntimeError as error:
        raise SpeakError("voice_unreadable", reason="Blender cannot open it") from error
    # What Blender cannot decode becomes a strip of one frame.
    if compat.strip_end(strip) - compat.strip_start(strip) < 2:
        compat.remove_strip(scene, strip)
        raise SpeakError("voice_unreadable", reason="Blender cannot open it")
    return strip


CLASSES = (SPEAK_OT_voice_from_file,)
