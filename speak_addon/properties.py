# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shot is: the properties of `object.speak`, the control groups built from the table."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..inference_core.protocol.controls import CONTROLS, GROUPS, Control
from . import compat, planes, wheel

# A library override of a linked shot can be keyed and generated like a shot of the file itself.
OVERRIDABLE = {"LIBRARY_OVERRIDABLE"}

VOICE_SOURCES = (
    ("STRIP", "Strip", "One sound strip of the sequencer, alone"),
    ("CHANNEL", "Channel", "All sound strips of one channel of the sequencer"),
    ("SCENE", "Scene Mix", "Everything that is heard in the scene"),
)
RANGES = (
    ("VOICE", "As Voice", "The frames that the strip or the channel covers"),
    ("SCENE", "Scene", "The frame range of the scene"),
    ("OWN", "Own", "First and last frame of the shot itself"),
)
SIZES = (
    ("256", "256", "Frames of the face are made with 256 pixels: four times as fast"),
    ("512", "512", "Frames of the face are made with 512 pixels"),
)


def _label(control: Control) -> str:
    return control.name.replace("_", " ").title()


def _control_property(control: Control, limited: bool) -> Any:
    """The property of one control; only what the user drags is held to the range.

    `measured` shows what was read back, even where it lies outside of the range.
    """
    limits: dict[str, float] = {"soft_min": control.minimum, "soft_max": control.maximum}
    if limited:
        limits |= {"min": control.minimum, "max": control.maximum}
    return FloatProperty(
        name=_label(control),
        description=f"{control.meaning} ({control.unit})",
        default=control.default,
        precision=3 if control.maximum <= 2 else 1,
        step=1 if control.maximum <= 2 else 50,
        override=OVERRIDABLE,
        **limits,
    )


def _group(name: str, description: str, fields: dict[str, Any]) -> type:
    body = {"__annotations__": fields, "__doc__": description, "__module__": __name__}
    return type(name, (bpy.types.PropertyGroup,), body)


def _control_group(name: str, description: str, limited: bool = True) -> type:
    fields = {control.name: _control_property(control, limited) for control in CONTROLS}
    return _group(name, description, fields)


SPEAK_PG_edit = _control_group("SPEAK_PG_edit", "The animator's layer: offsets, never overwritten")
SPEAK_PG_auto = _control_group("SPEAK_PG_auto", "What the voice proposes; replaced by Generate")
SPEAK_PG_measured = _control_group(
    "SPEAK_PG_measured", "Pose and emotion read back from the finished frames", limited=False
)
SPEAK_PG_weights = _group(
    "SPEAK_PG_weights",
    "Per group, how much of the auto layer is used",
    {
        group.name: FloatProperty(
            name=group.label,
            description=f"How much of the proposed {group.name} is used. {group.meaning}",
            default=1.0,
            min=0.0,
            max=1.0,
            subtype="FACTOR",
            override=OVERRIDABLE,
        )
        for group in GROUPS
    },
)


def _sound_strips(self: Any, context: Any, text: str) -> list[str]:
    scene = compat.sequencer_scene(context)
    names = [strip.name for strip in compat.all_strips(scene) if strip.type == "SOUND"]
    return [name for name in names if text.lower() in name.lower()]


def _folder_chosen(shot: Any, _context: Any) -> None:
    from . import results

    results.folder_moved(shot.id_data)


class SPEAK_PG_shot(bpy.types.PropertyGroup):
    """One speaker for one stretch of the timeline."""

    is_shot: BoolProperty(override=OVERRIDABLE, options={"HIDDEN"})
    uuid: StringProperty(override=OVERRIDABLE, options={"HIDDEN"})
    portrait: StringProperty(
        override=OVERRIDABLE,
        name="Portrait",
        # Not FILE_PATH: the browser of such a field shows every file (file_choice.py).
        description="An image in which the face is upright and seen from the front",
        update=lambda shot, _context: planes.show_portrait(shot.id_data),
    )
    face: IntProperty(
        override=OVERRIDABLE,
        name="Face",
        description="Which face of the portrait speaks, from 0; -1 takes the largest",
        default=-1,
        min=-1,
    )
    voice_source: EnumProperty(
        override=OVERRIDABLE,
        name="From",
        description="Where the voice comes from",
        items=VOICE_SOURCES,
    )
    strip: StringProperty(
        override=OVERRIDABLE,
        name="Strip",
        description="The sound strip of the sequencer that is spoken",
        search=_sound_strips,
        search_options={"SORT"},
    )
    channel: IntProperty(
        override=OVERRIDABLE,
        name="Channel",
        description="The channel of the sequencer that is spoken",
        default=1,
        min=1,
    )
    range_source: EnumProperty(
        override=OVERRIDABLE, name="Range", description="Which frames are generated", items=RANGES
    )
    frame_first: IntProperty(
        override=OVERRIDABLE,
        name="First Frame",
        description="First frame of the shot",
        default=1,
        min=-1048574,
    )
    frame_last: IntProperty(
        override=OVERRIDABLE,
        name="Last Frame",
        description="Last frame of the shot",
        default=250,
        min=-1048574,
    )
    folder: StringProperty(
        override=OVERRIDABLE,
        name="Folder",
        description="Where the frames are kept; empty: speak/<shot> beside the .blend file",
        subtype="DIR_PATH",
        update=_folder_chosen,
        **compat.RELATIVE_PATHS,
    )
    size: EnumProperty(
        override=OVERRIDABLE,
        name="Size",
        description="Pixels of the generated face",
        items=SIZES,
        default="512",
    )
    seed: IntProperty(
        override=OVERRIDABLE,
        name="Seed",
        description="Another seed gives other details and motion",
        min=0,
    )
    use_auto: BoolProperty(
        override=OVERRIDABLE,
        name="Propose Motion",
        description="Let the voice propose head motion, blinks and emotion as the auto layer",
        default=True,
    )
    auto_amount: FloatProperty(
        override=OVERRIDABLE,
        name="Amount",
        description="How strong the proposed motion is",
        default=1.0,
        min=0.0,
        max=2.0,
    )
    wheel: FloatVectorProperty(
        name="Emotion Wheel",
        description="Drag to mix two neighbouring emotions; the middle is neutral",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        get=wheel.shown,
        set=wheel.dragged,
    )
    wheel_keys: BoolProperty(
        override=OVERRIDABLE,
        name="Key While Dragging",
        description="Key the emotions at the playhead while the wheel is dragged",
        default=True,
    )
    ramp: FloatProperty(
        override=OVERRIDABLE,
        name="Ramp (s)",
        description="Seconds over which a set is gone over to, ending at the playhead",
        default=0.3,
        min=0.0,
        soft_max=2.0,
    )
    make_plane: BoolProperty(
        override=OVERRIDABLE,
        name="Plane",
        description="Show the frames on a plane in the 3D View",
        default=True,
    )
    make_strip: BoolProperty(
        override=OVERRIDABLE,
        name="Sequencer Strip",
        description="Put the frames as an image strip over their sound",
        default=True,
    )
    compare_mode: EnumProperty(
        override=OVERRIDABLE,
        name="Compare",
        description="How another take is shown",
        items=(
            ("SIDE", "Side by Side", "The other take stands to the right of the shown one"),
            ("WIPE", "Wipe", "The other take covers the shown one from the wipe on"),
        ),
        default="WIPE",  # what stands beside may be out of view
    )
    wipe: FloatProperty(
        override=OVERRIDABLE,
        name="Wipe",
        description="Where the other take begins, from left to right",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    takes_kept: IntProperty(
        override=OVERRIDABLE,
        name="Takes to Keep",
        description="How many takes without a name are kept; the oldest goes first",
        default=10,
        min=1,
        max=1000,
    )
    all_takes: BoolProperty(
        override=OVERRIDABLE, name="Show All Takes", description="List the older takes too"
    )
    compared: IntProperty(override=OVERRIDABLE, options={"HIDDEN"})
    take: IntProperty(override=OVERRIDABLE, options={"HIDDEN"})
    # What the last generation left behind.
    plane: PointerProperty(override=OVERRIDABLE, type=bpy.types.Object, options={"HIDDEN"})
    result_strip: StringProperty(override=OVERRIDABLE, options={"HIDDEN"})
    made_fps: IntProperty(override=OVERRIDABLE, options={"HIDDEN"})
    made_fps_base: FloatProperty(override=OVERRIDABLE, options={"HIDDEN"}, default=1.0)
    made_first: IntProperty(override=OVERRIDABLE, options={"HIDDEN"})
    made_count: IntProperty(override=OVERRIDABLE, options={"HIDDEN"})
    edit: PointerProperty(override=OVERRIDABLE, type=SPEAK_PG_edit)
    auto: PointerProperty(override=OVERRIDABLE, type=SPEAK_PG_auto)
    measured: PointerProperty(override=OVERRIDABLE, type=SPEAK_PG_measured)
    weights: PointerProperty(override=OVERRIDABLE, type=SPEAK_PG_weights)


CLASSES = (SPEAK_PG_edit, SPEAK_PG_auto, SPEAK_PG_measured, SPEAK_PG_weights, SPEAK_PG_shot)


def register() -> None:
    """Give every object its `speak` properties."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Object.speak = PointerProperty(type=SPEAK_PG_shot, override=OVERRIDABLE)


def unregister() -> None:
    """Take them away; the data stays in the file and comes back with the extension."""
    del bpy.types.Object.speak
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
