# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots in one click: from the strips of the sequencer, from markers, from another shot."""

from math import radians
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty
from mathutils import Quaternion, Vector

from . import compat, planes, shots, viewport, words
from .explained import Explained

STRIPS = (
    ("SELECTED", "Selected Strips", "One shot for each selected sound strip"),
    ("CHANNEL", "Channel", "One shot for each sound strip in the channel of the active strip"),
)
# What a new shot takes over from the active one: who speaks and how, not what is said.
TAKEN_OVER = ("portrait", "face", "size", "seed", "use_auto", "auto_amount", "make_plane",
              "make_strip")  # fmt: skip


def add(context: Any, name: str, portrait: str = "") -> Any:
    """A new shot on a plane of its own, selected and active."""
    mesh = bpy.data.meshes.new(name)
    planes.fit(mesh, 1, 1)
    owner = bpy.data.objects.new(name, mesh)
    context.scene.collection.objects.link(owner)
    shots.make_shot(owner)
    owner.speak.portrait = portrait
    make_active(context, owner)
    return owner


def make_active(context: Any, owner: Any) -> None:
    """Select a shot alone."""
    for other in context.view_layer.objects:
        other.select_set(False)
    owner.select_set(True)
    context.view_layer.objects.active = owner


def like(context: Any, model: Any, name: str) -> Any:
    """A new shot with the portrait and the settings of another, if there is one."""
    owner = add(context, name)
    if model is not None:
        for field in TAKEN_OVER:
            setattr(owner.speak, field, getattr(model.speak, field))
        # Side by side, so that one does not hide the other.
        count = sum(1 for other in context.scene.objects if other.speak.is_shot)
        owner.location.x = model.location.x + 2.5 * (count - 1)
    return owner


def sound_strips(scene: Any) -> list[Any]:
    """The sound strips of a scene in the order of time."""
    found = [strip for strip in compat.all_strips(scene) if strip.type == "SOUND"]
    return sorted(found, key=lambda strip: (compat.strip_start(strip), strip.channel))


def spoken_already(strip: Any) -> bool:
    """Whether a shot of the file speaks this strip."""
    return any(
        owner.speak.is_shot
        and owner.speak.voice_source == "STRIP"
        and owner.speak.strip == strip.name
        for owner in bpy.data.objects
    )


def strips_of(scene: Any, source: str) -> list[Any]:
    """The strips that are meant and that no shot speaks yet."""
    strips = sound_strips(scene)
    if source == "SELECTED":
        strips = [strip for strip in strips if strip.select]
    else:
        active = scene.sequence_editor.active_strip if scene.sequence_editor else None
        strips = [strip for strip in strips if active and strip.channel == active.channel]
    return [strip for strip in strips if not spoken_already(strip)]


class SPEAK_OT_shots_from_strips(Explained, bpy.types.Operator):
    """Make a shot for each sound strip, with the portrait and settings of the active shot"""

    bl_idname = "speak.shots_from_strips"
    bl_label = "Shots from Strips"
    bl_options = {"REGISTER", "UNDO"}

    source: EnumProperty(name="Strips", description="Which strips are spoken", items=STRIPS)

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a sound strip."""
        return "" if sound_strips(compat.sequencer_scene(context)) else "There is no sound strip"

    def execute(self, context: Any) -> set[str]:
        """Make them."""
        scene, model = compat.sequencer_scene(context), shots.active(context)
        strips = strips_of(scene, self.source)
        if not strips:
            text = words.say("No sound strip is selected, or each has its shot already")
            self.report({"WARNING"}, text)
            return {"CANCELLED"}
        for strip in strips:
            like(context, model, strip.name).speak.strip = strip.name
        self.report({"INFO"}, words.say("{count} shots made", count=len(strips)))
        return {"FINISHED"}


class SPEAK_OT_shots_from_markers(Explained, bpy.types.Operator):
    """Make a shot from each marker to the next, named after it; the last ends with the scene"""

    bl_idname = "speak.shots_from_markers"
    bl_label = "Shots from Markers"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs markers."""
        markers = compat.sequencer_scene(context).timeline_markers
        return "" if markers else "There are no markers on the timeline"

    def execute(self, context: Any) -> set[str]:
        """Make them; they speak what the active shot speaks, or the scene's mix."""
        scene, model = compat.sequencer_scene(context), shots.active(context)
        markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
        ends = [*(marker.frame - 1 for marker in markers[1:]), scene.frame_end]
        made = 0
        for marker, last in zip(markers, ends, strict=True):
            if last < marker.frame:
                continue
            shot = like(context, model, marker.name).speak
            if model is None:
                shot.voice_source = "SCENE"
            else:
                shot.voice_source, shot.strip = model.speak.voice_source, model.speak.strip
                shot.channel = model.speak.channel
            shot.range_source, shot.frame_first, shot.frame_last = "OWN", marker.frame, last
            made += 1
        self.report({"INFO"}, words.say("{count} shots made", count=made))
        return {"FINISHED"} if made else {"CANCELLED"}


class SPEAK_OT_duplicate_shot(Explained, bpy.types.Operator):
    """Copy the active shot with its curves; the copy gets a folder of its own"""

    bl_idname = "speak.duplicate_shot"
    bl_label = "Duplicate Shot"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot."""
        return "" if shots.active(context) is not None else "Make a shot first"

    def execute(self, context: Any) -> set[str]:
        """Copy object, mesh, material and action."""
        model = shots.active(context)
        owner = model.copy()
        if owner.data is not None:
            owner.data = owner.data.copy()
            for slot in owner.material_slots:
                if slot.material is not None:
                    slot.material = slot.material.copy()
        compat.copy_action(owner)
        for collection in model.users_collection or (context.scene.collection,):
            collection.objects.link(owner)
        owner.location.x += 2.5
        shots.separate_copy(owner)
        owner.speak.made_count = 0
        make_active(context, owner)
        return {"FINISHED"}


class SPEAK_OT_look_at_shot(Explained, bpy.types.Operator):
    """Turn this 3D View towards the shot and show its picture (Material Preview)"""

    bl_idname = "speak.look_at_shot"
    bl_label = "Look at Shot"

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot and a 3D View."""
        if shots.active(context) is None:
            return "Make a shot first"
        return "" if context.area and context.area.type == "VIEW_3D" else "Needs a 3D View"

    def execute(self, context: Any) -> set[str]:
        """Align, frame and shade."""
        owner, space = shots.active(context), context.space_data
        plane = owner if owner.type == "MESH" else owner.speak.plane or owner
        region = space.region_3d
        # A plane faces -Y of its own, which is what the front view looks along.
        turn = Quaternion((1, 0, 0), radians(90))
        region.view_rotation = plane.matrix_world.to_quaternion() @ turn
        region.view_perspective = "ORTHO"
        wide = plane.dimensions.x
        beside = owner.speak.compared and owner.speak.compare_mode == "SIDE"
        # Two pictures, the gap between them, and a margin.
        middle = Vector((wide * viewport.BESIDE / 2 if beside else 0.0, 0.0, 0.0))
        region.view_location = plane.matrix_world.translation + (
            plane.matrix_world.to_quaternion() @ middle
        )
        seen = max(wide * (1 + viewport.BESIDE) if beside else wide, plane.dimensions.z, 1.0)
        region.view_distance = 1.6 * seen
        if space.shading.type in ("SOLID", "WIREFRAME"):
            space.shading.type = "MATERIAL"
        return {"FINISHED"}


class SPEAK_OT_show_shot(bpy.types.Operator):
    """Make this shot the active one"""

    bl_idname = "speak.show_shot"
    bl_label = "Show Shot"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Shot", description="Name of the shot's object")

    def execute(self, context: Any) -> set[str]:
        """Select it if this view layer has it."""
        owner = context.view_layer.objects.get(self.name)
        if owner is None or not owner.speak.is_shot:
            self.report(
                {"WARNING"}, words.say("The shot {name} is not in this scene", name=self.name)
            )
            return {"CANCELLED"}
        make_active(context, owner)
        return {"FINISHED"}


CLASSES = (
    SPEAK_OT_shots_from_strips,
    SPEAK_OT_shots_from_markers,
    SPEAK_OT_duplicate_shot,
    SPEAK_OT_look_at_shot,
    SPEAK_OT_show_shot,
)
