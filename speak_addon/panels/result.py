# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the frames are and where they are shown."""

from typing import Any

from .. import compat, results, shots, words
from ..baseline import spans
from ..frame_time import frame_rate
from .base import SpeakPanel
from .drawing import draw_text

# So many runs of missing frames are named.
SPANS = 4


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
            named = ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in spans(gone)[:SPANS])
            more = " ..." if len(spans(gone)) > SPANS else ""
            text = words.say(
                "{gone} of {count} frames are gone: {named}",
                gone=len(gone),
                count=count,
                named=named + more,
            )
            draw_text(layout, text, "ERROR")
            layout.operator("speak.generate", text="Make Them Again", icon="FILE_REFRESH")
            draw_text(layout, "If the folder was renamed, choose it above.")
        else:
            layout.label(text=words.say("{count} frames", count=count), icon="CHECKMARK")
        scene = compat.sequencer_scene(context)
        made, now = frame_rate(shot.made_fps, shot.made_fps_base), shots.rate(scene)
        if made != now:
            text = words.say(
                "Made for {made} frames per second, the scene has {now}. Generate again.",
                made=f"{float(made):.5g}",
                now=f"{float(now):.5g}",
            )
            draw_text(layout, text, "ERROR")
        view = scene.view_settings
        if view.view_transform not in ("Standard", "Raw"):
            text = words.say(
                "The view transform {name} changes the colours of the frames in renders; Standard "
                "keeps them.",
                name=view.view_transform,
            )
            draw_text(layout, text, "INFO")
            layout.prop(view, "view_transform", text="Colours")
        layout.operator_menu_enum("speak.show_in", "place", text="Show In")
        layout.operator("speak.open_folder", icon="FILE_FOLDER")
