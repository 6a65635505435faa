# SPDX-License-Identifier: GPL-3.0-or-later
"""Another take drawn beside the shown one, or over it up to a wipe, in the viewport only."""

from pathlib import Path
from typing import Any

import bpy

from . import shots, takes, viewport
from .shot_folder import frame_name

_handle: Any = None
# The other take's frame and the shown one: file and texture of each.
_loaded: dict[str, tuple[str, Any]] = {}
OTHER, SHOWN = ".SPEAK compare", ".SPEAK shown"


def forget() -> None:
    """Load the pictures anew."""
    _loaded.clear()


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
    """Load what `_draw` shows, one picture at a time; whether one is another than before."""
    path = frame_path(owner, scene)
    if path is None:
        changed = bool(_loaded)
        _loaded.clear()
        return changed
    shot = owner.speak
    index = min(max(scene.frame_current - shot.made_first, 0), shot.made_count - 1)
    return _load(OTHER, path) or _load(SHOWN, shots.folder_path(owner) / frame_name(index))


def _load(name: str, path: Path) -> bool:
    """A picture as a texture; whether it is another one than before."""
    try:
        # A frame that was made again is another file of the same name.
        stamp = f"{path} {path.stat().st_mtime_ns}"
    except OSError:
        return _loaded.pop(name, None) is not None
    if _loaded.get(name, ("", None))[0] == stamp:
        return False
    # The picture has no users, so it is never saved with the file.
    image = bpy.data.images.get(name)
    try:
        if image is None:
            image = bpy.data.images.load(str(path))
            image.name = name
        else:
            image.filepath = str(path)
            image.reload()
        while image.users:
            image.user_clear()
        _loaded[name] = stamp, viewport.texture_of_image(image)
    except RuntimeError:  # it is no picture any more
        return _loaded.pop(name, None) is not None
    return True


def _draw() -> None:
    if OTHER not in _loaded:
        return
    owner = shots.active(bpy.context)
    if owner is None or not owner.speak.compared:
        return
    plane = viewport.plane_of(owner)
    if plane is None:
        return
    shot, other = owner.speak, _loaded[OTHER][1]
    if SHOWN in _loaded:
        # Both as they are: the plane itself is seen through the scene's view transform.
        viewport.draw(plane, _loaded[SHOWN][1], linear=True)
    if shot.compare_mode == "WIPE":
        viewport.draw(plane, other, linear=True, left=shot.wipe, near=2e-3)
        viewport.draw_edge(plane, shot.wipe)
    else:
        viewport.draw(plane, other, linear=True, beside=viewport.BESIDE)


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
