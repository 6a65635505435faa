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
    _what_only_this_blender_mixes(owner, scene)
    _forgotten(owner, scene)
    _failed(owner, scene)


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


def _what_only_this_blender_mixes(owner, scene) -> None:
    strip = stage.strips(scene)["Voice"]
    owner.speak.voice_source = "SCENE"
    assert mixed_elsewhere(owner, scene) is None, "the scene's mix"
    owner.speak.voice_source = "STRIP"
    strip.keyframe_insert("volume", frame=11)
    assert mixed_elsewhere(owner, scene) is None, "an animated volume"
    scene.animation_data_clear()
    strip.sound.pack()
    assert mixed_elsewhere(owner, scene) is None, "a packed sound"
    strip.sound.unpack(method="USE_ORIGINAL")
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
