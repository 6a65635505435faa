# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with whole layers: bake what is proposed, clear, simplify."""

from typing import Any

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty

from ..inference_core.protocol.controls import CONTROLS, GROUPS, INDEX, MAXIMA, MINIMA
from . import change_count, compat, curves, keys, layers, runtime, shots, words
from .frame_time import FrameRange
from .set_operators import GROUP_ITEMS, NeedsShot

GROUP = {
    "name": "Controls",
    "description": "Which controls",
    "items": GROUP_ITEMS,
    "default": "ALL",
}


class SPEAK_OT_bake_auto(NeedsShot, bpy.types.Operator):
    """Turn the proposed motion into keys of your own; what is seen stays the same"""

    bl_idname = "speak.bake_auto"
    bl_label = "Bake Auto into Edit"
    bl_options = {"REGISTER", "UNDO"}

    group: EnumProperty(**GROUP)

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a proposal."""
        if reason := super().disabled_reason(context):
            return reason
        owner = shots.active(context)
        if not owner.speak.use_auto:
            return "Nothing is proposed: Propose Motion is off"
        return "" if owner.speak.made_count else "Generate once first: then there is a proposal"

    def execute(self, context: Any) -> set[str]:
        """Add weight times proposal to the edit layer and set the weight to zero."""
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        made = change_count.made_from(owner, runtime.session())
        if made is None or made.auto is None:
            text = words.say("The proposal is not known any more. Generate once first.")
            self.report({"ERROR"}, text)
            return {"CANCELLED"}
        first = owner.speak.made_first
        frames = FrameRange(first, first + len(made.auto) - 1)
        edit, weights = curves.sample(owner, scene, frames)
        weight = np.clip(weights, 0, 1)[:, layers.GROUP_OF]
        baked = np.clip(edit + weight * (made.auto - made.own), MINIMA, MAXIMA).astype(np.float32)
        numbers = np.arange(frames.first, frames.last + 1, dtype=np.float32)
        for name in keys.names_of(self.group):
            values = baked[:, INDEX[name]]
            if np.abs(values - edit[:, INDEX[name]]).max() > 0:
                keys.write(keys.ensure_edit_curve(owner, name), numbers, values)
        bag = compat.ensure_bag(owner, curves.ACTION)
        for group in GROUPS:
            if self.group in ("ALL", group.name):
                curve = bag.fcurves.find(curves.curve_path("weights", group.name), index=0)
                if curve is not None:
                    bag.fcurves.remove(curve)
                setattr(owner.speak.weights, group.name, 0.0)
        keys.touch(owner)
        return {"FINISHED"}


class SPEAK_OT_clear_edit(NeedsShot, bpy.types.Operator):
    """Remove your keys from the edit layer and put the sliders back to rest"""

    bl_idname = "speak.clear_edit"
    bl_label = "Clear Edit"
    bl_options = {"REGISTER", "UNDO"}

    group: EnumProperty(**GROUP)

    def execute(self, context: Any) -> set[str]:
        """Clear it."""
        count = keys.clear(shots.active(context), keys.names_of(self.group))
        self.report({"INFO"}, words.say("{count} curves removed", count=count))
        return {"FINISHED"}


class SPEAK_OT_simplify_edit(NeedsShot, bpy.types.Operator):
    """Thin out the keys of the edit layer without changing what is seen"""

    bl_idname = "speak.simplify_edit"
    bl_label = "Simplify Edit"
    bl_options = {"REGISTER", "UNDO"}

    group: EnumProperty(**GROUP)
    strength: FloatProperty(
        name="Strength",
        description="1 allows what nobody sees (a quarter of a degree); more leaves fewer keys",
        default=1.0,
        min=0.1,
        max=20.0,
    )

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs keys."""
        if reason := super().disabled_reason(context):
            return reason
        owner = shots.active(context)
        keyed = any(keys.edit_curve(owner, control.name) is not None for control in CONTROLS)
        return "" if keyed else "The edit layer has no keys"

    def execute(self, context: Any) -> set[str]:
        """Thin it out."""
        names = keys.names_of(self.group)
        before, after = keys.simplify(shots.active(context), names, self.strength)
        self.report({"INFO"}, words.say("{before} keys, now {after}", before=before, after=after))
        return {"FINISHED"}


CLASSES = (SPEAK_OT_bake_auto, SPEAK_OT_clear_edit, SPEAK_OT_simplify_edit)
