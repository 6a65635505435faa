# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot as Blender itself evaluates it at other frames than the current one: drivers and NLA.

It is evaluated in a scene of its own that holds nothing but the shot and what that depends on, and
that is gone again before anybody can see it. The scene that the user works in is not touched: not
its frame, not what has been changed and not keyed yet. It also takes a fraction of the time, since
nothing is evaluated that the shot does not need.
"""

import ast
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy

NAME = "SPEAK evaluation"
# Whoever listens to these would take the scene of our own for one of the user's.
UNHEARD = ("frame_change_pre", "frame_change_post", "depsgraph_update_pre", "depsgraph_update_post")

At = Callable[[int], Any]


@contextmanager
def aside(owner: Any, scene: Any) -> Iterator[At]:
    """Gives a function from a frame to the shot as it is evaluated there, valid until the next.

    Nothing of it is left afterwards. Only for what `depends_on` says it can tell.
    """
    with _scene_of_its_own(owner, scene) as side:
        yield lambda frame: _evaluated(owner, side, frame)


@contextmanager
def in_scene(owner: Any, scene: Any) -> Iterator[At]:
    """As `aside`, by stepping the user's scene, which is put back in the end.

    What has been changed in it and not keyed is lost, as when the user steps himself.
    """
    before, subframe = scene.frame_current, scene.frame_subframe
    layer = scene.view_layers[0]

    def at(frame: int) -> Any:
        scene.frame_set(frame)
        return owner.evaluated_get(layer.depsgraph)

    try:
        yield at
    finally:
        scene.frame_set(before, subframe=subframe)


def depends_on(owner: Any, scene: Any) -> tuple[set[int], bool]:
    """The data-blocks that the values of a shot come from, by their pointers, and whether `aside`
    gives them all.

    It does not where a driver asks for the frame of the scene as a property of it, for the scene
    that is active, or calls a script's function, and where something moves as a rigid body.
    """
    with _scene_of_its_own(owner, scene) as side:
        _evaluated(owner, side, scene.frame_current)
        blocks = [block.original for block in side.view_layers[0].depsgraph.ids]
        asks = owner.mode != "OBJECT" or any(_asks_for_scene(block) for block in blocks)
        return {block.as_pointer() for block in blocks}, not asks


def _asks_for_scene(block: Any) -> bool:
    if getattr(block, "rigid_body", None) is not None:
        return True
    data = getattr(block, "animation_data", None)
    return data is not None and any(_driver_asks(curve.driver) for curve in data.drivers)


def _driver_asks(driver: Any) -> bool:
    targets = [target for variable in driver.variables for target in variable.targets]
    if any(variable.type == "CONTEXT_PROP" for variable in driver.variables) or any(
        isinstance(target.id, bpy.types.Scene) and target.data_path.startswith("frame_")
        for target in targets
    ):
        return True
    return driver.type == "SCRIPTED" and _expression_asks(driver.expression)


def _expression_asks(expression: str) -> bool:
    try:
        tree = ast.parse(expression.strip(), "driver", "eval")
    except (SyntaxError, ValueError):
        return False  # Blender cannot evaluate it either
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    known = bpy.app.driver_namespace
    return any(
        name in ("bpy", "depsgraph") or isinstance(known.get(name), types.FunctionType)
        for name in names
    )


def _evaluated(owner: Any, side: Any, frame: int) -> Any:
    layer = side.view_layers[0]
    # The first time makes the dependency graph. A negative frame may be refused as a property.
    if layer.depsgraph is None or frame < 0:
        side.frame_set(frame)
    else:
        # As `frame_set`, without drawing all windows again.
        side.frame_current = frame
        layer.depsgraph.update()
    return owner.evaluated_get(layer.depsgraph)


@contextmanager
def _scene_of_its_own(owner: Any, scene: Any) -> Iterator[Any]:
    # Whatever the user has just changed is told to those who listen first.
    _update()
    with _unheard():
        side = bpy.data.scenes.new(NAME)
        try:
            for name in ("frame_map_old", "frame_map_new", "fps", "fps_base"):
                setattr(side.render, name, getattr(scene.render, name))
            side.camera, side.active_clip = scene.camera, scene.active_clip
            side.collection.objects.link(owner)
            yield side
        finally:
            bpy.data.scenes.remove(side)
            # Scenes come and go with a new dependency graph for all: here and now, unheard.
            _update()


def _update() -> None:
    layers = [window.view_layer for window in bpy.context.window_manager.windows]
    for layer in layers or [bpy.context.view_layer]:
        layer.update()


@contextmanager
def _unheard() -> Iterator[None]:
    lists = [getattr(bpy.app.handlers, name) for name in UNHEARD]
    kept = [list(handlers) for handlers in lists]
    for handlers in lists:
        handlers.clear()
    try:
        yield
    finally:
        for handlers, before in zip(lists, kept, strict=True):
            handlers[:] = before
