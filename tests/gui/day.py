# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: an animator's day, a picture of each step.

First shot, an emotion edit, only the changed frames again, a slider dragged with the preview,
takes, cancel, undo. A timer of its own notes how long the window stood still, and every call of
Blender's into the add-on is timed: without a graphics card drawing takes seconds, and no call of
the add-on's may take the window's thread longer than 50 ms.
"""

import time
from collections.abc import Iterator

import bpy
from own_time import OwnTime
from window import (
    JOB,
    LAB,
    PACKAGE,
    Blocked,
    active,
    area_of,
    begin,
    click,
    counts,
    facts,
    finished,
    found,
    front_view,
    generate,
    move,
    photograph,
    press,
    ready,
    region_of,
    report,
    scroll,
    session,
    show_editor,
    show_tab,
    tell_shot,
    until,
    window,
)

FRAMES = 36
ours = OwnTime(PACKAGE)


def steps() -> Iterator[float]:
    yield from ready()
    ours.watch()
    yield from first_shot()
    yield from emotion_edit()
    yield from changed_frames_only()
    yield from dragged_slider()
    yield from takes()
    yield from cancelled()
    yield from undone()
    yield from other_editors()
    nothing_of_ours_takes_long()


def nothing_of_ours_takes_long() -> None:
    """Also asked in between: a drive that is cut off has said what it knows."""
    facts["own_calls"] = ours.table()
    ours.nothing_takes_long(JOB["idle"])


def first_shot() -> Iterator[float]:
    yield from click("speak.new_shot")
    yield 0.5
    tell_shot(FRAMES)
    front_view()
    area_of("VIEW_3D").spaces.active.shading.type = "MATERIAL"
    yield from until(lambda: session().changes, 20)
    photograph("1-before")
    # The same view drawn as often as while generating: what is left is what generating adds.
    yield from drawing_alone("still_drawing_a_material_alone")
    blocked = Blocked(ours)
    yield from begin(5)
    photograph("2-generating")
    yield from finished()
    facts["still_while_generating"] = blocked.stop()
    yield 1.5
    bpy.context.scene.frame_set(16)
    yield 2.0
    photograph("3-first-shot")
    nothing_of_ours_takes_long()
    facts["first"] = (report().made, report().kept)


def drawing_alone(name: str) -> Iterator[float]:
    """How long the window stands still when the view is only drawn, in the shading it has."""
    alone = Blocked(ours)
    for _ in range(30):
        area_of("VIEW_3D").tag_redraw()
        yield 0.03
    facts[name] = alone.stop()


def emotion_edit() -> Iterator[float]:
    """A set goes on the playhead with a click."""
    bpy.context.scene.frame_set(18)
    yield 0.5
    yield from scroll(12)
    found.clear()
    yield from click('apply_set(name="Happy")')
    yield from until(lambda: session().changes, 20)
    yield 1.5
    photograph("4-emotion-edit")
    yield from scroll(-40)
    found.clear()
    yield 0.5
    photograph("4b-count")
    changes = next(iter(session().changes.values()))
    facts["edit_touches"] = len(changes.frames)


def changed_frames_only() -> Iterator[float]:
    before = stamps()
    yield from generate()
    yield 1.5
    after = stamps()
    facts["made_again"] = report().made
    facts["files_changed"] = sum(before[name] != after[name] for name in before)
    assert 0 < facts["files_changed"] == facts["made_again"] == facts["edit_touches"] < FRAMES
    photograph("5-changed-only")
    nothing_of_ours_takes_long()


def stamps() -> dict[str, tuple[int, int]]:
    frames = (LAB / "speak" / "Shot").glob("frame_*.png")
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in frames}


def dragged_slider() -> Iterator[float]:
    """The mouse drags a slider; each answer's age is the preview's delay, as it reached Blender's
    process and as the window took it: between the two the window draws."""
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    preferences.preview_on_plane = True
    bpy.context.scene.frame_set(12)
    area = area_of("VIEW_3D")
    # Without a graphics card a material takes a second to draw; the preview is drawn over it.
    area.spaces.active.shading.type = "SOLID"
    yield 2.0
    yield from drawing_alone("still_drawing_alone")
    delays: list[float] = []
    there: list[float] = []
    began: dict[int, float] = {}
    preview = session().preview
    send, take = preview._send, preview._answered
    link = session().runner.link._link
    add = link._add

    def timed_send(request):
        number = send(request)
        began[number] = time.monotonic()
        return number

    def timed_answer(event):
        delays.append(time.monotonic() - began.get(event.request, time.monotonic()))
        take(event)

    def timed_add(event):  # in the link's own thread
        if event.type == "previewed":
            there.append(time.monotonic() - began.get(event.id, time.monotonic()))
        add(event)

    preview._send, preview._answered, link._add = timed_send, timed_answer, timed_add
    edit = active().speak.edit
    yield from find_slider("happy", 0.1234)
    (x, y), made = found[0], len(delays)
    move(x, y)
    yield 0.2
    blocked = Blocked(ours)
    window().event_simulate(type="LEFTMOUSE", value="PRESS", x=x, y=y)
    for number in range(60):
        move(x + number, y)
        yield 0.03
    window().event_simulate(type="LEFTMOUSE", value="RELEASE", x=x + 59, y=y)
    yield from until(lambda: not preview.busy, 20)
    facts["dragged_to"] = round(edit.happy, 3)
    facts["previews_while_dragging"] = len(delays) - made
    facts["still_while_dragging"] = blocked.stop()
    preview._send, preview._answered, link._add = send, take, add
    delays.sort()
    there.sort()
    facts["previews"] = len(delays)
    facts["preview_at_process_median"] = round(there[len(there) // 2], 3) if there else None
    facts["preview_at_process_longest"] = round(there[-1], 3) if there else None
    facts["preview_median"] = round(delays[len(delays) // 2], 3) if delays else None
    facts["preview_longest"] = round(delays[-1], 3) if delays else None
    yield 1.0
    photograph("6-dragged")
    nothing_of_ours_takes_long()
    yield from scroll(-60)
    found.clear()
    edit.yaw = edit.happy = 0.0
    preferences.preview_on_plane = False
    area.spaces.active.shading.type = "MATERIAL"
    yield 0.5


def find_slider(name: str, value: float) -> Iterator[float]:
    """Where a slider of the edit layer is: Ctrl-C over it copies its value. Result in `found`."""
    setattr(active().speak.edit, name, value)
    yield from scroll(60)
    region = region_of(area_of("VIEW_3D"))
    x = region.x + int(region.width * 0.6)
    heights = range(region.y + 10, region.y + region.height - 10, 8)
    middle = region.y + region.height // 2
    for _ in range(5):
        for y in sorted(heights, key=lambda y: abs(y - middle)):
            bpy.context.window_manager.clipboard = ""
            move(x, y)
            press("C", x, y, ctrl=True)
            yield 0.02
            if bpy.context.window_manager.clipboard.startswith(f"{value:.3f}"[:5]):
                found[:] = [(x, y)]
                return
        yield from scroll(-6)
    raise LookupError(f"no slider shows {value}")


def takes() -> Iterator[float]:
    bpy.context.scene.frame_set(18)
    yield 1.0
    active().speak.compare_mode = "WIPE"
    bpy.ops.speak.compare_take(number=1)  # drawn at once: nothing else changes
    yield 1.5
    photograph("7-wiped")
    active().speak.compare_mode = "SIDE"
    front_view()
    yield 2.5
    photograph("8-side-by-side")
    bpy.ops.speak.compare_take(number=1)
    front_view()
    bpy.ops.speak.show_take(number=1)
    yield from until(lambda: session().changes, 30)
    facts["back_at_first"] = len(next(iter(session().changes.values())).frames)
    assert facts["back_at_first"] == 0, "an earlier take needs nothing to be made"
    photograph("9-first-take")
    nothing_of_ours_takes_long()
    bpy.ops.speak.show_take(number=2)
    yield 1.0


def cancelled() -> Iterator[float]:
    active().speak.seed = 5
    found.clear()
    yield 0.5
    yield from begin(3)
    press("ESC", *spot_in_view())
    began = time.monotonic()
    yield from until(lambda: session().state.job is None, 10)
    facts["cancel_took"] = round(time.monotonic() - began, 3)
    assert report().outcome.value == "cancelled"
    yield 0.5
    photograph("10-cancelled")
    active().speak.seed = 0


def undone() -> Iterator[float]:
    """Ctrl-Z over the viewport takes a generation back in one step; Shift-Ctrl-Z brings it."""
    shot = active().speak
    shot.seed = 7
    bpy.ops.ed.undo_push(message="Seed")
    yield 0.5
    found.clear()
    before = shot.take
    yield from generate()
    yield 1.5
    made = active().speak.take
    assert made > before, "a generation is a take"
    spot = spot_in_view()
    move(*spot)
    yield 0.2
    press("Z", *spot, ctrl=True)
    yield 2.0
    facts["undo"] = (before, made, active().speak.take, counts())
    assert active().speak.take == before
    photograph("11-undone")
    press("Z", *spot, ctrl=True, shift=True)
    yield 2.0
    assert active().speak.take == made


def spot_in_view() -> tuple[int, int]:
    region = region_of(area_of("VIEW_3D"), "WINDOW")
    return region.x + 200, region.y + 200


def other_editors() -> Iterator[float]:
    """The same shot in the Sequencer and in the Graph Editor."""
    area = area_of("VIEW_3D")
    yield from show_editor(area, "SEQUENCE_EDITOR")
    yield from show_tab("SEQUENCE_EDITOR")
    photograph("12-sequencer")
    yield from show_editor(area, "GRAPH_EDITOR")
    photograph("13-graph")
