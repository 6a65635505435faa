# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: saving and rendering while frames are being generated."""

from collections.abc import Iterator

import bpy
from window import (
    LAB,
    begin,
    click,
    facts,
    finished,
    photograph,
    ready,
    report,
    session,
    tell_shot,
    until,
)

FRAMES = 48


def steps() -> Iterator[float]:
    yield from ready()
    yield from click("speak.new_shot")
    yield 0.5
    tell_shot(FRAMES)
    yield from until(lambda: session().changes, 20)
    yield from begin(3)
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
