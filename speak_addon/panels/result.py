# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the frames are and where they are shown."""

from typing import Any

from .. import compat, results, shots
from ..frame_time import frame_rate
from .base import SpeakPanel
from .drawing import draw_text


class ResultPanel(SpeakPanel):
    """Folder and places of the frames."""

    bl_label = "Result"
    bl_order = 6

    def draw(self, context: Any) -> None:
        """Draw it."""
        owner = shots.active(context)
        shot, layout = owner.speak, self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column(heading="Show On")
        column.prop(shot, "make_plane")
        column.prop(shot, "make_strip")
        layout.prop(shot, "folder")
        if not shot.made_count:
            return
        gone, count = results.frames_gone(owner), shot.made_count
        if gone:
            text = f"{gone} of {count} frames are gone. Generate makes them again."
            draw_text(layout, text, "ERROR")
        else:
            layout.label(text=f"{count} frames", icon="CHECKMARK")
        scene = compat.sequencer_scene(context)
        made, now = frame_rate(shot.made_fps, shot.made_fps_base), shots.rate(scene)
        if made != now:
            rates = f"{float(made):.5g} frames per second, the scene has {float(now):.5g}"
            draw_text(layout, f"Made for {rates}. Generate again.", "ERROR")
        layout.operator("speak.open_folder", icon="FILE_FOLDER")
