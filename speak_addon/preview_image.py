# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture at the playhead: as an icon for the sidebar, and drawn over the shot's plane.

The plane itself is not touched: what is drawn over it is seen in the viewport only, never in a
render or a saved file.
"""

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from bpy.utils import previews

from . import preferences, shots, viewport
from .preview import Picture

_NAME = "playhead"
_icons: Any = None
_handle: Any = None
_picture: Picture | None = None
_texture: Any = None


def rgba(picture: Picture) -> npt.NDArray[np.uint8]:
    """The picture as Blender wants it: uint8 [h, w, 4], the bottom row first."""
    seen = np.frombuffer(picture.pixels, np.uint8).reshape(picture.shape)
    height, width, channels = picture.shape
    result = np.full((height, width, 4), 255, np.uint8)
    result[..., :channels] = seen[::-1]
    return result


def show(picture: Picture) -> None:
    """Let the sidebar and the viewport show this picture from now on."""
    global _picture, _texture
    _picture, _texture = picture, None
    if _icons is None:
        return
    icon = _icons.get(_NAME) or _icons.new(_NAME)
    height, width, _ = picture.shape
    if tuple(icon.image_size) != (width, height):
        icon.image_size = width, height
    # One number holds the four bytes of a pixel.
    icon.image_pixels.foreach_set(rgba(picture).view(np.int32).ravel())


def clear() -> None:
    """Forget the picture: another file was opened."""
    global _picture, _texture
    _picture = _texture = None


def icon_of(shot: str) -> int:
    """The icon of the picture if it is of this shot, else 0."""
    if _icons is None or _picture is None or _picture.moment.shot != shot or _NAME not in _icons:
        return 0
    return int(_icons[_NAME].icon_id)


def index_of(shot: str) -> int | None:
    """The frame of the shot that the picture shows."""
    if _picture is None or _picture.moment.shot != shot:
        return None
    return _picture.moment.index


def _draw() -> None:
    """Draw the picture over the plane of its shot, in the viewport only."""
    global _texture
    chosen = preferences.preferences()
    if _picture is None or chosen is None or not (chosen.use_preview and chosen.preview_on_plane):
        return
    owner = shots.by_uuid(_picture.moment.shot)
    plane = None if owner is None else viewport.plane_of(owner)
    if plane is None:
        return
    if _texture is None:
        _texture = viewport.texture_of_pixels(rgba(_picture) * np.float32(1 / 255))
    viewport.draw(plane, _texture)


def register() -> None:
    """Make room for the icon and draw in the viewport."""
    global _icons, _handle

    _icons = previews.new()
    _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Take both away."""
    global _icons, _handle
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
    if _icons is not None:
        previews.remove(_icons)
    _icons = _handle = None
    clear()
