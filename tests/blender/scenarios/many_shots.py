# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots from strips and markers, duplicated, appended, linked and overridden; fifty of them."""

import sys
import time
from pathlib import Path

import bpy

from tests.blender import stage


def many_shots(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, seconds=0.5, fps=(25, 1.0))
    assert bpy.ops.speak.generate() == {"FINISHED"}
    if stage.SOUND:
        _strips(folder, owner)
        _all(folder)
    _markers(owner)
    _duplicate(folder, owner)
    _elsewhere(folder)
    _fifty(folder)


def shots_here():
    return [owner for owner in bpy.context.scene.objects if owner.speak.is_shot]


def show(name: str) -> None:
    assert bpy.ops.speak.show_shot(name=name) == {"FINISHED"}
    assert bpy.data.objects[bpy.context.scene.speak_shot].name == name


def _strips(folder: Path, owner) -> None:
    """A shot for each selected strip, then for each of the channel, never twice."""
    scene = bpy.context.scene
    strips = stage.strips(scene)
    owner.speak.seed = 7
    for number in range(3):
        tone = str(stage.write_tone(folder / f"line{number}.wav", 0.4))
        strips.new_sound(f"Line {number}", tone, 2, 40 + 20 * number)
    for strip in strips:
        strip.select = strip.name == "Line 1"
    assert bpy.ops.speak.shots_from_strips(source="SELECTED") == {"FINISHED"}
    made = bpy.context.view_layer.objects.active
    assert (made.name, made.speak.strip, made.speak.seed) == ("Line 1", "Line 1", 7)
    assert made.speak.portrait == owner.speak.portrait
    assert made.speak.uuid != owner.speak.uuid
    scene.sequence_editor.active_strip = strips["Line 0"]
    assert bpy.ops.speak.shots_from_strips(source="CHANNEL") == {"FINISHED"}
    assert sorted(shot.name for shot in shots_here()) == ["Anna", "Line 0", "Line 1", "Line 2"]
    assert bpy.ops.speak.shots_from_strips(source="CHANNEL") == {"CANCELLED"}
    # Every one speaks with its own voice over its own frames.
    show("Line 2")
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert bpy.context.view_layer.objects.active.speak.made_first == 80
    show("Anna")


def _all(folder: Path) -> None:
    """Every shot of the scene in one go; one that cannot be made does not stop the others."""
    bpy.data.objects["Line 1"].speak.portrait = "//nobody.png"
    assert bpy.ops.speak.generate_all() == {"FINISHED"}
    made = {path.name for path in (folder / "speak").iterdir() if not path.suffix}
    assert {"Anna", "Line_0", "Line_2"} <= made
    assert bpy.data.objects["Line 0"].speak.made_count == 10
    assert bpy.data.objects["Line 1"].speak.made_count == 0
    report = stage.session().report_of(bpy.data.objects["Line 1"].speak.uuid)
    assert report.error.code == "portrait_missing"
    bpy.data.objects["Line 1"].speak.portrait = bpy.data.objects["Anna"].speak.portrait
    assert bpy.ops.speak.generate_all() == {"FINISHED"}
    assert bpy.data.objects["Line 1"].speak.made_count == 10
    show("Anna")


def _markers(owner) -> None:
    scene = bpy.context.scene
    assert "no markers" in stage.refused(lambda: bpy.ops.speak.shots_from_markers())
    scene.frame_end = 120
    for name, frame in (("calm", 11), ("cross", 15)):
        scene.timeline_markers.new(name, frame=frame)
    assert bpy.ops.speak.shots_from_markers() == {"FINISHED"}
    calm, cross = bpy.data.objects["calm"].speak, bpy.data.objects["cross"].speak
    spoken = "Voice" if stage.SOUND else ""
    assert (calm.frame_first, calm.frame_last, calm.strip) == (11, 14, spoken)
    assert (cross.frame_first, cross.frame_last) == (15, 120)
    show("Anna")


def _duplicate(folder: Path, owner) -> None:
    """A copy has curves, a folder and a plane of its own; the original is as it was."""
    owner.speak.edit.keyframe_insert("happy", frame=11)
    before = stage.frames_in(folder / "speak" / "Anna")
    assert bpy.ops.speak.duplicate_shot() == {"FINISHED"}
    copy = bpy.context.view_layer.objects.active
    assert copy != owner
    assert copy.speak.uuid != owner.speak.uuid
    assert copy.animation_data.action != owner.animation_data.action
    assert copy.data != owner.data
    assert copy.active_material != owner.active_material
    stage.curve(copy, "speak.edit.happy").keyframe_points[0].co[1] = 0.8
    assert stage.curve(owner, "speak.edit.happy").keyframe_points[0].co[1] == 0.0
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.frames_in(folder / "speak" / "Anna") == before
    assert len(list((folder / "speak" / "Anna_001").glob("frame_*.png"))) == 13
    show("Anna")


def _elsewhere(folder: Path) -> None:
    """Appended into another folder's file it works there; linked it says what to do."""
    anna = bpy.data.objects["Anna"]
    anna.speak.portrait = "//anna.png"
    bpy.ops.wm.save_mainfile()
    other = folder / "other"
    other.mkdir()
    library = str(folder / "shot.blend")
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 25
    if stage.SOUND:
        stage.strips(scene).new_sound("Voice", str(folder / "voice.wav"), 1, 11)
    bpy.ops.wm.save_as_mainfile(filepath=str(other / "other.blend"))
    # Without a window the add-on leaves no handlers behind; here it is the window's.
    appended = stage.module("appended")
    handlers = getattr(bpy.app.handlers, appended.HANDLER, [])
    handlers.append(appended._imported)
    bpy.ops.wm.append(directory=library + "/Object/", filename="Anna")
    handlers.clear()
    if not hasattr(bpy.app.handlers, appended.HANDLER):  # 4.2, where one chooses it again
        appended.rebase(bpy.data.objects["Anna"], library)
    owner = bpy.data.objects["Anna"]
    assert owner.speak.portrait == "//../anna.png"
    assert (owner.speak.folder, owner.speak.made_count) == ("", 0)
    show("Anna")
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert len(list((other / "speak" / "Anna").glob("frame_*.png"))) == 13
    assert stage.curve(owner, "speak.edit.happy") is not None

    bpy.data.objects.remove(owner)
    bpy.ops.wm.link(directory=library + "/Object/", filename="Anna")
    linked = next(o for o in bpy.data.objects if o.library is not None)
    bpy.context.view_layer.objects.active = linked
    assert "library override" in stage.refused(lambda: bpy.ops.speak.generate())
    made = linked.override_create(remap_local_usages=True)
    made.speak.edit.sad = 0.5
    assert made.speak.edit.sad == 0.5
    made.speak.portrait = "//../anna.png"
    bpy.context.view_layer.objects.active = made
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(other / "other.blend"))
    kept = [o.speak.edit.sad for o in bpy.data.objects if o.override_library is not None]
    assert kept == [0.5], kept
    # A linked scene's shot in two scenes at once is one shot.
    bpy.ops.wm.open_mainfile(filepath=library)
    second = bpy.data.scenes.new("Second")
    second.collection.objects.link(bpy.data.objects["Anna"])
    assert [o.name for o in second.objects if o.speak.is_shot] == ["Anna"]


def _fifty(folder: Path) -> None:
    """Fifty shots are found and listed at once."""
    model = bpy.data.objects["Anna"]
    show("Anna")
    shots = stage.module("shots")
    for _ in range(50):
        assert bpy.ops.speak.duplicate_shot() == {"FINISHED"}
    everyone = shots_here()
    assert len({owner.speak.uuid for owner in everyone}) == len(everyone)
    began = time.perf_counter()
    for owner in everyone:
        assert shots.by_uuid(owner.speak.uuid) == owner
    assert time.perf_counter() - began < 1.0, "looking up is not quadratic in practice"
    folders = set()
    for owner in everyone:
        folders.add(shots.ensure_folder_name(owner))
    assert len(folders) == len(everyone)
    assert model.speak.uuid


if __name__ == "__main__":
    stage.play(many_shots)
