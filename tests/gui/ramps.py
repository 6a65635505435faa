# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: the ramps of a mood strip, dragged in the Sequencer."""

import time
from collections.abc import Iterator
from typing import Any

import bpy
from own_time import OwnTime
from window import (
    PACKAGE,
    active,
    area_of,
    facts,
    module,
    move,
    photograph,
    press,
    ready,
    region_of,
    show_editor,
    window,
)

ours = OwnTime(PACKAGE)


def steps() -> Iterator[float]:
    yield from ready(scale=0.9)
    ours.watch()
    bpy.ops.speak.new_shot()
    active().speak.portrait = "//portrait.png"
    bpy.context.scene.frame_end = 72
    bpy.context.scene.frame_set(13)
    active().speak.ramp = 0.5
    bpy.ops.speak.add_mood(name="Delighted", seconds=2.0)
    yield from show_editor(area_of("VIEW_3D"), "SEQUENCE_EDITOR")
    photograph("1-strip")
    yield from ramp_in()
    yield from taken_back()
    yield from left_to_blender()
    yield from ramp_out()
    yield from undone()  # last: after a simulated redo Blender drags nothing any more
    drawn_fast()
    facts["own_calls"] = ours.table(6)


def strip() -> Any:
    found = bpy.context.scene.sequence_editor
    compat = module("compat")
    return next(s for s in compat.strips(found) if module("moods").is_mood(s))


def seconds(side: str) -> float:
    return float(strip()[f"speak_ramp_{side}"])


def spot(side: str) -> tuple[int, int]:
    """Where a grab point is on the screen."""
    region, handles = region_of(area_of("SEQUENCE_EDITOR"), "WINDOW"), module("mood_handles")
    one = next(handles.shown(bpy.context.scene, handles.view_of(region)))
    x, y = one.grab_points()[side]
    return region.x + round(x), region.y + round(y)


def frame_width() -> float:
    region = region_of(area_of("SEQUENCE_EDITOR"), "WINDOW")
    return module("mood_handles").view_of(region).frame_width


def button(value: str, place: tuple[int, int], **modifiers: bool) -> None:
    window().event_simulate(type="LEFTMOUSE", value=value, x=place[0], y=place[1], **modifiers)


def drag(place: tuple[int, int], frames: float, **modifiers: bool) -> Iterator[float]:
    """Press there and move by so many frames in small steps; the button stays down."""
    move(*place)
    yield 0.2
    button("PRESS", place)
    yield 0.1
    way = frames * frame_width()
    for number in range(1, 13):
        x = round(place[0] + way * number / 12)
        window().event_simulate(
            type="MOUSEMOVE", value="NOTHING", x=x, y=place[1] - number // 4, **modifiers
        )
        yield 0.05
    end[:] = [(round(place[0] + way), place[1] - 3)]


end: list[tuple[int, int]] = []


def ramp_in() -> Iterator[float]:
    before, rate = seconds("in"), 24 / 1.001
    yield from drag(spot("in"), 10)
    photograph("2-dragging")
    held = seconds("in")
    button("RELEASE", end[0])
    yield 0.5
    facts["ramp_in"] = before, held, seconds("in")
    frames = seconds("in") * rate
    assert held == seconds("in")
    assert abs(frames - round(frames)) < 1e-9, "it lies on a whole frame"
    assert abs(frames - (before * rate + 10)) <= 1.01, frames
    assert module("compat").strip_start(strip()) == 13, "the strip did not move"
    photograph("3-dragged")


def taken_back() -> Iterator[float]:
    before = seconds("in")
    yield from drag(spot("in"), -6)
    assert seconds("in") < before
    press("ESC", *end[0])
    yield 0.3
    assert seconds("in") == before, "as exactly as before"
    button("RELEASE", end[0])
    yield 0.3


def left_to_blender() -> Iterator[float]:
    """What is no grab point moves the strip and its ends as ever."""
    compat, held = module("compat"), (seconds("in"), seconds("out"))
    region, handles = region_of(area_of("SEQUENCE_EDITOR"), "WINDOW"), module("mood_handles")
    one = next(handles.shown(bpy.context.scene, handles.view_of(region)))
    middle = region.y + round((one.box.bottom + one.box.top) / 2)
    yield from drag((region.x + round((one.box.left + one.box.right) / 2), middle), 12)
    facts["moving"] = [operator.bl_idname for operator in window().modal_operators]
    button("RELEASE", end[0])
    yield 0.7
    facts["moved_to"] = compat.strip_start(strip())
    photograph("4-moved")
    assert 22 <= facts["moved_to"] <= 26
    assert held == (seconds("in"), seconds("out"))


def ramp_out() -> Iterator[float]:
    """Shift moves it finer, between frames, too."""
    before, rate = seconds("out"), 24 / 1.001
    yield from drag(spot("out"), -14, shift=True)
    button("RELEASE", end[0])
    yield 0.5
    facts["ramp_out"] = before, seconds("out")
    assert 0.5 < (seconds("out") - before) * rate < 2.5
    yield from drag(spot("out"), -80)
    button("RELEASE", end[0])
    yield 0.5
    both = (seconds("in") + seconds("out")) * rate
    assert abs(both - 48) < 1e-6, f"it stops at the other ramp, not at {both}"
    photograph("5-both")


def undone() -> Iterator[float]:
    """Each drag is one step."""
    full = seconds("out")
    region = region_of(area_of("SEQUENCE_EDITOR"), "WINDOW")
    place = region.x + region.width // 2, region.y + 20
    move(*place)
    yield 0.2
    press("Z", *place, ctrl=True)
    yield 1.0
    once = seconds("out")
    press("Z", *place, ctrl=True, shift=True)
    yield 1.0
    facts["undo"] = full, once, seconds("out")
    assert once < full == seconds("out")


def drawn_fast() -> None:
    """Looking for mood strips among many, where none is shown and where one is."""
    handles, scene = module("mood_handles"), bpy.context.scene
    region = region_of(area_of("SEQUENCE_EDITOR"), "WINDOW")
    strips = module("compat").strips(scene.sequence_editor)
    new = module("compat").new_adjustment
    for number in range(500):
        new(strips, f"Other {number}", 10, 1000 + 10 * number, 1005 + 10 * number)
    view = handles.view_of(region)
    began = time.thread_time()
    for _ in range(20):
        assert len(list(handles.shown(scene, view))) == 1
    facts["looking_among_500_ms"] = round((time.thread_time() - began) / 20 * 1000, 3)
