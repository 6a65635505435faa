# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each call of Blender's into the add-on takes: operators, panels, timers, handlers.

Both clocks are noted: the wall, and the processor time of the window's own thread. On a machine
that others use too, or that draws in software, only the second says what the add-on itself costs.
"""

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

# What Blender calls of a class.
METHODS = ("poll", "invoke", "execute", "modal", "draw", "draw_header", "draw_item",
           "filter_items", "cancel", "check")  # fmt: skip


@dataclass
class Cost:
    """The longest call of one name in seconds, and how many there were."""

    cpu: float = 0.0
    wall: float = 0.0
    calls: int = 0


class OwnTime:
    """Times every call into the add-on from `watch` on."""

    def __init__(self, package: str) -> None:
        self._package = package
        self.costs: dict[str, Cost] = {}
        self.wall = 0.0  # of all calls together
        self._inside = False

    def watch(self) -> None:
        """Begin. What is registered already is replaced by what times it."""
        for cls in self._module("registration").CLASSES:
            for name in METHODS:
                if name in vars(cls) or any(name in vars(base) for base in self._bases(cls)):
                    self._method(cls, name)
        self._function("runtime", "_tick", persistent=True)
        self._function("watching", "_serve")
        for name in ("preview_image", "compare"):
            self._drawing(name)
        for handlers in self._module("watching").HANDLERS:
            self._handler(*handlers)

    def longest(self) -> tuple[str, Cost]:
        """The name of the call that took the most processor time."""
        return max(self.costs.items(), key=lambda item: item[1].cpu)

    def table(self, most: int = 15) -> dict[str, str]:
        """Name -> milliseconds of the longest call, the costliest first."""
        ranked = sorted(self.costs.items(), key=lambda item: -item[1].cpu)
        return {
            name: f"cpu {1000 * c.cpu:.1f} ms, wall {1000 * c.wall:.1f} ms, {c.calls} calls"
            for name, c in ranked[:most]
        }

    def _module(self, name: str) -> Any:
        return sys.modules[f"{self._package}.speak_addon.{name}"]

    def _bases(self, cls: type) -> list[type]:
        return [base for base in cls.__mro__[1:] if base.__module__.startswith(self._package)]

    def _timed(self, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(inner)
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._inside:  # an operator that calls an operator is one call of Blender's
                return inner(*arguments, **named)
            self._inside = True
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return inner(*arguments, **named)
            finally:
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                self._inside = False
                cost = self.costs.setdefault(name, Cost())
                cost.cpu, cost.wall = max(cost.cpu, cpu), max(cost.wall, wall)
                cost.calls += 1
                self.wall += wall

        return timed

    def _method(self, cls: type, name: str) -> None:
        found = next(vars(base)[name] for base in cls.__mro__ if name in vars(base))
        plain = found.__func__ if isinstance(found, classmethod) else found
        if not callable(plain):
            return
        timed = self._timed(f"{cls.__name__}.{name}", plain)
        setattr(cls, name, classmethod(timed) if isinstance(found, classmethod) else timed)

    def _function(self, module: str, name: str, persistent: bool = False) -> None:
        """A timer, which its module finds by its name."""
        owner = self._module(module)
        inner = getattr(owner, name)
        timed = self._timed(f"{module}.{name}", inner)
        setattr(owner, name, timed)
        if bpy.app.timers.is_registered(inner):
            bpy.app.timers.unregister(inner)
            bpy.app.timers.register(timed, first_interval=0.0, persistent=persistent)

    def _drawing(self, module: str) -> None:
        owner = self._module(module)
        owner.unregister()
        owner._draw = self._timed(f"{module}._draw", owner._draw)
        owner.register()

    def _handler(self, name: str, handler: Callable[..., Any]) -> None:
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            timed = bpy.app.handlers.persistent(self._timed(f"{name} {handler.__name__}", handler))
            handlers[handlers.index(handler)] = timed
