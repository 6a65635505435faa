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

from bpy.app.handlers import persistent

# What Blender calls of a class.
METHODS = ("poll", "invoke", "execute", "modal", "draw", "draw_header", "draw_item",
           "filter_items", "cancel", "check")  # fmt: skip

# No call of the add-on may take the window's thread longer than this, in seconds.
MOST = 0.05


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
        """Begin: take the add-on back, put what times it in place, and register it again."""
        registration = self._module("registration")
        registration.unregister()
        for cls in registration.CLASSES:
            for name in METHODS:
                if name in vars(cls) or any(name in vars(base) for base in self._bases(cls)):
                    self._method(cls, name)
        for module, name in (
            ("runtime", "_tick"), ("watching", "_serve"), ("planes", "show_portrait"),
            ("preview_image", "_draw"), ("compare", "_draw"), ("mood_drawing", "_draw"),
        ):  # fmt: skip
            owner = self._module(module)
            setattr(owner, name, self._timed(f"{module}.{name}", getattr(owner, name)))
        watching = self._module("watching")
        watching.HANDLERS = tuple(
            (name, persistent(self._timed(f"{name} {handler.__name__}", handler)))
            for name, handler in watching.HANDLERS
        )
        registration.register()

    def nothing_takes_long(self, idle: bool) -> None:
        """Fails when a call took longer than it may; idle: by the wall clock, too."""
        name, cost = self.longest()
        assert cost.cpu < MOST, f"{name} held the window's thread for {1000 * cost.cpu:.0f} ms"
        if idle:
            name, cost = self.slowest()
            assert cost.wall < MOST, f"{name} held the window for {1000 * cost.wall:.0f} ms"

    def longest(self) -> tuple[str, Cost]:
        """The name of the call that took the most processor time."""
        return max(self.costs.items(), key=lambda item: item[1].cpu)

    def slowest(self) -> tuple[str, Cost]:
        """The name of the call that took the longest by the wall clock."""
        return max(self.costs.items(), key=lambda item: item[1].wall)

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
        timed = as_many(self._timed(f"{cls.__name__}.{name}", plain), plain.__code__.co_argcount)
        setattr(cls, name, classmethod(timed) if isinstance(found, classmethod) else timed)


def as_many(inner: Callable[..., Any], count: int) -> Callable[..., Any]:
    """A function of exactly so many arguments: Blender counts them when a class is registered."""
    wrappers: dict[int, Callable[..., Any]] = {
        1: lambda a: inner(a),
        2: lambda a, b: inner(a, b),
        3: lambda a, b, c: inner(a, b, c),
        4: lambda a, b, c, d: inner(a, b, c, d),
        8: lambda a, b, c, d, e, f, g, h: inner(a, b, c, d, e, f, g, h),
        9: lambda a, b, c, d, e, f, g, h, i: inner(a, b, c, d, e, f, g, h, i),
    }
    return wrappers[count]
