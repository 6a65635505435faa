# SPDX-License-Identifier: GPL-3.0-or-later
"""Projection of a crop: perspective, then a shift, a turn and a scale in the plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def look_at(eye: np.ndarray, at: np.ndarray) -> np.ndarray:
    """World to view, float64 [4,4]; the up axis is y unless the view is along it."""
    f = np.asarray(at, float) - eye
    f /= np.linalg.norm(f)
    s = np.cross(f, (0, 1, 0) if abs(f[1]) < 0.95 else (1, 0, 0))
    s /= np.linalg.norm(s)
    m = np.eye(4)
    m[0, :3], m[1, :3], m[2, :3] = s, np.cross(s, f), -f
    m[:3, 3] = -m[:3, :3] @ np.asarray(eye, float)
    return m


def perspective(fov: float, near: float = 0.2, far: float = 8.0) -> np.ndarray:
    """fov: degrees over the whole picture."""
    t = 1 / np.tan(np.radians(fov) / 2)
    m = np.zeros((4, 4))
    m[0, 0] = m[1, 1] = t
    m[2, 2], m[2, 3], m[3, 2] = (far + near) / (near - far), 2 * far * near / (near - far), -1
    return m


def orthographic(half: float, near: float, far: float) -> np.ndarray:
    m = np.eye(4)
    m[0, 0] = m[1, 1] = 1 / half
    m[2, 2], m[2, 3] = -2 / (far - near), -(far + near) / (far - near)
    return m


@dataclass(frozen=True)
class Camera:
    """matrix [4,4] world to clip space, eye [3] metres, turn: degrees the picture was turned by."""

    matrix: np.ndarray
    eye: np.ndarray
    turn: float = 0.0

    def project(self, points: np.ndarray) -> np.ndarray:
        """[n,3] metres -> [n,2] in -1..1 of the picture, x right, y down."""
        q = points @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        w = points @ self.matrix[3, :3] + self.matrix[3, 3]
        return q[:, :2] / w[:, None] * [1, -1]


def cropped(camera: Camera, centre: np.ndarray, half: float, turn: float) -> Camera:
    """The camera of a square crop of the picture.

    centre [2] and half (half the side) in -1..1 of the picture, y down; turn: degrees by which the
    crop's own down axis is turned clockwise in the picture (the crop is then upright again).
    """
    a = np.radians(turn)
    c, s = np.cos(a) / half, np.sin(a) / half
    plane = np.eye(4)
    # picture (x, y up) -> crop: subtract the centre, turn counter-clockwise by `turn`, scale
    plane[:2, :2] = [[c, -s], [s, c]]
    plane[:2, 3] = -plane[:2, :2] @ (np.asarray(centre) * [1, -1])
    # The offset must survive the division by w, so it multiplies w instead of 1.
    shear = np.eye(4)
    shear[:2, :2] = plane[:2, :2]
    shear[0, 3], shear[1, 3] = plane[0, 3], plane[1, 3]
    return Camera(shear @ camera.matrix, camera.eye, camera.turn + turn)
