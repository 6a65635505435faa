# SPDX-License-Identifier: GPL-3.0-or-later
"""Another Blender mixes plain strips down to the same samples, and what it cannot mix is left."""

import sys
import time
from fractions import Fraction
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage

FPS = Fraction(24000, 1001)


def mixing(folder: Path) -> None:
    owner = stage.shot_in_new_file(folder, first=11, seconds=4.0)
    scene = bpy.context.scene
    _the_same_samples(folder, owner, scene)
    _animated(owner, scene)
    _the_mix_of_the_scene(folder, owner, scene)
    _what_is_not_keyed_stays(owner, scene)
    _what_only_this_blender_mixes(owner, scene)
    _forgotten(owner, scene)
    _failed(owner, scene)
    _half_written(folder)


def frames(owner, scene):
    return stage.module("shots").frames(owner, scene)


def mixed_elsewhere(owner, scene):
    """The voice as another Blender mixes it; None where it is not asked."""
    audio = stage.module("audio")
    audio._heard.clear()
    if audio.ready(owner, scene, frames(owner, scene), FPS):
        return None
    deadline = time.monotonic() + 60
    longest = 0.0
    while True:
        began = time.thread_time()
        there = audio.ready(owner, scene, frames(owner, scene), FPS)
        longest = max(longest, time.thread_time() - began)
        if there:
            break
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    assert len(audio._heard) == 1, "it was not mixed there"
    assert longest < 0.05, f"asking took {longest:.3f} s of the thread"
    return audio.voice(owner, scene, frames(owner, scene), FPS)


def mixed_here(owner, scene):
    stage.module("audio")._heard.clear()
    return stage.module("audio").voice(owner, scene, frames(owner, scene), FPS)


def same(owner, scene, what: str) -> None:
    there, here = mixed_elsewhere(owner, scene), mixed_here(owner, scene)
    assert there is not None, what
    assert there[1] == here[1], what
    assert len(there[0]) == len(here[0]), what
    assert np.array_equal(there[0], here[0]), (
        what, int(np.abs(there[0].astype(int) - here[0]).max())
    )  # fmt: skip
    assert np.abs(here[0]).max() > 1000, f"{what}: silence"


def _the_same_samples(folder: Path, owner, scene) -> None:
    strips = stage.strips(scene)
    strip = strips["Voice"]
    same(owner, scene, "a whole strip")
    strip.frame_offset_start, strip.frame_offset_end = 7, 20
    same(owner, scene, "a cut strip")
    strip.volume, strip.pan, scene.audio_volume = 0.4, 0.5, 0.8
    same(owner, scene, "a quiet strip")
    strip.sound.use_mono = True
    strip.mute = True
    same(owner, scene, "a muted strip that is spoken all the same")
    strip.mute = False
    # What sounds beside it is not part of it.
    strips.new_sound("Music", str(stage.write_tone(folder / "music.wav", 3.0, 990.0)), 3, 20)
    same(owner, scene, "a strip beside another")
    second = strips.new_sound("Second", str(stage.write_tone(folder / "b.wav", 2.0, 330.0)), 1, 120)
    second.volume = 0.7
    owner.speak.voice_source, owner.speak.channel = "CHANNEL", 1
    same(owner, scene, "a channel")
    owner.speak.voice_source = "STRIP"


def _animated(owner, scene) -> None:
    """Volume and pan follow their curves, whatever the playhead shows of them."""
    strip = stage.strips(scene)["Voice"]
    for frame, volume, pan in ((11, 0.1, -1.0), (50, 1.0, 0.5), (90, 0.3, 1.0)):
        strip.volume, strip.pan = volume, pan
        strip.keyframe_insert("volume", frame=frame)
        strip.keyframe_insert("pan", frame=frame)
    scene.frame_set(40)
    same(owner, scene, "an animated volume")
    # The mixdown here has set the playhead's values; they are no part of what is heard.
    audio = stage.module("audio")
    key = audio._wanted(owner, scene, frames(owner, scene), FPS).key
    scene.frame_set(70)
    assert audio._wanted(owner, scene, frames(owner, scene), FPS).key == key


def _the_mix_of_the_scene(folder: Path, owner, scene) -> None:
    """All that sounds, cut, overlapping, muted or not, over the frames of the shot."""
    strips = stage.strips(scene)
    shot = owner.speak
    shot.voice_source, shot.range_source, shot.frame_first, shot.frame_last = "SCENE", "OWN", 5, 150
    same(owner, scene, "the scene's mix")
    for number in range(4):  # one sound in pieces, as a cutter leaves it
        piece = strips.new_sound(f"Piece {number}", str(folder / "music.wav"), 5, 30)
        piece.frame_offset_start, piece.frame_offset_end = 12 * number, 72 - 12 * (number + 1)
        piece.volume = 0.2 * (number + 1)
    strips["Piece 1"].mute = True
    same(owner, scene, "pieces of one sound")
    scene.sequence_editor.channels[3].mute = True
    same(owner, scene, "with a muted channel")
    scene.sequence_editor.channels[3].mute = False
    shot.frame_first, shot.frame_last = 60, 80
    same(owner, scene, "a part of it")
    shot.frame_first, shot.frame_last = 2000, 2010
    there, here = mixed_elsewhere(owner, scene), mixed_here(owner, scene)
    assert np.array_equal(there[0], here[0]), "where nothing sounds"
    assert not here[0].any()
    shot.frame_first, shot.frame_last = 5, 150
    meta = strips.new_meta("Meta", 7, 20)
    assert mixed_elsewhere(owner, scene) is None, "a meta strip"
    meta.mute = True
    assert mixed_elsewhere(owner, scene) is not None
    speaker = bpy.data.objects.new("Speaker", bpy.data.speakers.new("Speaker"))
    scene.collection.objects.link(speaker)
    assert mixed_elsewhere(owner, scene) is None, "a speaker in space"
    bpy.data.objects.remove(speaker)
    strips.remove(meta)


def _what_is_not_keyed_stays(owner, scene) -> None:
    """Mixed there, the user's scene is not evaluated at other frames; here it has to be."""
    owner.keyframe_insert("location", frame=1)
    owner.location.x = 5.0
    assert mixed_elsewhere(owner, scene) is not None
    assert owner.location.x == 5.0
    owner.speak.voice_source, owner.speak.range_source = "STRIP", "VOICE"


def _what_only_this_blender_mixes(owner, scene) -> None:
    strip = stage.strips(scene)["Voice"]
    strip.sound.pack()
    assert mixed_elsewhere(owner, scene) is None, "a packed sound"
    strip.sound.unpack(method="USE_ORIGINAL")
    strip.driver_add("volume")
    assert mixed_elsewhere(owner, scene) is None, "a driven volume"
    strip.driver_remove("volume")
    channel = scene.sequence_editor.channels[strip.channel]
    channel.mute = True
    assert mixed_elsewhere(owner, scene) is None, "a muted channel"
    channel.mute = False
    assert mixed_elsewhere(owner, scene) is not None


def _forgotten(owner, scene) -> None:
    """What nobody waits for any more ends, and leaves nothing behind."""
    audio = stage.module("audio")
    audio._heard.clear()
    assert not audio.ready(owner, scene, frames(owner, scene), FPS)
    process, folder = audio._mixing[1]._process, Path(audio._mixing[1]._folder.name)
    audio.forget_mixing()
    assert process.poll() is not None
    assert not folder.exists()


def _half_written(folder: Path) -> None:
    """While a long file is being written its header may name more than is there."""
    path = stage.write_tone(folder / "half.wav", 2.0, rate=16000)
    data = bytearray(path.read_bytes())
    whole = stage.module("mix_strips")._whole
    assert whole(str(path), 32000)
    assert not whole(str(path), 32001)
    data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data[:-20000])
    assert not whole(str(path), 32000)
    assert stage.module("mixing").read_finished(path, 32000) is None


def _failed(owner, scene) -> None:
    """Where no other Blender can be started, this one mixes."""
    audio, mixing_module = stage.module("audio"), stage.module("mixing")
    real = mixing_module.command
    for broken in (["/nowhere/blender"], [sys.executable, "-c", "1/0"]):
        mixing_module.command = lambda binary, python, broken=broken: broken
        audio._heard.clear()
        audio._failed.clear()
        deadline = time.monotonic() + 30
        while not audio.ready(owner, scene, frames(owner, scene), FPS):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        samples, _ = audio.voice(owner, scene, frames(owner, scene), FPS)
        assert np.abs(samples).max() > 1000
    mixing_module.command = real
    audio._failed.clear()


if __name__ == "__main__":
    stage.play(mixing, sound=True)
