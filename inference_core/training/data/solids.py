# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple meshes to build what people wear and hold: each returns vertices, faces and a pattern.

All lengths are metres. A mesh is (vertices [n,3], faces [f,3], uv [n,2]); the uv run 0..1 along
the two directions of the sheet and are what the shader draws its patterns on.
"""

from __future__ import annotations

import numpy as np

Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]


def sheet(points: np.ndarray, around: bool = False) -> Mesh:
    """A sheet over points [rows,columns,3]; around: the last column joins the first."""
    rows, columns = points.shape[:2]
    if around:
        points = np.concatenate([points, points[:, :1]], 1)
        columns += 1
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (x.ravel() for x in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return points.reshape(-1, 3), faces, np.stack([u.ravel(), v.ravel()], 1)


def tube(path: np.ndarray, radius: np.ndarray | float, sides: int = 6, flat: float = 1.0) -> Mesh:
    """A tube along path [n,3]; radius may be [n]; flat squeezes it along its second axis."""
    forward = np.gradient(path, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True) + 1e-12
    up = np.where(np.abs(forward[:, 1:2]) > 0.9, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    across = np.cross(up, forward)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-12
    over = np.cross(forward, across)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    wide = np.broadcast_to(radius, len(path))[:, None, None]
    ring = np.cos(angle)[:, None] * over[:, None] + flat * np.sin(angle)[:, None] * across[:, None]
    return sheet(path[:, None] + wide * ring, around=True)


def ball(centre: np.ndarray, radii: np.ndarray, steps: int = 14) -> Mesh:
    """An ellipsoid with its axes along x, y and z."""
    polar = np.linspace(1e-3, np.pi - 1e-3, steps)[:, None]
    turn = np.linspace(0, 2 * np.pi, 2 * steps, endpoint=False)[None]
    unit = np.stack(
        [np.sin(polar) * np.cos(turn), np.cos(polar) + 0 * turn, np.sin(polar) * np.sin(turn)], -1
    )
    return sheet(centre + unit * radii, around=True)


def box(half: np.ndarray) -> Mesh:
    """A box of half sizes [3] around the origin, its corners apart so that edges stay sharp."""
    parts = []
    for axis in range(3):
        for side in (-1, 1):
            u, v = np.meshgrid([-1, 1], [-1, 1])
            corner = np.insert(np.stack([u, v], -1), axis, side, -1).astype(float)
            parts.append(sheet(corner * half))
    return joined(parts)


def disc(points: np.ndarray, centre: np.ndarray) -> Mesh:
    """A fan over the closed outline points [n,3], in three rings so that it can be bent."""
    rings = [centre + (points - centre) * share for share in (0.0, 0.5, 0.8, 1.0)]
    return sheet(np.stack(rings), around=True)


def joined(parts: list[Mesh]) -> Mesh:
    """One mesh of several."""
    starts = np.cumsum([0] + [len(part[0]) for part in parts[:-1]])
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part[2] for part in parts]),
    )


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals [n,3], welded where vertices coincide (a sheet that closes on itself)."""
    _, weld = np.unique(np.round(vertices * 1e5).astype(np.int64), axis=0, return_inverse=True)
    weld = weld.ravel()
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    corners, count = weld[faces.T.ravel()], weld.max() + 1
    total = np.stack([np.bincount(corners, np.tile(axis, 3), count) for axis in face.T], 1)
    found = total[weld]
    return found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-12)
