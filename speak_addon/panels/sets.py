# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotions and poses: the wheel, and named sets that go on the playhead with a ramp."""

from typing import Any

import bpy

from .. import compat, keys, moods, sets, sets_in_file, shots, words
from .base import SpeakPanel

COLUMNS = 2


class SetsPanel(SpeakPanel):
    """The emotion wheel and the named sets."""

    bl_label = "Emotions and Poses"
    bl_order = 4

    def draw(self, context: Any) -> None:
        """The wheel, then the sets."""
        owner, layout = shots.active(context), self.layout
        shot, scene = owner.speak, compat.sequencer_scene(context)
        row = layout.row()
        picker = row.column()
        picker.template_color_picker(shot, "wheel")
        values = row.column(align=True)
        values.scale_y = 0.9
        for name in sorted(keys.names_of("emotion"), key=lambda n: -getattr(shot.edit, n)):
            line = values.row()
            line.active = getattr(shot.edit, name) > 0
            text = f"{words.say(name.title())} {getattr(shot.edit, name):.2f}"
            line.label(text=text, translate=False)
        layout.prop(shot, "wheel_keys")
        layout.separator()
        layout.prop(shot, "ramp")
        _grid(layout, sets_in_file.own(scene))
        header, body = layout.panel("speak_built_in_sets")
        header.label(text="Built In")
        if body is not None:
            _grid(body, list(sets.BUILT_IN))
        row = layout.row(align=True)
        row.operator("speak.keep_set", icon="ADD")
        row.menu("SPEAK_MT_sets", text="", icon="DOWNARROW_HLT")
        layout.menu("SPEAK_MT_moods", icon="SEQ_STRIP_DUPLICATE")
        active = scene.sequence_editor.active_strip if scene.sequence_editor else None
        if active is not None and moods.is_mood(active):
            box = layout.box().column(align=True)
            box.label(text=active.name, icon="SEQUENCE", translate=False)
            box.prop(active, f'["{moods.AMOUNT}"]', text="Amount")
            box.prop(active, f'["{moods.RAMP_IN}"]', text="Ramp In (s)")
            box.prop(active, f'["{moods.RAMP_OUT}"]', text="Ramp Out (s)")


def _grid(layout: Any, shown: list[sets.Set]) -> None:
    grid = layout.grid_flow(row_major=True, columns=COLUMNS, even_columns=True, align=True)
    for one in shown:
        grid.operator("speak.apply_set", text=one.name).name = one.name


class SPEAK_MT_moods(bpy.types.Menu):
    """Strips that hold an emotion over their length"""

    bl_label = "Add Mood Strip"

    def draw(self, context: Any) -> None:
        """All sets."""
        for one in (*sets_in_file.own(compat.sequencer_scene(context)), *sets.BUILT_IN):
            self.layout.operator("speak.add_mood", text=one.name).name = one.name


class SPEAK_MT_sets(bpy.types.Menu):
    """What can be done with the sets of this file"""

    bl_label = "Sets"

    def draw(self, context: Any) -> None:
        """Files, and removing."""
        layout = self.layout
        layout.operator("speak.import_sets", icon="IMPORT")
        layout.operator("speak.export_sets", icon="EXPORT")
        layout.separator()
        kept = compat.sequencer_scene(context).speak_sets
        for index, entry in enumerate(kept.sets):
            text = words.say("Remove {name}", name=entry.name)
            remove = layout.operator("speak.remove_set", text=text, icon="X", translate=False)
            remove.index = index
