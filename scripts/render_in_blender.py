# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a folder of frames to a movie as an animator does. Blender runs this, nothing imports it.

PYTHON-WITH-BPY render_in_blender.py FOLDER MOVIE WIDTH HEIGHT TRANSFORM

The frames are an image strip that fills the picture; colour goes through Blender's view transform,
pixels through its scaling, the movie through its H.264 at "perceptually lossless".
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy


def main(folder: Path, movie: Path, width: int, height: int, transform: str) -> None:
    """Render every frame of the folder."""
    names = sorted(one.name for one in folder.glob("*.png"))
    scene = bpy.context.scene
    scene.view_settings.view_transform = transform
    scene.frame_start, scene.frame_end = 1, len(names)
    scene.render.fps = 25
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100
    scene.render.use_sequencer = True
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_image("Frames", str(folder / names[0]), 1, 1, fit_method="FIT")
    for name in names[1:]:
        strip.elements.append(name)
    strip.frame_final_duration = len(names)
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    scene.render.ffmpeg.constant_rate_factor = "PERC_LOSSLESS"
    scene.render.filepath = str(movie)
    bpy.ops.render.render(animation=True)


if __name__ == "__main__":
    at = sys.argv.index("--") if "--" in sys.argv else 0
    source, target, across, down, view = sys.argv[at + 1 : at + 6]
    main(Path(source), Path(target), int(across), int(down), view)
