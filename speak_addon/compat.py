# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that differs between Blender 4.2 and 5.2, and nothing else."""

from collections.abc import Iterable
from typing import Any

import bpy

# 4.5 added the option and 4.2 refuses it.
RELATIVE_PATHS = (
    {"options": {"PATH_SUPPORTS_BLEND_RELATIVE"}} if bpy.app.version >= (4, 5, 0) else {}
)


def sequencer_scene(context: Any) -> Any:
    """The scene whose sequencer is worked with; since 5.0 it may be another than the active one."""
    found = getattr(context, "sequencer_scene", None)
    if found is None and getattr(context, "window", None) is None:
        # A timer has no window: its first one says what is worked with.
        for window in context.window_manager.windows:
            found = found or getattr(window.workspace, "sequencer_scene", None)
    return found or context.scene


def show_sequencer_of(context: Any, scene: Any) -> None:
    """Let the sequencers of this workspace show a scene: since 5.0 a new file's show none."""
    workspace = getattr(context, "workspace", None)
    if workspace is not None and getattr(workspace, "sequencer_scene", scene) is None:
        workspace.sequencer_scene = scene


def strips(editor: Any) -> Any:
    """The top-level strips of a sequence editor."""
    # An empty collection is falsy, so `or` between the two names would be wrong.
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(scene: Any) -> Iterable[Any]:
    """Every strip of a scene, those inside meta strips too."""
    editor = scene.sequence_editor
    if editor is None:
        return ()
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def shown_strips(editor: Any) -> Any:
    """The strips that a timeline shows: those of the meta strip that is open, or the top ones."""
    return strips(editor.meta_stack[-1] if editor.meta_stack else editor)


def is_locked(editor: Any, strip: Any) -> bool:
    """Whether a strip of those that are shown is locked, or its channel is."""
    owner = editor.meta_stack[-1] if editor.meta_stack else editor
    return bool(strip.lock or owner.channels[strip.channel].lock)


def strip_start(strip: Any) -> int:
    """The first frame of a strip as it is cut."""
    # `frame_final_start` goes in 6.0; 5.1 brought the new name.
    return int(strip.left_handle if hasattr(strip, "left_handle") else strip.frame_final_start)


def strip_end(strip: Any) -> int:
    """The frame after the last one of a strip as it is cut."""
    return int(strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end)


def strip_offset(strip: Any) -> float:
    """The frame at which the content of a strip begins, cut or not."""
    # `frame_start` goes in 6.0; 5.1 brought the new name.
    return float(strip.content_start if hasattr(strip, "content_start") else strip.frame_start)


def move_strip(strip: Any, start: int) -> None:
    """Let the content of an uncut strip begin at a frame."""
    if hasattr(strip, "content_start"):
        strip.content_start = start
    else:
        strip.frame_start = start


def new_adjustment(strips: Any, name: str, channel: int, start: int, end: int) -> Any:
    """An adjustment strip from `start` up to `end` (not included)."""
    kind = {"name": name, "type": "ADJUSTMENT", "channel": channel, "frame_start": start}
    if bpy.app.version >= (5, 0, 0):
        return strips.new_effect(**kind, length=end - start)
    return strips.new_effect(**kind, frame_end=end)


def ensure_action(owner: Any, name: str) -> Any:
    """The action of an ID, made and given a slot when there is none yet."""
    data = owner.animation_data_create()
    if data.action is None:
        data.action = bpy.data.actions.new(name)
    if hasattr(data, "action_slot") and data.action_slot is None:
        # 4.4 and later: an action without a slot for its owner animates nothing.
        fitting = list(data.action_suitable_slots)
        data.action_slot = (
            fitting[0] if fitting else data.action.slots.new(id_type=owner.id_type, name=owner.name)
        )
    return data.action


def copy_action(owner: Any) -> None:
    """Give an ID that was copied an action of its own: copies share the one of the original."""
    data = owner.animation_data
    if data is None or data.action is None:
        return
    handle = getattr(data, "action_slot_handle", None)
    data.action = data.action.copy()
    if handle is not None:
        for slot in data.action.slots:
            if slot.handle == handle:
                data.action_slot = slot


def ensure_bag(owner: Any, name: str) -> Any:
    """What holds the F-curves of an ID (`.fcurves`, `.groups`): a channelbag, or the action itself.

    Action, slot, layer and keyframe strip are made where they are missing.
    """
    action = ensure_action(owner, name)
    if not hasattr(action, "layers"):
        return action
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(owner.animation_data.action_slot, ensure=True)


def find_bag(owner: Any) -> Any | None:
    """What holds the F-curves of an ID, or None; nothing is made."""
    data = owner.animation_data
    if data is None or data.action is None:
        return None
    if not hasattr(data.action, "layers"):
        return data.action
    if data.action_slot is None:
        return None
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)
            if bag is not None:
                return bag
    return None


def bag_of(action: Any, slot: Any) -> Any | None:
    """What holds the F-curves of an action for a slot, or None; nothing is made."""
    if action is None or not hasattr(action, "layers"):
        return action
    for layer in action.layers:
        for strip in layer.strips:
            bag = None if slot is None else strip.channelbag(slot)
            if bag is not None:
                return bag
    return None


def slot_for(action: Any, owner: Any) -> Any | None:
    """The slot of an action that fits an object: by its name, else the first; None without one."""
    slots = [
        s for s in getattr(action, "slots", ()) if s.target_id_type in ("OBJECT", "UNSPECIFIED")
    ]
    named = [slot for slot in slots if slot.name_display == owner.name]
    return (named or slots or [None])[0]


def ensure_bag_of(action: Any, owner: Any) -> Any:
    """What holds the F-curves of an action for an object, made where it is missing."""
    if not hasattr(action, "layers"):
        return action
    slot = slot_for(action, owner) or action.slots.new(id_type="OBJECT", name=owner.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def remove_strip(scene: Any, strip: Any) -> None:
    """Take a strip out of a scene's sequencer."""
    strips(scene.sequence_editor).remove(strip)


def new_curve(bag: Any, path: str, group: str) -> Any:
    """A new F-curve in a group; the group is made when needed."""
    curve = bag.fcurves.new(path, index=0)
    # `group_name` and `action_group` are arguments of some versions only; the attribute is of all.
    curve.group = bag.groups.get(group) or bag.groups.new(group)
    return curve


def compositor(scene: Any) -> Any:
    """The node tree of a scene's compositor, made when there is none."""
    if hasattr(scene, "compositing_node_group"):
        # 5.0: a node group of the file instead of one that belongs to the scene.
        if scene.compositing_node_group is None:
            tree = bpy.data.node_groups.new(f"{scene.name} Compositing", "CompositorNodeTree")
            scene.compositing_node_group = tree
        return scene.compositing_node_group
    scene.use_nodes = True
    return scene.node_tree


def show_transparency(material: Any, blended: bool) -> None:
    """Let EEVEE blend a material by its alpha, which costs it its depth: not where none is."""
    if hasattr(material, "surface_render_method"):
        material.surface_render_method = "BLENDED" if blended else "DITHERED"
    else:
        material.blend_method = "BLEND" if blended else "OPAQUE"
