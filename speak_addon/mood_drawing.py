# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing the ramps of mood strips: the curve, what it leaves out, the grab points, the words."""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, pi, sin
from typing import Any

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from . import compat, mood_handles, mood_shape
from .mood_handles import HEADER, RADIUS, Shown
from .mood_shape import Point, Side, View

Colour = tuple[float, float, float, float]

CORNERS = 16  # of a grab point's disc
TEXT, SPACE, WIDTH = 11.0, 8.0, 1.6  # pixels, before the interface is scaled
SHADE, OUTLINE = (0.0, 0.0, 0.0, 0.35), (0.05, 0.05, 0.05, 0.9)
LINE, MUTED = (1.0, 1.0, 1.0, 0.9), (1.0, 1.0, 1.0, 0.35)
GRABBED = (1.0, 0.75, 0.2, 1.0)

_handle: Any = None


def _draw() -> None:
    context = bpy.context
    if not context.space_data.show_overlays:
        return
    scene = compat.sequencer_scene(context)
    if scene is None or scene.sequence_editor is None:
        return
    view = mood_handles.view_of(context.region)
    seen = list(mood_handles.shown(scene, view))
    if seen:
        draw(seen, view)


def draw(seen: Sequence[Shown], view: View) -> None:
    """Draw all of them. Called while the region that shows `view` is drawn, in its pixels."""
    limit = view.height - HEADER * mood_handles.scale()  # frame numbers stand above
    gpu.state.blend_set("ALPHA")
    for one in seen:
        top = min(one.box.top, limit)
        if top <= one.box.bottom:
            continue
        points = mood_shape.curve(one.box, one.ramp_in, one.ramp_out)
        points = [(x, min(y, top)) for x, y in points]
        _fill(_above(points, top), SHADE)
        _stroke(points, MUTED if one.strip.mute else LINE, view)
        if top == one.box.top:
            if not one.fixed:
                _draw_grab_points(one)
            _draw_words(one, view)
    gpu.state.blend_set("NONE")


def _above(points: Sequence[Point], top: float) -> list[Point]:
    """What lies between a curve and the top of its strip, as corners of triangles."""
    found: list[Point] = []
    for (a, low_a), (b, low_b) in pairwise(points):
        found += [(a, low_a), (b, low_b), (b, top), (a, low_a), (b, top), (a, top)]
    return found


def _fill(triangles: Sequence[Point], colour: Colour) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, "TRIS", {"pos": triangles})
    shader.uniform_float("color", colour)
    batch.draw(shader)


def _stroke(points: Sequence[Point], colour: Colour, view: View) -> None:
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": [(x, y, 0.0) for x, y in points]})
    shader.uniform_float("viewportSize", (view.width, view.height))
    shader.uniform_float("lineWidth", WIDTH * mood_handles.scale())
    shader.uniform_float("color", colour)
    batch.draw(shader)


def _disc(middle: Point, radius: float) -> list[Point]:
    turns = [2 * pi * k / CORNERS for k in range(CORNERS + 1)]
    ring = [(middle[0] + radius * cos(a), middle[1] + radius * sin(a)) for a in turns]
    return [corner for a, b in pairwise(ring) for corner in (middle, a, b)]


def _draw_grab_points(one: Shown) -> None:
    radius = RADIUS * mood_handles.scale()
    for side, point in one.grab_points().items():
        held = mood_handles.dragged == (one.strip.name, side)
        _fill(_disc(point, radius), OUTLINE)
        _fill(_disc(point, radius * 0.7), GRABBED if held else LINE)


def _draw_words(one: Shown, view: View) -> None:
    """What the strip holds, below where Blender writes its name; while dragging, how long."""
    scale, font = mood_handles.scale(), 0
    blf.size(font, TEXT * scale)
    text, side = mood_handles.label(one.strip), _held(one)
    if side is not None:
        text = f"{text}   {_length(one, side)}"
    width, height = blf.dimensions(font, text)
    space = SPACE * scale
    left, right = max(one.box.left, 0.0), min(one.box.right, view.width)
    if one.box.top - one.box.bottom < 2 * height + 2 * space:
        return  # Blender's own words fill it
    if width + 2 * space > right - left:
        return
    blf.enable(font, blf.SHADOW)
    blf.shadow(font, 3, 0.0, 0.0, 0.0, 0.9)
    blf.color(font, *(MUTED if one.strip.mute else LINE))
    blf.position(font, (left + right - width) / 2, one.box.bottom + space, 0)
    blf.draw(font, text)
    blf.disable(font, blf.SHADOW)


def _length(one: Shown, side: Side) -> str:
    seconds = float(one.strip[mood_handles.PROPERTY[side]])
    return mood_handles.length(seconds, one.ramp(side))


def _held(one: Shown) -> Side | None:
    held = mood_handles.dragged
    return held[1] if held is not None and held[0] == one.strip.name else None


def register() -> None:
    """Draw in the Sequencer, where there is a window."""
    global _handle
    if not bpy.app.background:
        _handle = bpy.types.SpaceSequenceEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    """Draw no more."""
    global _handle
    if _handle is not None:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(_handle, "WINDOW")
    _handle = None
