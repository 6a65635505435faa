# SPDX-License-Identifier: GPL-3.0-or-later
"""What all panels share, and the same panel in each editor that shows the SPEAK tab."""

from collections.abc import Iterable
from typing import Any

import bpy

from .. import shots

SIDEBAR = {"bl_region_type": "UI", "bl_category": "SPEAK"}
# Editor, what its classes are called by, and where in it they stand.
SPACES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("VIEW_3D", "view", SIDEBAR),
    ("SEQUENCE_EDITOR", "sequencer", SIDEBAR),
    ("PROPERTIES", "object", {"bl_region_type": "WINDOW", "bl_context": "object"}),
)


class SpeakPanel:
    """A panel that is there while a shot is active; its place comes from `in_editors`."""

    layout: Any

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Only with a shot."""
        return shots.active(context) is not None


def in_editors(panels: Iterable[type]) -> tuple[type, ...]:
    """The panel classes to register: each of `panels` once per editor.

    Among an object's properties there is much else: there the first of `panels` holds the others.
    """
    first, *others = panels
    found: list[type] = []
    for space, suffix, place in SPACES:
        for base in (first, *others):
            body: dict[str, Any] = {"bl_space_type": space, "bl_idname": _name(base, suffix)}
            body |= {"__module__": __name__, **place}
            if space == "PROPERTIES" and issubclass(base, SpeakPanel):
                # What has no shot says nothing of one.
                body["poll"] = classmethod(lambda cls, context: shots.active(context) is not None)
                if base is not first:
                    body["bl_parent_id"] = _name(first, suffix)
            found.append(type(body["bl_idname"], (base, bpy.types.Panel), body))
    return tuple(found)


def _name(base: type, suffix: str) -> str:
    return f"SPEAK_PT_{base.__name__.removesuffix('Panel').lower()}_{suffix}"
