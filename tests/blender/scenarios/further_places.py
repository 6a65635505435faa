# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames in the camera's background, on an Empty and in the compositor; renamed folders; Check."""

import os
import sys
from pathlib import Path

import bpy

from tests.blender import stage


def further_places(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    project = folder / "Secret Project"
    project.mkdir()
    owner = stage.shot_in_new_file(project, first=5, seconds=0.5, fps=(24, 1.0))
    assert "Nothing has been generated" in stage.refused(lambda: bpy.ops.speak.show_in())
    assert bpy.ops.speak.generate() == {"FINISHED"}
    _places(owner)
    _gone(owner, project)
    _renamed(owner, project)
    _check()
    _diagnostics(folder)


def _places(owner) -> None:
    scene = bpy.context.scene
    assert "no camera" in stage.refused(lambda: bpy.ops.speak.show_in(place="CAMERA"))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    for _ in range(2):  # a second time adds nothing
        for place in ("CAMERA", "EMPTY", "COMPOSITOR"):
            assert bpy.ops.speak.show_in(place=place) == {"FINISHED"}
    (background,) = camera.data.background_images
    (empty,) = [o for o in bpy.data.objects if o.type == "EMPTY"]
    tree = stage.module("compat").compositor(scene)
    (node,) = [n for n in tree.nodes if n.bl_idname == "CompositorNodeImage"]
    image = owner.active_material.node_tree.nodes["SPEAK Frames"].image
    assert background.image == empty.data == node.image == image
    for user in (background.image_user, empty.image_user, node):
        assert (user.frame_start, user.frame_duration, user.frame_offset) == (5, 12, -1)
    assert camera.data.show_background_images


def _gone(owner, project: Path) -> None:
    frames = project / "speak" / "Anna"
    results = stage.module("results")
    for index in (2, 3, 7):
        os.unlink(frames / f"frame_{index:06d}.png")
    results._looked.clear()
    assert results.frames_gone(owner) == [7, 8, 12]
    assert stage.module("baseline").spans([7, 8, 12]) == [(7, 8), (12, 12)]
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == 3
    results._looked.clear()
    assert results.frames_gone(owner) == []


def _renamed(owner, project: Path) -> None:
    """The folder is renamed outside of Blender; choosing it again is all there is to do."""
    results = stage.module("results")
    (project / "speak" / "Anna").rename(project / "speak" / "Anna final")
    results._looked.clear()
    assert len(results.frames_gone(owner)) == 12
    owner.speak.folder = "//speak/Anna final/"
    results._looked.clear()
    assert results.frames_gone(owner) == []
    image = owner.active_material.node_tree.nodes["SPEAK Frames"].image
    assert Path(bpy.path.abspath(image.filepath)).is_file()
    strip = stage.strips(bpy.context.scene)[owner.speak.result_strip]
    assert (Path(bpy.path.abspath(strip.directory)) / strip.elements[3].filename).is_file()
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == 0


def _check() -> None:
    assert bpy.ops.speak.test_everything() == {"FINISHED"}
    lines = stage.module("diagnostics").test().lines
    assert lines[-1] == "Everything works.", lines
    preferences = bpy.context.preferences.addons[stage.PACKAGE].preferences
    kept, preferences.pack = preferences.pack, "/nowhere/else/pack"
    said = stage.refused(lambda: bpy.ops.speak.test_everything())
    assert "pack" in said, said
    preferences.pack = kept


def _diagnostics(folder: Path) -> None:
    diagnostics = stage.module("diagnostics")
    text = diagnostics.report(bpy.context)
    print(text)
    for private in (str(folder), "Secret", "Anna", "/tmp", "/nowhere"):
        assert private not in text, private
    for wanted in ("Blender", "onnxruntime", "12 frames made", "log:"):
        assert wanted in text, wanted
    # What went wrong is told without the name of the file that it was about.
    owner = next(o for o in bpy.data.objects if o.speak.is_shot)
    bpy.context.view_layer.objects.active = owner
    kept, owner.speak.portrait = owner.speak.portrait, "//client_x_portrait.png"
    stage.refused(lambda: bpy.ops.speak.generate())
    text = diagnostics.report(bpy.context)
    assert "portrait_missing" in text
    assert "client_x" not in text
    owner.speak.portrait = kept
    redacted = diagnostics.redacted
    assert redacted("at C:\\Users\\Ann Lee\\x\\core.log: no", ("Ann Lee",)).count("Ann") == 0
    assert (
        redacted("open /home/ann/film/shot.blend failed", ("ann",)) == "open .../shot.blend failed"
    )
    assert redacted("see https://example.org/a/b", ()) == "see https://example.org/a/b"


if __name__ == "__main__":
    stage.play(further_places)
