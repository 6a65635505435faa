# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shot is shown; how to get one."""

from typing import Any

from .. import shots
from .base import SpeakPanel
from .drawing import draw_text


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
        owner = shots.active(context)
        if owner is not None:
            layout.label(text=owner.name, icon="OUTLINER_OB_IMAGE")
            row = layout.row(align=True)
            row.operator("speak.new_shot", icon="ADD")
            return
        draw_text(layout, "A shot is one speaker on the timeline.")
        layout.operator("speak.new_shot", icon="ADD")
        layout.operator("speak.make_shot")
