# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures drawn over a shot's plane in the 3D View: no data is touched, no render shows them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from mathutils import Vector

Colours = npt.NDArray[np.float32]
# Where a picture stands that is drawn beside the plane, in widths to the right.
BESIDE = 1.05
EDGE = (1.0, 0.75, 0.2, 1.0)


def plane_of(owner: Any) -> Any | None:
    """The plane that shows a shot in this view layer, if it is one of ours and visible."""
    plane = owner if owner.type == "MESH" else owner.speak.plane
    if plane is None or not plane.data.get("speak_plane") or not plane.visible_get():
        return None
    return plane


def texture_of_pixels(pixels: Colours) -> Any:
    """A texture of float32 [h, w, 4] in display colours, the bottom row first."""
    import gpu

    height, width, _ = pixels.shape
    data = gpu.types.Buffer("FLOAT", pixels.size, pixels.ravel())
    return gpu.types.GPUTexture((width, height), format="RGBA8", data=data)


def texture_of_image(image: Any) -> Any:
    """A texture of an image, in linear colours."""
    import gpu

    return gpu.texture.from_image(image)


def draw(
    plane: Any,
    texture: Any,
    linear: bool = False,
    left: float = 0.0,
    beside: float = 0.0,
    near: float = 1e-3,
) -> None:
    """Draw a texture over a plane, from the share `left` of its width on.

    beside: how many widths to the right it is drawn. near: how much nearer to the viewer of the
    plane, or the two would flicker. Called while a 3D View is drawn.
    """
    import gpu
    from gpu_extras.batch import batch_for_shader

    corners = [vertex.co for vertex in plane.data.vertices[:4]]
    bottom, top = corners[1] - corners[0], corners[2] - corners[3]
    shift = bottom * beside
    local = [
        corners[0] + bottom * left + shift,
        corners[1] + shift,
        corners[2] + shift,
        corners[3] + top * left + shift,
    ]
    local = [corner + Vector((0, -near, 0)) for corner in local]
    name = "IMAGE_SCENE_LINEAR_TO_REC709_SRGB" if linear else "IMAGE"
    shader = gpu.shader.from_builtin(name)
    places = {
        "pos": [plane.matrix_world @ corner for corner in local],
        "texCoord": ((left, 0), (1, 0), (1, 1), (left, 1)),
    }
    batch = batch_for_shader(shader, "TRI_FAN", places)
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_sampler("image", texture)
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def draw_edge(plane: Any, share: float, near: float = 3e-3) -> None:
    """Draw an upright line over the plane at this share of its width, seen on any picture."""
    import gpu
    from gpu_extras.batch import batch_for_shader

    corners = [vertex.co for vertex in plane.data.vertices[:4]]
    low = corners[0].lerp(corners[1], share) + Vector((0, -near, 0))
    high = corners[3].lerp(corners[2], share) + Vector((0, -near, 0))
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    ends = [plane.matrix_world @ low, plane.matrix_world @ high]
    batch = batch_for_shader(shader, "LINES", {"pos": ends})
    shader.uniform_float("color", EDGE)
    batch.draw(shader)
