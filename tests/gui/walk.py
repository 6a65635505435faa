# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: what docs/first-shot.md says, step by step, as one reads it.

From the installed zip to a rendered movie. Buttons of the add-on are clicked with the mouse; of
Blender itself, what a file browser would ask is given to the operator behind the menu.
"""

from collections.abc import Iterator
from typing import Any

import bpy
from window import (
    LAB,
    active,
    area_of,
    choose_in_browser,
    click,
    facts,
    finished,
    found,
    generate,
    install,
    module,
    photograph,
    region_of,
    report,
    scroll,
    session,
    show_editor,
    show_tab,
    until,
    window,
)

FRAMES = 72


def steps() -> Iterator[float]:
    install()
    bpy.context.preferences.view.ui_scale = 0.72
    yield 0.5
    yield from save()
    yield from new_shot()
    yield from portrait()
    yield from first_generation()
    yield from mood()
    yield from compare()
    yield from render()


def inside(kind: str) -> Any:
    area = area_of(kind)
    return bpy.context.temp_override(
        window=window(), screen=window().screen, area=area, region=region_of(area, "WINDOW")
    )


FOLDER = (0.81, 0.83, 0.79, 0.85)  # of the sidebar's width, tabs included: where a folder is


def save() -> Iterator[float]:
    """1. Save: the factory scene, with its cube."""
    bpy.ops.wm.save_as_mainfile(filepath=str(LAB / "shot.blend"))
    yield 1.0


def new_shot() -> Iterator[float]:
    """2. New Shot."""
    yield from show_tab("VIEW_3D")
    photograph("2a-tab")
    yield from click("speak.new_shot")
    yield 1.0
    photograph("2b-new-shot")
    bpy.data.objects.remove(bpy.data.objects["Cube"])


def portrait() -> Iterator[float]:
    """3. Choose the portrait and the voice, and look at the shot."""
    found.clear()
    yield from click("speak.choose_portrait", *FOLDER)
    yield from choose_in_browser("portrait.png", "3a-portrait-browser")
    yield from until(lambda: active().speak.portrait, 20)
    facts["portrait_chosen"] = active().speak.portrait
    found.clear()
    yield from click("speak.voice_from_file", *FOLDER)
    yield from choose_in_browser("voice.wav", "3b-sound-browser")
    yield from until(lambda: active().speak.strip, 20)
    facts["strip_chosen"] = active().speak.strip
    yield 0.5
    active().speak.size = "256"
    active().speak.range_source = "OWN"
    active().speak.frame_first, active().speak.frame_last = 1, FRAMES
    found.clear()
    yield from click("speak.look_at_shot", 0.82, 0.86, 0.78)
    yield from until(lambda: session().changes, 60)
    yield 2.0
    photograph("3-portrait")


def first_generation() -> Iterator[float]:
    """4. Generate."""
    found.clear()
    yield from click("speak.generate")
    yield from until(lambda: session().state.job is not None)
    stages = set()

    def going() -> bool:
        job = session().state.job
        stages.add(job.stage.name if job else "")
        return job is None or job.made > 8

    yield from until(going, 200)
    facts["stages_seen"] = sorted(stages)
    photograph("4a-generating")
    yield from finished()
    yield 2.0
    photograph("4b-finished")
    area = area_of("VIEW_3D")
    yield from show_editor(area, "SEQUENCE_EDITOR")
    photograph("4c-sequencer")
    area.type = "VIEW_3D"
    yield 1.0
    facts["scenes"] = [scene.name for scene in bpy.data.scenes]
    facts["made"] = report().made, report().error and report().error.code


def mood() -> Iterator[float]:
    """5. Change the mood with a set, and generate again."""
    bpy.context.scene.frame_set(36)
    yield 1.0
    yield from scroll(14)
    found.clear()
    yield from click('apply_set(name="Happy")')
    yield from until(lambda: session().changes, 20)
    yield from scroll(-40)
    yield 2.0
    photograph("5a-edited")
    found.clear()
    yield from generate()
    yield 2.0
    facts["made_again"] = report().made, report().kept
    photograph("5b-again")


def compare() -> Iterator[float]:
    """6. Compare with the first take, go back to it and forth."""
    yield from scroll(60)
    found.clear()
    yield from click("compare_take(number=1)", 0.68, 0.64, 0.72)
    yield from until(lambda: module("compare")._loaded, 20)
    yield 2.0
    photograph("6-compare")
    yield from click("compare_take(number=1)", 0.68, 0.64, 0.72)
    yield 0.5


def render() -> Iterator[float]:
    """Render Animation: the sequencer with its sound."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x = scene.render.resolution_y = 512
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "VIDEO"
    scene.render.image_settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    scene.render.ffmpeg.audio_codec = "AAC"
    scene.render.filepath = str(LAB / "movie.mp4")
    bpy.ops.render.render(animation=True)
    yield 1.0
    facts["movie"] = (LAB / "movie.mp4").stat().st_size
    bpy.ops.wm.save_mainfile()
