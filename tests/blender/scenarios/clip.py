# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose read off a movie and off a sequence of pictures, keyed into the edit layer."""

import sys
from pathlib import Path

import bpy
import numpy as np
from PIL import Image

from tests.blender import stage

TILTS = (-12, -6, 0, 6, 12)


def clip(folder: Path) -> None:
    bpy.context.preferences.addons[stage.PACKAGE].preferences.threads = 2
    owner = stage.shot_in_new_file(folder, first=11, seconds=1.0, fps=(25, 1.0))
    portrait = stage.ROOT / "samples" / "portrait.png"
    owner.speak.portrait = str(portrait)
    pictures = folder / "pictures"
    pictures.mkdir()
    whole = Image.open(portrait).convert("RGB").resize((320, 320))
    for number, angle in enumerate(TILTS):
        tilted = whole.rotate(-angle, Image.Resampling.BICUBIC)
        tilted.save(pictures / f"head_{number:03d}.png", compress_level=1)
    _sequence(owner, pictures)
    _movie(owner, folder, pictures)
    _none(folder)


def _sequence(owner, pictures: Path) -> None:
    owner.speak.weights.keyframe_insert("pose", frame=11)
    first = str(pictures / "head_002.png")
    assert bpy.ops.speak.pose_from_clip(filepath=first, emotion=False) == {"FINISHED"}
    roll = stage.curve(owner, "speak.edit.roll")
    assert [round(key.co[0]) for key in roll.keyframe_points] == list(range(11, 16))
    values = np.array([key.co[1] for key in roll.keyframe_points])
    # The clip is smoothed over two frames; its middle stays where it is.
    assert np.all(np.diff(values) > 1), values
    assert abs(values[2]) < 4, "the clip's middle is the portrait itself"
    assert owner.speak.weights.pose == 0.0
    assert stage.curve(owner, "speak.weights.pose") is None
    assert stage.curve(owner, "speak.edit.happy") is None


def _movie(owner, folder: Path, pictures: Path) -> None:
    """The same as a movie of half the rate: it lasts twice as long."""
    scene = bpy.data.scenes.new("movie")
    strips = stage.strips(scene)
    strip = strips.new_image("clip", str(pictures / "head_000.png"), 1, 1)
    for number in range(1, 5):
        strip.elements.append(f"head_{number:03d}.png")
    scene.frame_end = 5
    render = scene.render
    render.fps, render.resolution_x, render.resolution_y = 12, 320, 320
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.filepath = str(folder / "movie.mp4")
    bpy.ops.render.render(animation=True, scene=scene.name)
    path = next(folder.glob("movie*.mp4"))
    bpy.data.scenes.remove(scene)
    bpy.ops.speak.clear_edit()
    assert bpy.ops.speak.pose_from_clip(filepath=str(path), emotion=True) == {"FINISHED"}
    roll = stage.curve(owner, "speak.edit.roll")
    assert len(roll.keyframe_points) == 11, "five pictures at 12 a second last eleven frames at 25"
    values = [round(key.co[1], 2) for key in roll.keyframe_points]
    assert values[-1] > values[0] + 8, values
    assert stage.curve(owner, "speak.edit.happy") is not None
    assert ".SPEAK clip" not in bpy.data.scenes


def _none(folder: Path) -> None:
    empty = folder / "nobody"
    empty.mkdir()
    Image.new("RGB", (200, 200), (80, 110, 80)).save(empty / "a.png")
    said = stage.refused(lambda: bpy.ops.speak.pose_from_clip(filepath=str(empty)))
    assert "No face was found" in said, said
    (folder / "broken.mp4").write_bytes(b"no movie")
    said = stage.refused(lambda: bpy.ops.speak.pose_from_clip(filepath=str(folder / "broken.mp4")))
    assert "cannot be read" in said, said
    said = stage.refused(lambda: bpy.ops.speak.pose_from_clip(filepath=str(folder / "gone.mp4")))
    assert "not there" in said, said


if __name__ == "__main__":
    assert sys.argv
    stage.play(clip)
