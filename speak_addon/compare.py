# SPDX-License-Identifier: GPL-3.0-or-later
"""Another take drawn beside the shown one, or over it up to a wipe, in the viewport only."""

from pathlib import Path
from typing import Any

import bpy

from . import shots, takes, viewport

_handle: Any = None
_loaded: tuple[str, Any] | None = None
# The picture has no users, so it is never saved with the file.
_IMAGE = ".SPEAK compare"


def forget() -> None:
    """Load the picture anew."""
    global _loaded
    _loaded = None


def frame_path(owner: Any, scene: Any) -> Path | None:
    """The file of the compared take's frame at the playhead, or None."""
    shot = owner.speak
    if not shot.compared or not shot.made_count:
        return None
    kept = takes.store(owner)
    found, _ = takes.listed(owner)
    take = next((take for take in found if take.number == shot.compared), None)
    if kept is None or take is None:
        return None
    index = min(max(scene.frame_current - shot.made_first, 0), len(take.keys) - 1)
    return kept.shown(take, index)


def prepare(owner: Any, scene: Any) -> bool:
    """Load the picture that `_draw` shows; whether it is another one than before."""
    global _loaded
    path = frame_path(owner, scene)
    if path is None:
        changed, _loaded = _loaded is not None, None
        return changed
    if _loaded is not None and _loaded[0] == str(path):
        return False
    image = bpy.data.images.get(_IMAGE)
    if image is None:
        image = bpy.data.images.load(str(path))
        image.name = _IMAGE
    else:
        image.filepath = str(path)
        image.reload()
    while image.users:
        image.user_clear()
    _loaded = str(path), viewport.texture_of_image(image)
    return True


def _draw() -> None:
    if _loaded is None:
        return
    owner = shots.active(bpy.context)
    if owner is None or not owner.speak.compared:
        return
    plane = viewport.plane_of(owner)
    if plane is None:
        return
    shot = owner.speak
    if shot.compare_mode == "WIPE":
        viewport.draw(plane, _loaded[1], linear=True, left=shot.wipe)
    else:
        viewport.draw(plane, _loaded[1], linear=True, beside=viewport.BESIDE)


def register() -> None:
    """Draw in the viewport."""
    global _handle
    if not bpy.app.background:
        _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Draw no more."""
    global _handle
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
    _handle = None
    forget()
