# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shot is shown; how to get one."""

from typing import Any

import bpy

from .. import shot_making
from .base import SpeakPanel
from .drawing import draw_text

FROM = {"SELECTED": "From Selected Strips", "CHANNEL": "From Channel"}


class ShotPanel(SpeakPanel):
    """The active shot, or how to get one."""

    bl_label = "SPEAK"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Always: without a shot it says how to get one."""
        return True

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout = self.layout
        if not any(owner.speak.is_shot for owner in context.scene.objects):
            draw_text(layout, "A shot is one speaker on the timeline.")
            layout.operator("speak.new_shot", icon="ADD")
            layout.operator("speak.make_shot")
            layout.menu("SPEAK_MT_more_shots")
            return
        row = layout.row()
        listed = (bpy.data, "objects", context.scene, "speak_shot")
        row.template_list("SPEAK_UL_shots", "", *listed, rows=3)
        column = row.column(align=True)
        column.operator("speak.new_shot", text="", icon="ADD")
        column.operator("speak.duplicate_shot", text="", icon="DUPLICATE")
        column.operator("speak.look_at_shot", text="", icon="HIDE_OFF")
        column.separator()
        column.menu("SPEAK_MT_more_shots", text="", icon="DOWNARROW_HLT")


class SPEAK_MT_more_shots(bpy.types.Menu):
    """Further ways to get shots"""

    bl_label = "More Shots"

    def draw(self, context: Any) -> None:
        """Strips, markers, objects."""
        layout = self.layout
        for source, _, _ in shot_making.STRIPS:
            layout.operator("speak.shots_from_strips", text=FROM[source]).source = source
        layout.operator("speak.shots_from_markers")
        layout.separator()
        layout.operator("speak.generate_all", icon="RENDER_ANIMATION")
        layout.separator()
        layout.operator("speak.make_shot")
