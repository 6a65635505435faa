# SPDX-License-Identifier: GPL-3.0-or-later
"""The GL programs of shaders/, compiled for one context."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import moderngl

from .parts import Part

_SHADERS = Path(__file__).parent / "shaders"


@dataclass(frozen=True)
class Programs:
    """surface: of a head, by part; worn: of what it wears; depth: of anything that casts a shadow;
    linear and develop: of the background and of the finished picture; label and track: of what is
    known about pixels."""

    surface: dict[Part, Any]
    worn: Any
    depth: Any
    linear: Any
    develop: Any
    label: Any
    track: Any

    @classmethod
    def compiled(cls, ctx: moderngl.Context) -> Programs:
        """All of them; moderngl.Error with the compiler's words where a shader is wrong."""
        return cls(
            surface={
                part: _program(ctx, "surface.vert", "surface.frag", PART=part) for part in Part
            },
            worn=_program(ctx, "worn.vert", "worn.frag"),
            depth=_program(ctx, "depth.vert", "depth.frag"),
            linear=_program(ctx, "screen.vert", "linear.frag"),
            develop=_program(ctx, "screen.vert", "develop.frag"),
            label=_program(ctx, "label.vert", "label.frag"),
            track=_program(ctx, "track.vert", "track.frag"),
        )


def _program(ctx: moderngl.Context, vertex: str, fragment: str, **defined: int) -> Any:
    light = (_SHADERS / "light.glsl").read_text()
    macros = "".join(f"#define {name} {value:d}\n" for name, value in defined.items())
    first, rest = (_SHADERS / fragment).read_text().split("\n", 1)
    return ctx.program(
        vertex_shader=(_SHADERS / vertex).read_text(),
        fragment_shader=f"{first}\n{macros}" + rest.replace("//include light.glsl", light),
    )
