# SPDX-License-Identifier: GPL-3.0-or-later
"""Voices of all kinds reach the core on time and alone; curves are read as Blender shows them."""

import sys
import wave
from fractions import Fraction
from pathlib import Path
from unittest import mock

import bpy
import numpy as np

from tests.blender import stage

RATE = 16000


def sources(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    for fps in ((24, 1.0), (24, 1.001), (60, 1.001)):
        _voices(folder, fps)
    _from_a_file(folder)
    _sampled_curves(folder)
    _layers(folder)
    _kinds_of_shots(folder)


def _from_a_file(folder: Path) -> None:
    """A sound file becomes a strip at the playhead in a channel of its own, and is the voice."""
    owner = stage.shot_in_new_file(folder, first=11, seconds=0.5, fps=(25, 1.0))
    scene, compat = bpy.context.scene, stage.module("compat")
    owner.speak.voice_source = "SCENE"
    line = stage.write_tone(folder / "line ü.wav", 0.6, 330.0)
    scene.frame_set(40)
    assert bpy.ops.speak.voice_from_file(filepath=str(line)) == {"FINISHED"}
    strip = stage.strips(scene)[owner.speak.strip]
    assert owner.speak.voice_source == "STRIP"
    assert (compat.strip_start(strip), compat.strip_end(strip)) == (40, 55)
    assert strip.channel == 2, "beside what is there"
    assert strip.sound.filepath == "//line ü.wav"
    count = len(stage.strips(scene))
    picture = stage.write_portrait(folder / "no sound.png")
    for path, said in ((folder / "gone.wav", "not there"), (picture, "cannot open it")):
        voice = lambda path=path: bpy.ops.speak.voice_from_file(filepath=str(path))  # noqa: E731
        assert said in stage.refused(voice)
    assert len(stage.strips(scene)) == count, "what cannot be read leaves no strip"
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert (owner.speak.made_first, owner.speak.made_count) == (40, 15)


def _click(path: Path, seconds: float, at: float, hertz: float) -> Path:
    """Silence with a burst of 50 ms that begins at a time."""
    samples = np.zeros(round(seconds * 48000), np.int16)
    first, count = round(at * 48000), 2400
    times = np.arange(count) / 48000
    samples[first : first + count] = 16000 * np.sin(2 * np.pi * hertz * times)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(samples.tobytes())
    return path


def _onset(samples) -> float:
    """Seconds to the first loud sample."""
    return float(np.argmax(np.abs(samples.astype(int)) > 1500)) / RATE


def _voices(folder: Path, fps) -> None:
    """A strip alone, a channel, and the mix; before, at and after the first frame of the shot."""
    owner = stage.shot_in_new_file(folder, first=21, seconds=0.2, fps=fps)
    shot, scene = owner.speak, bpy.context.scene
    strips = stage.strips(scene)
    strips.remove(strips["Voice"])
    low = strips.new_sound("Low", str(_click(folder / "low.wav", 1, 0.5, 400)), 1, 31)
    high = strips.new_sound("High", str(_click(folder / "high.wav", 1, 0.25, 3000)), 2, 31)
    high.mute = True
    state = [(s.name, s.mute) for s in strips], scene.frame_start, scene.frame_end, scene.use_audio
    rate = stage.module("shots").rate(scene)
    gather = stage.module("gather").gather

    def heard():
        data, _ = gather(owner, scene)
        now = [(s.name, s.mute) for s in strips], scene.frame_start, scene.frame_end
        assert (*now, scene.use_audio) == state, "the scene is as it was"
        return data.speaker

    # One strip, though another plays at the same time and this one is muted in the mix.
    for name, at in (("Low", 0.5), ("High", 0.25)):
        shot.voice_source, shot.strip, shot.range_source = "STRIP", name, "VOICE"
        data = heard()
        assert data.frames.first == 31
        assert len(data.samples) == round(data.frames.count * RATE / rate)
        assert abs(_onset(data.samples) - at) < 0.001, (fps, name, _onset(data.samples))
        assert data.start == 0
    # A shot that begins earlier than the voice, and one that begins within it.
    shot.strip, shot.range_source = "Low", "OWN"
    for first in (26, 31, 36):
        shot.frame_first, shot.frame_last = first, 40
        data = heard()
        expected = Fraction(31 - first) / rate + Fraction(1, 2)
        assert abs(_onset(data.samples) - data.start - expected) < 0.001, (fps, first)
    # The channel and the mix hear what is not muted.
    shot.range_source = "VOICE"
    shot.voice_source, shot.channel = "CHANNEL", 1
    assert abs(_onset(heard().samples) - 0.5) < 0.001
    scene.frame_start, scene.frame_end = 31, 60
    state = (state[0], 31, 60, state[3])
    shot.voice_source = "SCENE"
    data = heard()
    assert (data.frames.first, data.frames.last) == (31, 60)
    assert abs(_onset(data.samples) - 0.5) < 0.001
    high.mute = False
    state = ([("Low", False), ("High", False)], *state[1:])
    assert abs(_onset(heard().samples) - 0.25) < 0.001
    # What is as it was is not mixed again; what changed is.
    shot.voice_source, shot.strip, shot.range_source = "STRIP", "Low", "VOICE"
    audio, loud = stage.module("audio"), heard().samples
    with mock.patch.object(audio, "_mixdown", side_effect=AssertionError("mixed again")):
        assert np.array_equal(heard().samples, loud)
    low.volume = 0.5
    assert np.abs(heard().samples.astype(int)).max() < 0.6 * np.abs(loud.astype(int)).max()
    low.volume = 1.0
    _click(folder / "low.wav", 1, 0.3, 400)
    low.sound.filepath = str(folder / "low.wav")
    assert abs(_onset(heard().samples) - 0.3) < 0.001
    _click(folder / "low.wav", 1, 0.5, 400)
    low.sound.filepath = str(folder / "low.wav")
    # A strip cut at its start begins with what is left; older Blenders are up to 8 ms late there.
    low.frame_offset_start = 6
    shot.voice_source, shot.strip = "STRIP", "Low"
    data = heard()
    assert data.frames.first == 37
    assert abs(_onset(data.samples) - (0.5 - float(6 / rate))) < 0.009, (fps, _onset(data.samples))


def _sampled_curves(folder: Path) -> None:
    """Curves, drivers, NLA strips and muted curves give what Blender itself evaluates."""
    owner = stage.shot_in_new_file(folder, fps=(24, 1.0))
    shot, scene = owner.speak, bpy.context.scene
    sample, span = stage.module("curves").sample, stage.module("frame_time").FrameRange(1, 12)
    names = stage.root_module("inference_core.protocol.controls").NAMES
    for frame, value in ((1, -0.5), (12, 1.0)):
        shot.edit.gaze_x = value
        shot.edit.keyframe_insert("gaze_x", frame=frame)
        shot.weights.pose = (value + 1) / 2
        shot.weights.keyframe_insert("pose", frame=frame)
    shot.edit.sad = 0.75

    def compare(text: str):
        scene.frame_set(5)
        shot.edit.sad = 0.75
        edit, weights = sample(owner, scene, span)
        assert scene.frame_current == 5
        for row in range(12):
            scene.frame_set(row + 1)
            seen = [getattr(shot.edit, name) for name in names]
            assert np.allclose(edit[row], seen, atol=1e-5), (text, row)
            assert np.isclose(weights[row, 0], shot.weights.pose, atol=1e-5), (text, row)
        return edit

    edit = compare("curves")
    assert np.allclose(edit[:, names.index("sad")], 0.75)
    assert len(np.unique(edit[:, names.index("gaze_x")])) == 12
    stage.curve(owner, "speak.edit.gaze_x").mute = True
    assert len(np.unique(compare("muted")[:, names.index("gaze_x")])) == 1
    stage.curve(owner, "speak.edit.gaze_x").mute = False
    driver = shot.edit.driver_add("happy").driver
    driver.expression = "frame / 24"
    assert len(np.unique(compare("driver")[:, names.index("happy")])) == 12
    shot.edit.driver_remove("happy")
    data = owner.animation_data
    action, slot = data.action, getattr(data, "action_slot", None)
    data.action = None
    strip = data.nla_tracks.new().strips.new("edit", 1, action)
    if slot is not None:
        strip.action_slot = slot
    assert len(np.unique(compare("NLA")[:, names.index("gaze_x")])) == 12


def _layers(folder: Path) -> None:
    """What is generated is auto by its weight and the edit on top; other animation stays."""
    owner = stage.shot_in_new_file(folder, fps=(24, 1.0))
    shot = owner.speak
    owner.keyframe_insert("location", frame=11)
    shot.edit.yaw, shot.weights.pose = 7.0, 0.0
    assert bpy.ops.speak.generate() == {"FINISHED"}
    record = stage.module("shot_folder").ShotFolder(folder / "speak" / "Anna").read_shot()
    names = record["controls"]["names"]
    yaw = np.array(record["controls"]["rows"])[:, names.index("yaw")]
    assert np.ptp(yaw) < 1e-4, "without its weight the proposal changes nothing"
    own = yaw[0] - 7.0
    shot.weights.pose = 1.0
    assert bpy.ops.speak.generate() == {"FINISHED"}
    record = stage.module("shot_folder").ShotFolder(folder / "speak" / "Anna").read_shot()
    yaw = np.array(record["controls"]["rows"])[:, names.index("yaw")]
    proposed = [stage.curve(owner, "speak.auto.yaw").evaluate(f) for f in range(11, 35)]
    assert np.allclose(yaw, np.clip(np.array(proposed) + 7.0, -60, 60), atol=1e-3)
    assert np.ptp(yaw) > 0.1
    assert stage.curve(owner, "location") is not None
    # Without the auto layer: the portrait's own pose and the edit; the old proposal is left alone.
    shot.use_auto = False
    assert bpy.ops.speak.generate() == {"FINISHED"}
    record = stage.module("shot_folder").ShotFolder(folder / "speak" / "Anna").read_shot()
    yaw = np.array(record["controls"]["rows"])[:, names.index("yaw")]
    assert np.allclose(yaw, own + 7.0, atol=1e-3)


def _kinds_of_shots(folder: Path) -> None:
    """An Empty gets a plane of its own; a duplicate gets its own identity and folder."""
    stage.shot_in_new_file(folder, fps=(24, 1.0))
    empty = bpy.data.objects.new("Empty One", None)
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.objects.active = empty
    assert bpy.ops.speak.make_shot() == {"FINISHED"}
    shot = empty.speak
    shot.portrait, shot.size, shot.make_strip = "//anna.png", "256", False
    assert shot.strip == "Voice"
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert shot.plane.parent == empty
    assert shot.plane.active_material is not None
    assert len(stage.strips(bpy.context.scene)) == 1
    frames = folder / "speak" / "Empty_One"
    made = stage.frames_in(frames)
    copy = empty.copy()
    bpy.context.scene.collection.objects.link(copy)
    bpy.context.view_layer.objects.active = copy
    copy.speak.seed = 5
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert copy.speak.uuid != empty.speak.uuid
    assert copy.speak.plane != empty.speak.plane
    assert stage.frames_in(frames) == made, "the frames of the original are untouched"
    assert len(list((folder / "speak" / "Empty_One_001").glob("frame_*.png"))) == 24


if __name__ == "__main__":
    stage.play(sources, sound=True)
