# SPDX-License-Identifier: GPL-3.0-or-later
"""An edit of one emotion key in 240 frames makes the frames in its span, and says so before."""

import hashlib
import os
import sys
import time
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage

FRAMES = 240


def only_changed(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, first=1, seconds=10.0, fps=(24, 1.0))
    frames = folder / "speak" / "Anna"
    for frame, value in ((1, 0.0), (100, 0.2), (120, 0.9), (140, 0.2), (240, 0.0)):
        owner.speak.edit.happy = value
        owner.speak.edit.keyframe_insert("happy", frame=frame)
    for key in stage.curve(owner, "speak.edit.happy").keyframe_points:
        key.interpolation = "LINEAR"
    assert said(owner) == ("Generate 240 Frames", (240, 240, ()))
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert said(owner) == ("Generate", (0, 240, ()))
    _one_key(owner, frames)
    _gone(owner, frames)
    _at_the_playhead(owner)
    _another_session(owner, folder, frames)
    _everything(owner)


def look(owner):
    """What is said to be made."""
    return stage.module("change_count").look(owner, bpy.context.scene, stage.session())


def said(owner):
    """The text of the button, and how many of how many frames for which reasons."""
    changes = look(owner)
    text = stage.module("change_count").button_text(changes)
    return text, (len(changes.frames), changes.total, changes.why)


def _one_key(owner, frames: Path) -> None:
    """Between its neighbours at 100 and 140 the key at 120 touches 39 frames, and no file else."""
    before = stage.frames_in(frames)
    key = stage.curve(owner, "speak.edit.happy").keyframe_points[2]
    key.co[1] = 0.5
    stage.curve(owner, "speak.edit.happy").update()
    expected = list(range(100, 139))  # the files of frames 101 to 139
    assert list(look(owner).frames) == expected
    assert said(owner)[0] == "Generate 39 of 240 Frames"
    change_count = stage.module("change_count")
    sentence = change_count.sentence(look(owner), 256, stage.session())
    assert sentence.startswith("About "), sentence
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert (stage.report().made, stage.report().kept) == (39, 201)
    after = stage.frames_in(frames)
    touched = sorted(name for name in before if before[name][:2] != after[name][:2])
    assert touched == [*(f"frame_{index:06d}.png" for index in expected), "shot.json"]
    for name in set(before) - set(touched):
        assert _sha(before[name]) == _sha(after[name])
    # The replaced files are other pictures, whole and under the same names.
    assert all(_sha(before[name]) != _sha(after[name]) for name in touched)
    assert said(owner)[1] == (0, 240, ())


def _sha(facts) -> str:
    return hashlib.sha256(facts[2]).hexdigest()


def _gone(owner, frames: Path) -> None:
    """Missing files are counted, named, and made again as they were."""
    before, lost = stage.frames_in(frames), [f"frame_{index:06d}.png" for index in (7, 8, 9, 200)]
    frame_key = stage.module("shot_folder").frame_key
    keys = [frame_key(frames / name) for name in lost]
    for name in lost:
        os.unlink(frames / name)
    changes = look(owner)
    assert (changes.frames, changes.missing) == ((7, 8, 9, 200), 4)
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == 4
    after = stage.frames_in(frames)
    assert [frame_key(frames / name) for name in lost] == keys
    others = [name for name in before if name.endswith(".png") and name not in lost]
    assert all(before[name] == after[name] for name in others)


def _at_the_playhead(owner) -> None:
    """What a window's timer does: the frame at the playhead comes, and the count with it."""
    scene, watching, session = bpy.context.scene, stage.module("watching"), stage.session()
    scene.frame_set(50)
    owner.speak.edit.sad = 0.4
    session.changes.clear()
    watching._wake()
    deadline = time.monotonic() + 30
    while session.preview.picture is None or owner.speak.uuid not in session.changes:
        watching._serve()
        assert time.monotonic() < deadline, session.preview.trouble
        time.sleep(0.01)
    picture = session.preview.picture
    assert picture.moment.index == 49
    assert max(picture.shape[:2]) == 256
    pixels = stage.module("preview_image").rgba(picture)
    assert pixels.shape == (*picture.shape[:2], 4)
    assert np.ptp(pixels[..., :3]) > 50
    sad = stage.root_module("inference_core.protocol.controls").INDEX["sad"]
    assert np.isclose(picture.moment.edit[sad], 0.4)
    assert len(session.changes[owner.speak.uuid].frames) == FRAMES, "not keyed, it is everywhere"
    owner.speak.edit.sad = 0.0
    # Outside of the shot there is nothing to see.
    scene.frame_set(FRAMES + 20)
    assert watching.moment(owner, scene) is None


def _another_session(owner, folder: Path, frames: Path) -> None:
    """Opened again, shot.json and the curves tell the same."""
    key = stage.curve(owner, "speak.edit.happy").keyframe_points[1]
    key.co[1] = 0.4
    stage.curve(owner, "speak.edit.happy").update()
    expected = look(owner)
    assert 0 < len(expected.frames) < FRAMES
    bpy.ops.wm.save_mainfile()
    stage.session().close()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    owner = bpy.data.objects["Anna"]
    bpy.context.view_layer.objects.active = owner
    assert look(owner) == expected
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == len(expected.frames)


def _everything(owner) -> None:
    """What concerns every frame is named."""
    owner = bpy.data.objects["Anna"]
    shot, scene = owner.speak, bpy.context.scene
    shot.seed = 3
    assert said(owner)[1] == (FRAMES, FRAMES, ("seed",))
    shot.seed = 0
    if stage.SOUND:
        _the_voice(owner, scene)
    shot.portrait = "//other.png"
    assert said(owner)[1][2] == ("portrait",)
    shot.portrait = "//anna.png"
    assert said(owner)[1] == (0, FRAMES, ())
    # What only Blender can evaluate is counted, too.
    driver = shot.edit.driver_add("sad").driver
    driver.expression = "max(0, frame - 200) / 100"
    changes = look(owner)
    assert (changes.frames, changes.why) == (tuple(range(200, FRAMES)), ())
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == FRAMES - 200
    assert said(owner)[1] == (0, FRAMES, ())


def _the_voice(owner, scene) -> None:
    voice = stage.strips(scene)["Voice"]
    voice.volume = 0.5
    assert said(owner)[1][2] == ("voice",)
    sentence = stage.module("change_count").sentence(look(owner), 256, stage.session())
    assert sentence.endswith("the voice has changed."), sentence
    voice.volume = 1.0
    # Moved as a whole in time, a shot is the same.
    voice.frame_start += 12
    assert said(owner)[1][2] == (), "a shot that moved with its voice"
    voice.frame_start -= 12


if __name__ == "__main__":
    stage.play(only_changed)
