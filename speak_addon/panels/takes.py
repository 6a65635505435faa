# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of a shot: go back, compare, name, delete; what they use of the disk."""

from typing import Any

from .. import shots, takes, words
from .base import SpeakPanel
from .drawing import draw_text

SHOWN = 8


class TakesPanel(SpeakPanel):
    """The takes of the shot."""

    bl_label = "Takes"
    bl_order = 7

    def draw(self, context: Any) -> None:
        """The newest takes first."""
        owner, layout = shots.active(context), self.layout
        shot = owner.speak
        found, size = takes.listed(owner)
        if not found:
            draw_text(layout, "Each generation becomes a take to go back to.")
            return
        column = layout.column(align=True)
        for take in reversed(found[-SHOWN:] if not shot.all_takes else found):
            row = column.row(align=True)
            icon = "RADIOBUT_ON" if take.number == shot.take else "RADIOBUT_OFF"
            row.operator("speak.show_take", text=take.name, icon=icon).number = take.number
            compared = row.row(align=True)
            compared.alert = take.number == shot.compared
            compared.operator(
                "speak.compare_take", text="", icon="SPLIT_VERTICAL"
            ).number = take.number
            row.operator("speak.rename_take", text="", icon="GREASEPENCIL").number = take.number
            row.operator("speak.delete_take", text="", icon="TRASH").number = take.number
        if len(found) > SHOWN:
            layout.prop(shot, "all_takes")
        current = next((take for take in found if take.number == shot.take), None)
        if current is not None:
            about = words.say(
                "{count} frames at {size}, seed {seed}",
                count=len(current.keys),
                size=current.size,
                seed=current.seed,
            )
            layout.label(text=about)
        layout.label(
            text=words.say("The other takes use {size}", size=takes.size_text(size)),
            icon="DISK_DRIVE",
        )
        if shot.compared:
            box = layout.box()
            box.row().prop(shot, "compare_mode", expand=True)
            if shot.compare_mode == "WIPE":
                box.prop(shot, "wipe", slider=True)
        layout.prop(shot, "takes_kept")
