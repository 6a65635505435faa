# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels share, and the same panel in each editor that shows the SPEAK tab."""

from collections.abc import Iterable
from typing import Any

import bpy

from .. import shots

SPACES = (("VIEW_3D", "view"), ("SEQUENCE_EDITOR", "sequencer"))


class SpeakPanel:
    """A panel that is there while a shot is active; its space comes from `in_editors`."""

    bl_region_type = "UI"
    bl_category = "SPEAK"
    layout: Any

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only with a shot."""
        return shots.active(context) is not None


def in_editors(panels: Iterable[type]) -> tuple[type, ...]:
    """The panel classes to register: each of `panels` once per editor."""
    found: list[type] = []
    for space, suffix in SPACES:
        for base in panels:
            name = f"SPEAK_PT_{base.__name__.removesuffix('Panel').lower()}_{suffix}"
            body = {"bl_space_type": space, "bl_idname": name, "__module__": __name__}
            found.append(type(name, (base, bpy.types.Panel), body))
    return tuple(found)
