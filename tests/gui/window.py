# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drives share: buttons, photographs, how long the window stood still."""

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
from own_time import OwnTime

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
    (LAB / "so-far.json").write_text(json.dumps(facts, indent=1))


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


def scroll(steps: int) -> Iterator[float]:
    """Turn the mouse wheel over the sidebar: down, or up where negative."""
    region = region_of(area_of("VIEW_3D"))
    spot = region.x + region.width // 2, region.y + region.height // 2
    move(*spot)
    yield 0.1
    for _ in range(abs(steps)):
        kind = "WHEELDOWNMOUSE" if steps > 0 else "WHEELUPMOUSE"
        window().event_simulate(type=kind, value="PRESS", x=spot[0], y=spot[1])
        yield 0.05
    yield 0.5


def find_button(operator: str, share: float = 0.5) -> Iterator[float]:
    """Where a button is: Ctrl-C over one copies the call that it makes. Result in `found`.

    share: how far to the right it is. The search begins where the last button was found: the next
    one is mostly near.
    """
    region = region_of(area_of("VIEW_3D"))
    x = region.x + int(region.width * share)
    near = found[0][1] if found else region.y + region.height
    heights = sorted(
        range(region.y + 10, region.y + region.height - 10, 9), key=lambda y: abs(y - near)
    )
    found.clear()
    for y in heights:
        bpy.context.window_manager.clipboard = ""
        # Both before the window is drawn again: without a graphics card drawing is what takes long.
        move(x, y)
        press("C", x, y, ctrl=True)
        yield 0.02
        if operator in bpy.context.window_manager.clipboard:
            found.append((x, y))
            return
    raise LookupError(f"no button calls {operator}")


found: list[tuple[int, int]] = []


def click(operator: str, *shares: float) -> Iterator[float]:
    """Find a button, at one of these shares of the width, and click it with the mouse."""
    for share in shares or (0.5,):
        with contextlib.suppress(LookupError):
            yield from find_button(operator, share)
            break
    if not found:
        raise LookupError(f"no button calls {operator}")
    move(*found[0])
    yield 0.1
    press("LEFTMOUSE", *found[0])
    yield 0.1


def choose_in_browser(name: str, picture: str) -> Iterator[float]:
    """Choose a file of LAB in the file browser that has just been opened, and photograph it."""

    def browsers() -> list[tuple[Any, Any]]:
        return [
            (there, area)
            for there in bpy.context.window_manager.windows
            for area in there.screen.areas
            if area.type == "FILE_BROWSER" and area.spaces.active.params is not None
        ]

    yield from until(browsers, 20)
    yield 1.0
    there, area = browsers()[0]
    params = area.spaces.active.params
    params.directory, params.filename = str(LAB).encode(), name
    yield 1.5
    photograph(picture)
    region = region_of(area, "WINDOW")
    with bpy.context.temp_override(window=there, area=area, region=region):
        bpy.ops.file.execute()
    yield from until(lambda: not browsers(), 20)
    yield 0.5


def module(name: str) -> Any:
    """A module of the add-on as Blender loaded it."""
    return sys.modules[f"{PACKAGE}.speak_addon.{name}"]


def active() -> Any:
    return bpy.context.view_layer.objects.active


def session() -> Any:
    return module("runtime").session()


def finished(seconds: float = 300.0) -> Iterator[float]:
    """Let the window live until the job and what it has to write are over."""
    yield from until(lambda: session().state.job is None, seconds)
    yield from until(lambda: not session().runner.background.busy, 30)


def view_all(kind: str) -> None:
    """Show everything in a Graph Editor or a Sequencer."""
    area = area_of(kind)
    region = region_of(area, "WINDOW")
    with bpy.context.temp_override(window=window(), area=area, region=region):
        getattr(bpy.ops, {"GRAPH_EDITOR": "graph", "SEQUENCE_EDITOR": "sequencer"}[kind]).view_all()


def report() -> Any:
    return next(iter(session().state.reports.values()), None)


def ready(scale: float = 0.72) -> Iterator[float]:
    """The extension installed, a scene with a voice saved, our tab open in the 3D View."""
    install()
    make_scene()
    bpy.context.preferences.view.ui_scale = scale
    yield 0.5
    yield from show_tab("VIEW_3D")


def tell_shot(frames: int) -> Any:
    """Give the active shot its portrait and a range of so many small frames; its properties."""
    shot = active().speak
    shot.portrait, shot.size = "//portrait.png", "256"
    shot.range_source, shot.frame_first, shot.frame_last = "OWN", 1, frames
    return shot


def begin(made: int = -1, seconds: float = 120.0) -> Iterator[float]:
    """Click Generate, and wait until more than so many frames are made."""
    yield from click("speak.generate")
    yield from until(lambda: session().state.job is not None)

    def reached() -> bool:
        job = session().state.job
        return job is None or job.made > made

    yield from until(reached, seconds)


def generate() -> Iterator[float]:
    """Click Generate, and wait for the last frame."""
    yield from begin()
    yield from finished()


def show_editor(area: Any, kind: str) -> Iterator[float]:
    """Let an area show a Sequencer or a Graph Editor, and everything in it."""
    area.type = kind
    if kind == "SEQUENCE_EDITOR":
        area.spaces.active.view_type = "SEQUENCER"
    yield 1.0
    view_all(kind)
    yield 1.0


def install() -> None:
    if JOB["packages"]:
        sys.path.append(JOB["packages"])
    bpy.ops.extensions.package_install_files(
        filepath=str(LAB / "speak.zip"), repo="user_default", enable_on_install=True, overwrite=True
    )
    if (LAB / "pack").is_dir():
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


def front_view() -> None:
    """Look at the shot, as its button does."""
    area = area_of("VIEW_3D")
    region = region_of(area, "WINDOW")
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.speak.look_at_shot()


def counts() -> dict[str, int]:
    editor = bpy.context.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    owner = next(o for o in bpy.data.objects if o.speak.is_shot)
    curves = 0
    if owner.animation_data and owner.animation_data.action:
        bag = module("compat").find_bag(owner)
        curves = 0 if bag is None else len(bag.fcurves)
    return {"strips": len(strips), "curves": curves}


class Blocked:
    """The longest time between two beats of a timer of its own, and the add-on's part in it."""

    def __init__(self, ours: OwnTime) -> None:
        self._longest = self._part = 0.0
        self._ours, self._before = ours, ours.wall
        self._timer = self._beat  # each look at a method gives another object

        self._last = time.monotonic()
        bpy.app.timers.register(self._timer)

    def stop(self) -> dict[str, float]:
        """Seconds: the longest time, and how much the add-on's calls had of a stretch at most."""
        bpy.app.timers.unregister(self._timer)
        return {"longest": round(self._longest, 3), "ours": round(self._part, 4)}

    def _beat(self) -> float:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._last)
        self._part = max(self._part, self._ours.wall - self._before)
        self._last, self._before = now, self._ours.wall
        return 0.01


def play(steps: Iterator[float]) -> None:
    """Go through the steps, the window living between them; then end Blender."""

    def step() -> float | None:
        try:
            return next(steps)
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

    bpy.app.timers.register(step, first_interval=2.0, persistent=True)
