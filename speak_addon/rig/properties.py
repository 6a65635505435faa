# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object remembers about its face: which shapes the voice moves, and how much."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)


class SPEAK_PG_rig_shape(bpy.types.PropertyGroup):
    """One shape key (`name`) and the curve that moves it."""

    curve: StringProperty(name="Curve", description="ARKit or viseme curve that moves this shape")
    gain: FloatProperty(
        name="Gain",
        description="Factor on the curve for this shape; 0 leaves the shape alone",
        default=1.0,
        min=0.0,
        soft_max=2.0,
        max=10.0,
    )


class SPEAK_PG_rig(bpy.types.PropertyGroup):
    """The face of a mesh."""

    shapes: CollectionProperty(type=SPEAK_PG_rig_shape)
    active: IntProperty(name="Active Shape", options={"HIDDEN"})
    gain: FloatProperty(
        name="Gain",
        description="Factor on every shape",
        default=1.0,
        min=0.0,
        soft_max=2.0,
        max=10.0,
    )
    density: EnumProperty(
        name="Keys",
        description="How the curves are keyed",
        items=(
            ("FEW", "Few", "Eased keys where the mouth turns, within 0.02 of what is heard"),
            ("ALL", "Every Frame", "A key on every frame, exactly what is heard"),
        ),
    )
    new_action: BoolProperty(
        name="New Action",
        description="Put the keys into an action of their own, as a take, and leave the one there "
        "as it is",
    )


CLASSES = (SPEAK_PG_rig_shape, SPEAK_PG_rig)


def register() -> None:
    """Every object may have a face."""
    bpy.types.Object.speak_rig = PointerProperty(type=SPEAK_PG_rig)


def unregister() -> None:
    """Take it back."""
    del bpy.types.Object.speak_rig


def shape_names(owner: Any) -> list[str]:
    """The shape keys of a mesh that can be moved: all but the basis."""
    keys = getattr(owner.data, "shape_keys", None) if owner is not None else None
    if keys is None:
        return []
    return [block.name for block in keys.key_blocks if block != keys.reference_key]
