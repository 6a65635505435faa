# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice on the animator's own 3D face."""

from typing import Any

import bpy

from ..rig.properties import shape_names


class SPEAK_UL_rig_shapes(bpy.types.UIList):
    """Matched shapes: name, curve, gain."""

    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: Any, active: Any, name: Any
    ) -> None:
        """One row."""
        row = layout.split(factor=0.68)
        row.label(text=item.name, icon="SHAPEKEY_DATA")
        row.prop(item, "gain", text="", slider=True)


class RigPanel:
    """Shown for any mesh with shape keys, with or without a shot."""

    bl_label = "3D Face"
    bl_order = 8
    layout: Any

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only with shape keys to move."""
        return bool(shape_names(context.view_layer.objects.active))

    def draw(self, context: Any) -> None:
        """Draw it."""
        owner, layout = context.view_layer.objects.active, self.layout
        rig = owner.speak_rig
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.prop(owner.speak, "voice_source")
        if owner.speak.voice_source == "STRIP":
            column.prop(owner.speak, "strip", icon="SOUND")
        elif owner.speak.voice_source == "CHANNEL":
            column.prop(owner.speak, "channel")
        layout.operator("speak.match_shapes")
        if rig.shapes:
            layout.template_list("SPEAK_UL_rig_shapes", "", rig, "shapes", rig, "active", rows=4)
            if 0 <= rig.active < len(rig.shapes):
                layout.prop(rig.shapes[rig.active], "curve")
        column = layout.column()
        column.prop(rig, "gain", slider=True)
        column.prop(rig, "density")
        column.prop(rig, "new_action")
        layout.operator("speak.key_shapes", icon="KEY_HLT")
        layout.operator("speak.export_curves", icon="EXPORT")
