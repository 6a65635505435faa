# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: saving and rendering while frames are being generated."""

import sys
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))

from window import (
    LAB,
    active,
    click,
    facts,
    finished,
    install,
    make_scene,
    photograph,
    play,
    report,
    session,
    show_tab,
    until,
)

FRAMES = 48


def steps() -> Iterator[float]:
    install()
    make_scene()
    bpy.context.preferences.view.ui_scale = 0.72
    yield 0.5
    yield from show_tab("VIEW_3D")
    yield from click("speak.new_shot")
    yield 0.5
    shot = active().speak
    shot.portrait, shot.size = "//portrait.png", "256"
    shot.range_source, shot.frame_first, shot.frame_last = "OWN", 1, FRAMES
    yield from until(lambda: session().changes, 20)
    yield from click("speak.generate")
    yield from until(lambda: session().state.job is not None and session().state.job.made > 3, 120)
    made = session().state.job.made
    bpy.ops.wm.save_mainfile()
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine, scene.render.resolution_percentage = "BLENDER_WORKBENCH", 25
    scene.render.filepath = str(LAB / "still.png")
    bpy.ops.render.render(write_still=True)
    facts["made_when_saved"], facts["going_on"] = made, session().state.job is not None
    assert facts["going_on"], "it was over before it could be disturbed"
    yield from finished()
    yield 1.0
    photograph("after")
    facts["made"] = report().made
    assert report().made == FRAMES
    assert len(list((LAB / "speak" / "Shot").glob("frame_*.png"))) == FRAMES
    assert (LAB / "still.png").stat().st_size > 0


play(steps())
