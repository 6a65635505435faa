# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a Blender of its own: builds a timeline of sound strips from facts and mixes it down.

    blender --background --factory-startup -noaudio --python mix_strips.py -- FACTS.json OUT.wav

FACTS: fps, fps_base, volume (of the scene), first, last, rate, count (samples that OUT has at
least) and strips: path, mono, channel, and the properties in `NAMES`. What is animated of them is
a list: a value for each frame from the one before `first` to the one after `last`.
"""

import json
import sys
import time
import wave
from pathlib import Path
from typing import Any

import bpy

# What of a strip is copied, in this order: new names since 5.1, old names before.
NAMES = (
    ("content_start", "frame_start"),
    ("left_handle_offset", "frame_offset_start"),
    ("right_handle_offset", "frame_offset_end"),
    ("content_trim_start", "animation_offset_start"),
    ("content_trim_end", "animation_offset_end"),
    ("volume", "volume"),
    ("pan", "pan"),
    ("sound_offset", "sound_offset"),
    ("pitch_correction", "pitch_correction"),
)
SECONDS = 600.0


def facts_of(strip: Any) -> dict[str, Any]:
    """The properties of a strip that its sound depends on, by their old names."""
    found = {}
    for new, old in NAMES:
        name = new if hasattr(strip, new) else old
        if hasattr(strip, name):
            found[old] = getattr(strip, name)
    return found


def build(scene: Any, facts: dict[str, Any]) -> None:
    """The timeline."""
    scene.render.fps, scene.render.fps_base = facts["fps"], facts["fps_base"]
    scene.audio_volume, scene.use_audio = facts["volume"], True
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for number, told in enumerate(facts["strips"]):
        start = int(told["frame_start"])
        strip = strips.new_sound(f"Strip {number}", told["path"], told["channel"], start)
        strip.sound.use_mono = told["mono"]
        for new, old in NAMES:
            name = new if hasattr(strip, new) else old
            if isinstance(told.get(old), list):
                _animate(strip, name, facts["first"] - 1, told[old])
            elif old in told and hasattr(strip, name) and getattr(strip, name) != told[old]:
                setattr(strip, name, told[old])
    # The end before the start: Blender moves the one when the other passes it.
    scene.frame_end = max(facts["last"], scene.frame_end)
    scene.frame_start, scene.frame_end = facts["first"], facts["last"]


def _animate(strip: Any, name: str, first: int, values: list[float]) -> None:
    for number, value in enumerate(values):
        setattr(strip, name, value)
        strip.keyframe_insert(name, frame=first + number)


def main(told: str, out: str) -> None:
    """Mix it down and stay until the file is whole."""
    facts = json.loads(Path(told).read_text("utf-8"))
    scene = bpy.context.scene
    build(scene, facts)
    with bpy.context.temp_override(scene=scene):
        bpy.ops.sound.mixdown(
            filepath=out, check_existing=False, container="WAV", codec="PCM",
            format="S16", mixrate=facts["rate"], channels="MONO",
        )  # fmt: skip
    # Blender 5.2.0 to 5.2.2 return before the file is written.
    deadline = time.monotonic() + SECONDS
    while not _whole(out, facts["count"]):
        if time.monotonic() > deadline:
            raise TimeoutError(out)
        time.sleep(0.01)


def _whole(out: str, count: int) -> bool:
    """Whether so many samples are there. The header alone does not say: while a long file is being
    written, it names more than will ever come.
    """
    try:
        if Path(out).stat().st_size < 2 * count:
            return False
        with wave.open(out, "rb") as file:
            return len(file.readframes(count)) == 2 * count
    except (OSError, EOFError, wave.Error):
        return False


if __name__ == "__main__":
    main(*sys.argv[-2:])
