# SPDX-License-Identifier: GPL-3.0-or-later
"""The plane that shows a shot: its shape, its material, and the portrait until frames are there."""

from typing import Any

import bpy
import numpy as np

from . import compat

_NODE = "SPEAK Frames"


def show_portrait(owner: Any) -> None:
    """Put the chosen portrait on a shot's plane, unless it already shows finished frames.

    A path that is no picture changes nothing: the panel says what is wrong when it is used.
    """
    if owner.type != "MESH" or not owner.data.get("speak_plane") or not owner.speak.portrait:
        return
    material = ensure_material(owner, owner.name)
    texture = texture_node(material)
    if texture.image is not None and texture.image.source == "SEQUENCE":
        return
    try:
        image = bpy.data.images.load(owner.speak.portrait, check_existing=True)
    except RuntimeError:
        return
    width, height = image.size
    if not width or not height:
        return
    texture.image = image
    compat.show_transparency(material, image.channels == 4)
    fit(owner.data, width, height)


def texture_node(material: Any) -> Any:
    """The node of a shot's material that holds its picture."""
    return material.node_tree.nodes[_NODE]


def fit(mesh: Any, width: float, height: float) -> None:
    """Make a mesh one upright rectangle of these proportions, 2 units high, with its UV map."""
    x, z = width / max(height, 1), 1.0
    corners = [(-x, 0, -z), (x, 0, -z), (x, 0, z), (-x, 0, z)]
    mesh.clear_geometry()
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.get("UVMap") or mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", np.array([0, 0, 1, 0, 1, 1, 0, 1], np.float32))
    mesh["speak_plane"] = True
    mesh.update()


def ensure_material(plane: Any, name: str) -> Any:
    """The material that shows the frames as they are: emission, blended by their alpha."""
    for slot in plane.material_slots:
        tree = slot.material.node_tree if slot.material else None
        if tree is not None and _NODE in tree.nodes:
            return slot.material
    material = bpy.data.materials.new(f"{name} frames")
    if material.node_tree is None:
        # New materials have their nodes from the start in 5.0, where this is deprecated.
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.name = texture.label = _NODE
    texture.extension = "CLIP"
    emission = tree.nodes.new("ShaderNodeEmission")
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    mix = tree.nodes.new("ShaderNodeMixShader")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    for column, node in enumerate((texture, emission, clear, mix, output)):
        node.location = (column * 260 - 520, -160 if node == clear else 0)
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(texture.outputs["Alpha"], mix.inputs[0])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(emission.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    plane.data.materials.append(material)
    return material
