# SPDX-License-Identifier: GPL-3.0-or-later
"""Ambient occlusion: how much of the light from all sides reaches each vertex of a head at rest."""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np

from .camera import look_at, orthographic
from .meshes import HeadMesh

_SIDE = 256  # pixels of a depth map
_INNER = (1, 2, 5, 6)  # eyes and mouth interior are shaded by the shader itself


class Occlusion:
    """Bakes it in one GL context; depth: the program that writes nothing but depth."""

    def __init__(self, ctx: moderngl.Context, depth: Any) -> None:
        self._ctx, self._depth = ctx, depth
        self._map = ctx.depth_texture((_SIDE, _SIDE))
        self._target = ctx.framebuffer(depth_attachment=self._map)

    def bake(self, mesh: HeadMesh, directions: int = 20) -> None:
        """Writes it into the mesh, from depth maps seen from a spiral of directions."""
        head = mesh.head
        v = head.rest()
        normals = head.normals(v)
        mesh.write_pose(v)
        k = np.arange(directions) + 0.5
        polar, azimuth = np.arccos(1 - 1.75 * k / directions), np.pi * (1 + 5**0.5) * k
        spiral = np.stack(
            [np.cos(azimuth) * np.sin(polar), np.cos(polar), np.sin(azimuth) * np.sin(polar)], 1
        )
        centre = head.joints[0]
        seen, total = np.zeros(len(v)), np.zeros(len(v))
        facing = np.clip(normals @ spiral.T, 0, 1)
        for part in _INNER:
            a, b = head.bank.parts[part]
            facing[a:b] = 0
        self._ctx.enable(moderngl.DEPTH_TEST)
        for d, lit in zip(spiral, facing.T, strict=True):
            view = orthographic(0.28, 0.0, 1.2) @ look_at(centre + d * 0.6, centre)
            self._target.use()
            self._target.clear(depth=1)
            self._depth["mvp"].write(view.T.astype("f4").tobytes())
            mesh.depth.render()
            z = np.frombuffer(self._map.read(), "f4").reshape(_SIDE, _SIDE)
            some = np.nonzero(lit)[0]
            q = (v[some] @ view[:3, :3].T + view[:3, 3]) * 0.5 + 0.5
            at = np.clip((q[:, :2] * _SIDE).astype(int), 0, _SIDE - 1)
            seen[some] += (z[at[:, 1], at[:, 0]] > q[:, 2] - 0.005) * lit[some]
            total += lit
        ambient = np.clip(seen / np.maximum(total, 1e-3) * 1.05, 0.08, 1)
        for part in _INNER:
            a, b = head.bank.parts[part]
            ambient[a:b] = 1
        mesh.write_occlusion(ambient.astype(np.float32))
