# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the user changed what a piece of work reads while it goes on, beat by beat of a timer."""

from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import bpy
from bpy.app.handlers import persistent


class Watch:
    """From its making on, `changed` says whether a data-block of these pointers was edited.

    Nothing of Blender's that was known before may be touched once it is true: after an undo, or in
    another file, it does not exist any more.
    """

    def __init__(self, pointers: Iterable[int]) -> None:
        self.changed = False
        self._watched = frozenset(pointers)
        _watches.add(self)

    def see(self, edited: set[int]) -> None:
        """These were edited, by their pointers."""
        self.changed = self.changed or bool(self._watched & edited)


_watches: WeakSet[Watch] = WeakSet()


@persistent
def _edited(_scene: Any, depsgraph: Any) -> None:
    if not _watches:
        return
    edited = {update.id.original.as_pointer() for update in depsgraph.updates}
    for watch in list(_watches):
        watch.see(edited)


@persistent
def _all_anew(*_: Any) -> None:
    """An undo, or another file."""
    for watch in list(_watches):
        watch.changed = True


HANDLERS = (
    ("depsgraph_update_post", _edited),
    ("undo_pre", _all_anew),
    ("undo_post", _all_anew),
    ("redo_pre", _all_anew),
    ("redo_post", _all_anew),
    ("load_pre", _all_anew),
)


def register() -> None:
    """Watch, where there is a window; without one nothing happens between two portions."""
    if not bpy.app.background:
        watch()


def watch() -> None:
    """Put the handlers in place."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Watch no more."""
    for name, handler in HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            handlers.remove(handler)
