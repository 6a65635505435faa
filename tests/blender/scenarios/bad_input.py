# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong with the scene, the files and the folder; then Generate works."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import bpy

from tests.blender import stage
from tests.fixtures.faces import add_face, draw_face
from tests.fixtures.tiny_pack import write_pack


def bad_input(folder: Path) -> None:
    pack = Path(sys.argv[1])
    stage.use_pack(pack)
    owner = stage.shot_in_new_file(folder, seconds=0.5, fps=(24, 1.0))
    shot, scene = owner.speak, bpy.context.scene
    frames = folder / "speak" / "Anna"

    _unsaved(folder)
    owner = bpy.data.objects["Anna"]
    bpy.context.view_layer.objects.active = owner
    shot, scene = owner.speak, bpy.context.scene

    _strips(folder, shot, scene)
    _frames(shot, scene)
    _portraits(folder, shot)
    _folders(folder, shot)
    assert not frames.exists() or not list(frames.glob("frame_*")), "nothing was made so far"
    _curves(owner)
    _silence(folder, shot, scene)
    _packs(folder, pack)
    _other_pythons(folder)
    _full_disk(frames, shot)
    _small_disk(folder, shot)


def expect(code: str) -> None:
    """Generate is refused with this code, its sentence and its hint, at the shot."""
    said = stage.refused(lambda: bpy.ops.speak.generate())
    error = stage.report().error
    assert error is not None, said
    assert error.code == code, (error, said)
    wording = stage.root_module("inference_core.protocol.errors").wording(error.code, error.args)
    assert wording.sentence in said
    assert wording.hint in said
    assert "?" not in wording.sentence, wording.sentence
    assert stage.session().state.job is None


def works() -> None:
    """Generate works at once."""
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().error is None


def _unsaved(folder: Path) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.speak.new_shot(name="Homeless", portrait=str(folder / "anna.png"))
    bpy.context.view_layer.objects.active.speak.voice_source = "SCENE"
    assert "has not been saved" in stage.refused(lambda: bpy.ops.speak.generate())
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.speak.new_shot(name="Anna", portrait=str(folder / "anna.png"))
    bpy.context.view_layer.objects.active.speak.size = "256"


def _strips(folder: Path, shot, scene) -> None:
    shot.strip = "Nobody"
    expect("strip_missing")
    gone = stage.write_tone(folder / "gone.wav", 0.5)
    stage.strips(scene).new_sound("Gone", str(gone), 3, 40)
    gone.unlink()
    shot.strip = "Gone"
    expect("strip_file_missing")
    shot.voice_source, shot.channel = "CHANNEL", 7
    expect("strip_missing")
    stage.strips(scene).remove(stage.strips(scene)["Gone"])
    shot.voice_source, shot.strip = "STRIP", "Voice"


def _frames(shot, scene) -> None:
    shot.range_source, shot.frame_first, shot.frame_last = "OWN", 10, 9
    expect("no_frames")
    shot.frame_last = 2_000_000
    expect("too_many_frames")
    shot.range_source = "VOICE"
    scene.render.fps, scene.render.fps_base = 1, 2.0
    expect("bad_fps")
    scene.render.fps, scene.render.fps_base = 24, 1.0


def _portraits(folder: Path, shot) -> None:
    anna = shot.portrait
    shot.portrait = "//missing.png"
    expect("portrait_missing")
    (folder / "text.png").write_text("no picture")
    shot.portrait = "//text.png"
    expect("portrait_unreadable")
    (folder / "half.png").write_bytes(Path(anna).read_bytes()[:5000])
    shot.portrait = "//half.png"
    expect("portrait_truncated")
    draw_face(300, 360, side=150).resize((16, 16)).save(folder / "tiny.png")
    shot.portrait = "//tiny.png"
    expect("portrait_too_small")
    draw_face(300, 360, at=(5, 5)).save(folder / "nobody.png")
    shot.portrait = "//nobody.png"
    expect("portrait_no_face")
    both = draw_face(700, 360, at=(0.25, 0.5), side=180)
    add_face(both, (520, 180), 130)
    both.save(folder / "both.png")
    shot.portrait, shot.face = "//both.png", 5
    expect("portrait_no_such_face")
    shot.portrait, shot.face = anna, -1


def _folders(folder: Path, shot) -> None:
    kept = shot.folder
    (folder / "file").write_text("not a folder")
    shot.folder = "//file/below/"
    expect("folder_read_only")
    shot.folder = kept


def _curves(owner) -> None:
    """NaN and 1e9 in a curve are held to the range, counted and named; the curve stays."""
    shot = owner.speak
    for frame in (11, 13, 15):
        shot.edit.keyframe_insert("yaw", frame=frame)
        shot.edit.keyframe_insert("happy", frame=frame)
    for name, value in (("yaw", 1e9), ("happy", float("nan"))):
        curve = stage.curve(owner, f"speak.edit.{name}")
        curve.keyframe_points[1].co[1] = value
        curve.update()
    works()
    notice = next(n for n in stage.report().notices if n.code == "controls_clamped")
    assert notice.args["names"] == "yaw, happy", notice
    assert stage.curve(owner, "speak.edit.yaw").keyframe_points[1].co[1] == 1e9
    bag = stage.module("compat").find_bag(owner)
    for name in ("yaw", "happy"):
        bag.fcurves.remove(stage.curve(owner, f"speak.edit.{name}"))
        setattr(shot.edit, name, 0.0)
    works()
    assert not [n for n in stage.report().notices if n.code == "controls_clamped"]


def _silence(folder: Path, shot, scene) -> None:
    scene.sequence_editor.strips_all["Voice"].volume = 0.0
    works()
    assert "voice_silent" in {n.code for n in stage.report().notices}
    scene.sequence_editor.strips_all["Voice"].volume = 1.0
    shot.range_source, shot.frame_first, shot.frame_last = "OWN", 11, 12
    shot.voice_source = "SCENE"
    expect("voice_too_short")
    shot.voice_source, shot.range_source = "STRIP", "VOICE"
    works()


def _packs(folder: Path, pack: Path) -> None:
    """A pack with one byte changed is refused, each time with its name; then the good one works."""
    damaged = folder / "damaged"
    shutil.copytree(pack, damaged)
    data = bytearray((damaged / "frame.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (damaged / "frame.onnx").write_bytes(data)
    stage.use_pack(damaged)
    for _ in range(4):
        expect("pack_damaged")
    stage.use_pack(folder / "no pack")
    expect("pack_missing")
    mute = write_pack(folder / "mute", voice=False)
    stage.use_pack(mute)
    works()
    assert not stage.session().state.core.has_voice
    assert "pack_no_voice" in {n.code for n in stage.report().notices}
    stage.use_pack(pack)
    works()
    stage.use_core("tests.blender.other_version_core")
    expect("version_mismatch")
    stage.use_core("inference_core")
    works()


def _other_pythons(folder: Path) -> None:
    """A Python that is not there, or that lacks what the core needs, is named as the reason."""
    preferences = bpy.context.preferences.addons[stage.PACKAGE].preferences
    bare = folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    for python in (folder / "no-python", bare / "bin" / "python"):
        preferences.python = str(python)
        stage.session().close()
        expect("core_start_failed")
    preferences.python = ""
    missing = mock.patch.object(
        stage.module("interpreter"), "missing_packages", return_value=["onnxruntime"]
    )
    with missing:
        expect("core_start_failed")
    assert "onnxruntime for Python" in stage.module("words").of_note(stage.report().error)
    bpy.ops.speak.check()
    works()


def _full_disk(frames: Path, shot) -> None:
    """The disk fills while frames are written: a sentence, whole files only, and on it goes."""
    shot.seed = 7
    before = stage.frames_in(frames)
    writes = iter(range(5))
    replace = Path.replace

    def full(self, target):
        if Path(target).name.startswith("frame_") and next(writes, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    with mock.patch.object(Path, "replace", full):
        expect("disk_full")
    after = stage.frames_in(frames)
    assert set(after) == set(before)
    changed = [name for name in after if name != "shot.json" and after[name] != before[name]]
    assert len(changed) == 5
    works()
    assert stage.report().kept == 5


def _small_disk(folder: Path, shot) -> None:
    """The same on a real disk of 96 kB, then on one that is read-only.

    Mounting needs rights that not everyone has; the emulated disk above needs none.
    """
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        return
    try:
        shot.folder = "//disk/frames/"
        shot.size = "512"
        expect("disk_full")
        left = sorted((disk / "frames").iterdir())
        assert left
        assert not [path for path in left if path.suffix == ".part"], left
        for path in left:
            if path.suffix == ".png":
                assert path.read_bytes().endswith(b"IEND\xaeB`\x82"), path
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        expect("folder_read_only")
        subprocess.run(["mount", "-o", "remount,rw,size=64m", str(disk)], check=True)
        works()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


if __name__ == "__main__":
    stage.play(bad_input, sound=True)
