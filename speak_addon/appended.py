# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots that come from another file: their paths go on pointing to where they did.

Blender corrects the paths of its own data when it is appended, not those of an add-on.
"""

from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

HANDLER = "blend_import_post"  # from 4.3


def rebase(owner: Any, source: str) -> None:
    """Let an appended shot's portrait be found, and its frames be made in this file's folder.

    source: the .blend that it came from.
    """
    shot, home = owner.speak, Path(source).parent
    if shot.portrait.startswith("//"):
        path = str(home / shot.portrait[2:])
        shot.portrait = bpy.path.relpath(path) if bpy.data.filepath else path
    # The frames over there belong to that file's shot; this one has none yet.
    shot.folder, shot.made_count, shot.result_strip = "", 0, ""


@persistent
def _imported(context: Any, *_: Any) -> None:
    for item in context.import_items:
        owner = item.id
        if not isinstance(owner, bpy.types.Object) or owner.library is not None:
            continue
        library = item.source_library
        if owner.speak.is_shot and library is not None:
            rebase(owner, bpy.path.abspath(library.filepath))


def register() -> None:
    """Listen, where there is a window: a handler left at its end would hang some Blenders."""
    if not bpy.app.background and hasattr(bpy.app.handlers, HANDLER):
        getattr(bpy.app.handlers, HANDLER).append(_imported)


def unregister() -> None:
    """Listen no more."""
    handlers = getattr(bpy.app.handlers, HANDLER, [])
    if _imported in handlers:
        handlers.remove(_imported)
