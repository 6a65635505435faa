# SPDX-License-Identifier: GPL-3.0-or-later
"""What the frames say about themselves."""

from typing import Any

from .. import marks, shots
from .base import SpeakPanel
from .drawing import draw_text


class MarksPanel(SpeakPanel):
    """Marks, the person in the portrait, signing and verifying."""

    bl_label = "Marks"
    bl_order = 8
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header(self, context: Any) -> None:
        """On or off can be seen while the panel is closed."""
        on = marks.are_on(context.scene)
        self.layout.label(text="", icon="CHECKMARK" if on else "ERROR")

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout, scene = self.layout, context.scene
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(shots.active(context).speak_marks, "consent")
        if marks.may_be_off():
            layout.prop(scene, "speak_unmarked")
        if marks.are_on(scene):
            draw_text(layout, "Frames carry an invisible watermark and a signed manifest.")
            if scene.speak_unmarked:
                text = "This project asks for no marks; the preferences do not allow that."
                draw_text(layout, text, "INFO")
        else:
            draw_off(layout, scene)
        column = layout.column()
        column.operator("speak.sign_rendered", icon="FILE_TICK")
        column.operator("speak.verify_file", icon="VIEWZOOM")


def draw_off(layout: Any, scene: Any) -> None:
    """A line that says that marks are off; nothing while they are on."""
    if not marks.are_on(scene):
        draw_text(layout, "Marks are off: frames do not say that they were made.", "ERROR")
