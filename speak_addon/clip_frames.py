# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie as a folder of pictures, written by Blender's own sequencer, one at a time."""

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import bpy

from ..inference_core.protocol.errors import SpeakError
from . import compat

# A face needs no more to be read.
LONGEST_SIDE = 640


def is_movie(path: Path) -> bool:
    """Whether Blender takes a file for a movie."""
    return path.suffix.lower() in bpy.path.extensions_movie


def write(movie: Path, folder: Path) -> Generator[None, None, Fraction]:
    """Write all frames as JPEG files, one per step; returns the movie's rate.

    Raises SpeakError(file_missing, clip_unreadable).
    """
    if not movie.is_file():
        raise SpeakError("file_missing", name=movie.name)
    folder.mkdir()
    name = bpy.data.scenes.new(".SPEAK clip").name
    try:
        rate, first, count = _load(name, movie, folder)
        for index in range(count):
            # Looked up each time: an undo in between takes the scene away.
            scene = _scene(name)
            # Only an animation takes its frame from a scene that is not the window's.
            scene.frame_start = scene.frame_end = first + index
            bpy.ops.render.render(animation=True, scene=name)
            yield
    finally:
        if name in bpy.data.scenes:
            bpy.data.scenes.remove(bpy.data.scenes[name])
    return rate


def _scene(name: str) -> bpy.types.Scene:
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise SpeakError("clip_unreadable", reason="reading it was undone")
    return scene


def _load(name: str, movie: Path, folder: Path) -> tuple[Fraction, int, int]:
    """The movie in the scene's sequencer: its rate, its first frame there, how many it has."""
    scene = _scene(name)
    strips = compat.strips(scene.sequence_editor_create())
    try:
        strip = strips.new_movie("clip", str(movie), 1, 1)
    except RuntimeError:
        raise SpeakError("clip_unreadable", reason="Blender cannot open it") from None
    size = strip.elements[0]
    if not size.orig_width or not strip.fps:
        raise SpeakError("clip_unreadable", reason="Blender cannot open it")
    _settings(scene, size.orig_width, size.orig_height)
    scene.render.filepath = str(folder / "picture_######")
    first, end = compat.strip_start(strip), compat.strip_end(strip)
    return Fraction(strip.fps).limit_denominator(1001), first, end - first


def _settings(scene: bpy.types.Scene, width: int, height: int) -> None:
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    render = scene.render
    render.resolution_x, render.resolution_y = round(width * scale), round(height * scale)
    render.resolution_percentage = 100
    render.use_sequencer = True
    render.image_settings.file_format = "JPEG"
    scene.view_settings.view_transform = "Standard"
