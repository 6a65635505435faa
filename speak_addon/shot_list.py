# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the scene's shots; its active row is the active shot."""

from typing import Any

import bpy
from bpy.props import IntProperty

from . import runtime, shots
from .state import Outcome


class SPEAK_UL_shots(bpy.types.UIList):
    """All shots of the scene, by name."""

    def draw_item(
        self,
        context: Any,
        layout: Any,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int = 0,
    ) -> None:
        """Its name and how it stands."""
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon="OUTLINER_OB_IMAGE")
        row.label(text="", icon=_state_icon(item))

    def filter_items(self, context: Any, data: Any, name: str) -> tuple[list[int], list[int]]:
        """Only shots that this scene has, in the order of their names."""
        helpers = bpy.types.UI_UL_list
        everything = getattr(data, name)
        found = helpers.filter_items_by_name(self.filter_name, self.bitflag_filter_item, everything)
        if not found:
            found = [self.bitflag_filter_item] * len(everything)
        here = context.scene.objects
        for index, owner in enumerate(everything):
            if not owner.speak.is_shot or owner.name not in here:
                found[index] = 0
        return found, helpers.sort_items_by_name(everything, "name")


def _state_icon(owner: Any) -> str:
    session = runtime.session()
    if session.job_of(owner.speak.uuid) is not None:
        return "RENDER_ANIMATION"
    report = session.report_of(owner.speak.uuid)
    if report is not None and report.outcome is Outcome.FAILED:
        return "ERROR"
    if owner.library is not None:
        return "LINKED"
    return "CHECKMARK" if owner.speak.made_count else "BLANK1"


def _active_index(scene: Any) -> int:
    owner = shots.active(bpy.context)
    return -1 if owner is None else bpy.data.objects.find(owner.name)


def _make_active(scene: Any, index: int) -> None:
    from .shot_making import make_active

    owner = bpy.data.objects[index]
    if owner.name in bpy.context.view_layer.objects:
        make_active(bpy.context, owner)


CLASSES = (SPEAK_UL_shots,)


def register() -> None:
    """The row of the list is no stored number: it is the active object."""
    bpy.types.Scene.speak_shot = IntProperty(
        name="Shot", description="The active shot", get=_active_index, set=_make_active
    )


def unregister() -> None:
    """Take it away."""
    del bpy.types.Scene.speak_shot
