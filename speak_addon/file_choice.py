# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that ask for a file: the browser shows folders and what can be used, nothing else.

A path's field with Blender's own folder button opens a browser that shows every file, so buttons
beside such fields call one of these.
"""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty


class ChoosesFile:
    """An operator that asks for `filepath` and then runs `execute`.

    Its class says what the browser shows: one of those below, or a `filter_glob` of its own.
    """

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @property
    def chosen(self) -> Path:
        """The file that was chosen, with its full path."""
        return Path(bpy.path.abspath(self.filepath))


class ChoosesPicture(ChoosesFile):
    """Shows pictures."""

    filter_image: BoolProperty(default=True, options={"HIDDEN"})


class ChoosesFootage(ChoosesPicture):
    """Shows pictures and movies."""

    filter_movie: BoolProperty(default=True, options={"HIDDEN"})


class ChoosesSound(ChoosesFile):
    """Shows sounds, and movies for theirs."""

    filter_sound: BoolProperty(default=True, options={"HIDDEN"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})


def as_kept(path: Path) -> str:
    """A path as the file keeps it: beginning at the .blend file where the user wants that."""
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            return str(bpy.path.relpath(str(path)))
        except ValueError:  # on another drive
            return str(path)
    return str(path)
