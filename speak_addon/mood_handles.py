# SPDX-License-Identifier: GPL-3.0-or-later
"""The ramps of mood strips in the Sequencer's timeline: where they are, and under the mouse."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import bpy

from . import compat, mood_shape, moods, sets, shots, words
from .mood_shape import Box, Point, Side, View

PROPERTY: dict[Side, str] = {"in": moods.RAMP_IN, "out": moods.RAMP_OUT}
# In pixels, before the interface is scaled: a grab point, and how near the mouse must come.
RADIUS, REACH = 4.5, 8.0
HEADER = 24.0  # frame numbers stand above the strips there
LOWEST = 16.0  # a strip must be this high to show its ramps
NAME = 15.0  # Blender writes a strip's name on top of it; a high strip shows its ramps below

# The strip and the side whose ramp is being dragged.
dragged: tuple[str, Side] | None = None
_keys: list[tuple[Any, Any]] = []


@dataclass(frozen=True, slots=True)
class Shown:
    """A mood strip that is seen: its place, its ramps in frames, and what can be done to it."""

    strip: Any
    box: Box
    ramp_in: float
    ramp_out: float
    fixed: bool  # locked, or linked from another file

    def grab_points(self) -> dict[Side, Point]:
        """Where its ramps end, in pixels."""
        return mood_shape.grab_points(self.box, self.ramp_in, self.ramp_out, RADIUS * scale())

    def ramp(self, side: Side) -> float:
        """One of its ramps, in frames."""
        return self.ramp_in if side == "in" else self.ramp_out

    def drag(self, side: Side, x: float, most: float) -> mood_shape.Drag:
        """A drag of a ramp from `x` pixels on; it becomes `most` frames long at the longest."""
        other = self.ramp("out" if side == "in" else "in")
        limit = mood_shape.room(self.box, other, most)
        return mood_shape.Drag(side, self.ramp(side), limit, x)


def scale() -> float:
    """Pixels of the screen to a pixel of the interface."""
    return float(bpy.context.preferences.system.ui_scale) or 1.0  # without a window it is 0


def view_of(region: Any) -> View:
    """What a timeline's region shows."""
    first, bottom = region.view2d.region_to_view(0, 0)
    last, top = region.view2d.region_to_view(region.width, region.height)
    return View(region.width, region.height, first, last, bottom, top)


def shown(scene: Any, view: View) -> Iterator[Shown]:
    """The mood strips that this part of the timeline shows, high enough to have ramps."""
    editor = scene.sequence_editor
    if editor is None:
        return
    for strip in compat.shown_strips(editor):
        if not moods.is_mood(strip):
            continue
        box = view.box(compat.strip_start(strip), compat.strip_end(strip), strip.channel)
        if box is None or box.top - box.bottom < LOWEST * scale():
            continue
        if box.top - box.bottom > 3 * NAME * scale():
            box = replace(box, top=box.top - NAME * scale())
        rate = float(shots.rate(scene))
        yield Shown(
            strip,
            box,
            float(strip.get(moods.RAMP_IN, 0.0)) * rate,
            float(strip.get(moods.RAMP_OUT, 0.0)) * rate,
            scene.library is not None or compat.is_locked(editor, strip),
        )


def under(mouse: Point, scene: Any, view: View) -> tuple[Shown, Side] | None:
    """The grab point under the mouse, in pixels of the region, if there is one."""
    if mouse[1] > view.height - HEADER * scale():
        return None
    for one in shown(scene, view):
        side = None if one.fixed else mood_shape.hit(mouse, one.grab_points(), REACH * scale())
        if side is not None:
            return one, side
    return None


def label(strip: Any) -> str:
    """The set that a strip holds, and how much of it."""
    name = str(strip[moods.SET])
    if any(name == one.name for one in sets.BUILT_IN):
        name = words.say(name)
    return f"{name} \u00d7 {float(strip.get(moods.AMOUNT, 1.0)):.2f}"


def length(seconds: float, frames: float) -> str:
    """How long a ramp is, in words."""
    text = "{seconds} s ({frames} frames)"
    return words.say(text, seconds=f"{seconds:.2f}", frames=f"{frames:.4g}")


def register() -> None:
    """Listen to the mouse in the Sequencer."""
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None:  # Blender ends, or has no keys at all
        return
    keymap = config.keymaps.new("Sequencer", space_type="SEQUENCE_EDITOR")
    item = keymap.keymap_items.new("speak.drag_mood_ramp", "LEFTMOUSE", "CLICK_DRAG")
    _keys.append((keymap, item))


def unregister() -> None:
    """Listen no more."""
    global dragged
    for keymap, item in _keys:
        keymap.keymap_items.remove(item)
    _keys.clear()
    dragged = None
