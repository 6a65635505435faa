# SPDX-License-Identifier: GPL-3.0-or-later
"""What is spoken and on which frames."""

from typing import Any

from .. import runtime, shots
from ..state import Note
from .base import SpeakPanel
from .drawing import draw_note


class VoicePanel(SpeakPanel):
    """The voice and the range."""

    bl_label = "Voice"
    bl_order = 1

    def draw(self, context: Any) -> None:
        """Draw it."""
        shot = shots.active(context).speak
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.prop(shot, "voice_source")
        if shot.voice_source == "STRIP":
            row = column.row(align=True)
            row.prop(shot, "strip", icon="SOUND")
            row.operator("speak.voice_from_file", text="", icon="FILE_FOLDER")
        elif shot.voice_source == "CHANNEL":
            column.prop(shot, "channel")
        column.prop(shot, "range_source")
        if shot.range_source == "OWN":
            column.prop(shot, "frame_first")
            column.prop(shot, "frame_last")
        core = runtime.session().state.core
        if core is not None and not core.has_voice:
            draw_note(layout, Note("pack_no_voice"), "INFO")
