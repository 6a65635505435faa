# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: click Generate, cancel, undo, and photograph the panels.

The steps are one generator; a timer lets the window live between them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))

from window import (
    LAB,
    PACKAGE,
    Blocked,
    area_of,
    click,
    counts,
    facts,
    front_view,
    install,
    make_scene,
    move,
    photograph,
    play,
    press,
    region_of,
    report,
    session,
    show_tab,
    time_calls,
    until,
    window,
)  # fmt: skip


def steps() -> Iterator[float]:
    install()
    make_scene()
    yield 0.5
    yield from show_tab("VIEW_3D")
    photograph("1-empty")
    yield from click("speak.new_shot")
    yield 0.5
    owner = bpy.context.view_layer.objects.active
    owner.speak.portrait = "//portrait.png"
    front_view()
    yield 0.5
    photograph("2-before")

    time_calls(session(), "pump")
    time_calls(sys.modules[f"{PACKAGE}.speak_addon.results"], "apply")
    time_calls(sys.modules[f"{PACKAGE}.speak_addon.gather"], "gather")
    yield from click("speak.generate")
    yield from until(lambda: session().state.job is not None)
    yield from until(lambda: session().state.job.made > 5)
    yield 0.5
    photograph("3-during")
    yield from click("speak.cancel")
    yield from until(lambda: session().state.job is None, 5)
    yield 0.3
    photograph("4-cancelled")
    facts["kept_after_cancel"] = len(list((LAB / "speak").rglob("frame_*.png")))

    yield from click("speak.generate")
    yield from until(lambda: session().state.job is not None)
    blocked = Blocked()
    yield from until(lambda: session().state.job is None, 120)
    facts["longest_blocked"] = round(blocked.stop(), 3)
    yield 1.0
    facts["made"], facts["kept"] = report().made, report().kept
    facts["error"] = report().error and report().error.code
    bpy.context.scene.frame_set(30)
    yield 0.5
    photograph("5-after")
    yield from check_undo()
    yield from other_editors()


def check_undo() -> Iterator[float]:
    """Ctrl-Z over the viewport takes the result back in one step; Shift-Ctrl-Z brings it."""
    region = region_of(area_of("VIEW_3D"), "WINDOW")
    spot = region.x + 200, region.y + 200
    move(*spot)
    yield 0.2
    press("Z", *spot, ctrl=True)
    yield 3.0
    facts["after_undo"] = counts()
    photograph("6-undone")
    press("Z", *spot, ctrl=True, shift=True)
    yield 1.0
    facts["after_redo"] = counts()


def other_editors() -> Iterator[float]:
    """The same shot in the Sequencer and in the Graph Editor."""
    area = area_of("VIEW_3D")
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER"
    yield 0.5
    yield from show_tab("SEQUENCE_EDITOR")
    region = region_of(area, "WINDOW")
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.sequencer.view_all()
    yield 0.5
    photograph("7-sequencer")
    area.type = "GRAPH_EDITOR"
    yield 0.5
    region = region_of(area, "WINDOW")
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.graph.view_all()
    yield 0.5
    photograph("8-graph")


play(steps())
