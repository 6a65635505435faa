# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame at the playhead, made while a slider is dragged."""

from typing import Any

from .. import compat, preferences, preview_image, runtime, shots, words
from ..state import Link
from .base import SpeakPanel
from .drawing import draw_note, draw_text


class PlayheadPanel(SpeakPanel):
    """The frame at the playhead as it will be made."""

    bl_label = "At the Playhead"
    bl_order = 3

    def draw_header(self, context: Any) -> None:
        """The switch."""
        chosen = preferences.preferences()
        if chosen is not None:
            self.layout.prop(chosen, "use_preview", text="")

    def draw(self, context: Any) -> None:
        """The picture, or why there is none."""
        chosen, layout, session = preferences.preferences(), self.layout, runtime.session()
        shot = shots.active(context).speak
        layout.active = chosen is not None and chosen.use_preview
        icon = preview_image.icon_of(shot.uuid)
        if icon:
            layout.template_icon(icon_value=icon, scale=9.0)
        if session.preview.trouble is not None and session.state.link is Link.READY:
            draw_note(layout, session.preview.trouble, "ERROR")
        elif session.state.link is not Link.READY:
            text = "A preview comes when the core runs. Generate starts it, or this button:"
            draw_text(layout, text, "INFO")
            layout.operator("speak.check", text="Start the Core", icon="PLAY")
        elif not icon:
            owner, scene = shots.active(context), compat.sequencer_scene(context)
            inside = shots.covers(owner, scene, scene.frame_current)
            text = "The frame is being made." if inside else "Move the playhead into the shot."
            if session.state.job is not None:
                text = "It rests while frames are being generated."
            draw_text(layout, text, "INFO")
        index = preview_image.index_of(shot.uuid)
        if icon and index is not None:
            scene = compat.sequencer_scene(context)
            first = shots.first_frame(shots.active(context), scene)
            if first is not None and first + index != scene.frame_current:
                text = words.say("Frame {number}", number=first + index)
                layout.label(text=text, translate=False)
        if chosen is not None:
            layout.prop(chosen, "preview_on_plane")
