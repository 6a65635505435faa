# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers: how much is proposed, and the controls to key."""

from typing import Any

import bpy

from ...inference_core.protocol.controls import GROUPS, in_group
from .. import auto_keys, shots, words
from .base import SpeakPanel
from .drawing import draw_text


class SPEAK_MT_curves_from(bpy.types.Menu):
    """Curves from elsewhere, and to elsewhere"""

    bl_label = "From and To Elsewhere"

    def draw(self, context: Any) -> None:
        """Objects and files."""
        layout = self.layout
        layout.operator("speak.pose_from_object", icon="OUTLINER_OB_ARMATURE")
        layout.operator("speak.pose_from_clip", icon="FILE_MOVIE")
        layout.operator("speak.import_layer", icon="IMPORT")
        layout.separator()
        layout.operator("speak.export_layer", icon="EXPORT")


class CurvesPanel(SpeakPanel):
    """The layers and their controls."""

    bl_label = "Curves"
    bl_order = 5

    def draw(self, context: Any) -> None:
        """Draw it."""
        shot, layout = shots.active(context).speak, self.layout
        layout.use_property_split = True
        column = layout.column()
        # Only what the animator keys has the decorator: these two hold for the whole shot.
        column.use_property_decorate = False
        column.prop(shot, "use_auto")
        if shot.use_auto:
            column.prop(shot, "auto_amount", slider=True)
            keys = auto_keys.count(shot.id_data)
            if keys:
                text = words.say("{count} keys proposed", count=keys)
                column.label(text=text, translate=False)
        row = layout.row(align=True)
        row.operator("speak.bake_auto", text="Bake")
        row.operator("speak.simplify_edit", text="Simplify")
        row.operator("speak.clear_edit", text="Clear")
        layout.menu("SPEAK_MT_curves_from")
        for group in GROUPS:
            header, body = layout.panel(
                f"speak_{group.name}", default_closed=group.name != "emotion"
            )
            header.label(text=group.label)
            if body is None:
                continue
            if shot.use_auto:
                body.prop(shot.weights, group.name, text="Proposed", slider=True)
                if group.name == "emotion":
                    draw_text(body, "Proposed from prosody, not from acted speech")
            column = body.column(align=True)
            for control in in_group(group.name):
                column.prop(shot.edit, control.name, slider=True)
