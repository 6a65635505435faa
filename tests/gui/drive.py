# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: click Generate, cancel, undo, and photograph the panels.

The steps are one generator; a timer lets the window live between them.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

JOB = json.loads(Path(sys.argv[-1]).read_text())
LAB = Path(JOB["folder"])
PACKAGE = "bl_ext.user_default.speak"

facts: dict[str, Any] = {"blender": bpy.app.version_string, "python": sys.version.split()[0]}
bpy.context.preferences.view.show_splash = False


def photograph(name: str) -> None:
    """A picture of the whole screen. Blender's own operator gives a black one on software GL."""
    size = f"{window().width}x{window().height}"
    grab = ["ffmpeg", "-v", "error", "-y", "-f", "x11grab", "-video_size", size]
    command = [*grab, "-i", os.environ["DISPLAY"], "-frames:v", "1", str(LAB / f"{name}.png")]
    subprocess.run(command, check=True)


def until(check: Any, seconds: float = 60.0) -> Iterator[float]:
    """Let the window live until something is so. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(check)
        yield 0.02


def window() -> Any:
    return bpy.context.window_manager.windows[0]


def area_of(kind: str) -> Any:
    return next(area for area in window().screen.areas if area.type == kind)


def show_tab(kind: str) -> Iterator[float]:
    """Open the sidebar of an editor at our tab, wide enough to read."""
    area = area_of(kind)
    area.spaces.active.show_region_ui = True
    yield 0.3
    region = region_of(area)
    region.active_panel_category = "SPEAK"
    area.tag_redraw()
    yield 0.5


def region_of(area: Any, kind: str = "UI") -> Any:
    return next(region for region in area.regions if region.type == kind)


def move(x: int, y: int) -> None:
    window().event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)


def press(kind: str, x: int, y: int, **modifiers: bool) -> None:
    for value in ("PRESS", "RELEASE"):
        window().event_simulate(type=kind, value=value, x=x, y=y, **modifiers)


def find_button(operator: str) -> Iterator[float]:
    """Where a button is: Ctrl-C over one copies the call that it makes. Result in `found`.

    The search begins where the last button was found: the next one is mostly near.
    """
    region = region_of(area_of("VIEW_3D"))
    x = region.x + region.width // 2
    near = found[0][1] if found else region.y + region.height
    heights = sorted(
        range(region.y + 10, region.y + region.height - 10, 9), key=lambda y: abs(y - near)
    )
    found.clear()
    for y in heights:
        bpy.context.window_manager.clipboard = ""
        move(x, y)
        yield 0.04
        press("C", x, y, ctrl=True)
        yield 0.04
        if operator in bpy.context.window_manager.clipboard:
            found.append((x, y))
            return
    raise LookupError(f"no button calls {operator}")


found: list[tuple[int, int]] = []


def click(operator: str) -> Iterator[float]:
    """Find a button and click it with the mouse."""
    yield from find_button(operator)
    move(*found[0])
    yield 0.1
    press("LEFTMOUSE", *found[0])
    yield 0.1


def session() -> Any:
    return sys.modules[f"{PACKAGE}.speak_addon.runtime"].session()


def report() -> Any:
    return next(iter(session().state.reports.values()), None)


def install() -> None:
    if JOB["packages"]:
        sys.path.append(JOB["packages"])
    bpy.ops.extensions.package_install_files(
        filepath=str(LAB / "speak.zip"), repo="user_default", enable_on_install=True, overwrite=True
    )
    bpy.context.preferences.addons[PACKAGE].preferences.pack = str(LAB / "pack")


def make_scene() -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1.001
    for owner in list(bpy.data.objects):
        bpy.data.objects.remove(owner)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_sound("Voice", str(LAB / "voice.wav"), 1, 1)
    with contextlib.suppress(AttributeError):
        bpy.context.workspace.sequencer_scene = scene
    bpy.ops.wm.save_as_mainfile(filepath=str(LAB / "shot.blend"))


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


def front_view() -> None:
    area = area_of("VIEW_3D")
    region = region_of(area, "WINDOW")
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_all()
    area.spaces.active.shading.type = "MATERIAL"


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


def counts() -> dict[str, int]:
    editor = bpy.context.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    owner = next(o for o in bpy.data.objects if o.speak.is_shot)
    curves = 0
    if owner.animation_data and owner.animation_data.action:
        bag = sys.modules[f"{PACKAGE}.speak_addon.compat"].find_bag(owner)
        curves = 0 if bag is None else len(bag.fcurves)
    return {"strips": len(strips), "curves": curves}


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


def time_calls(owner: Any, name: str) -> None:
    """Note the longest call of a function of the add-on: its part in what blocks the window."""
    inner = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.monotonic()
        try:
            return inner(*arguments, **named)
        finally:
            key = f"longest_{name}"
            facts[key] = max(facts.get(key, 0.0), round(time.monotonic() - began, 4))

    setattr(owner, name, timed)


class Blocked:
    """The longest time between two beats of a timer of its own."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._timer = self._beat  # each look at a method gives another object

        self._last = time.monotonic()
        bpy.app.timers.register(self._timer)

    def stop(self) -> float:
        bpy.app.timers.unregister(self._timer)
        return self._longest

    def _beat(self) -> float:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        return 0.01


running = steps()


def step() -> float | None:
    """One step; the last writes what was seen and ends Blender."""
    try:
        return next(running)
    except StopIteration:
        code = 0
    except BaseException:
        traceback.print_exc()
        facts["failed"] = traceback.format_exc()
        photograph("failed")
        code = 1
    (LAB / "facts.json").write_text(json.dumps(facts, indent=1))
    with contextlib.suppress(KeyError):
        session().close()
    sys.stdout.flush()
    os._exit(code)


bpy.app.timers.register(step, first_interval=2.0)
