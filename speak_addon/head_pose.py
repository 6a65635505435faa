# SPDX-License-Identifier: GPL-3.0-or-later
"""From a rotation of a head in Blender's world to yaw, pitch and roll. Without bpy.

A character of Blender faces -Y with its own left at +X and its crown at +Z. A rotation matrix R
turns it from there; the controls are the portrait's: yaw to its own left, pitch up, roll towards
its own left shoulder, all in degrees.
"""

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def angles(rotation: Matrix) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees of R [3, 3], taken in this order: roll first, yaw last.

    R = Rz(yaw) Rx(-pitch) Ry(roll).
    """
    # The face looks along R (0, -1, 0); its left side points along R (1, 0, 0).
    forward = rotation @ np.array([0.0, -1.0, 0.0])
    yaw = np.arctan2(forward[0], -forward[1])
    pitch = np.arcsin(np.clip(forward[2], -1.0, 1.0))
    level = about_x(-pitch).T @ about_z(yaw).T @ rotation
    roll = np.arctan2(level[0, 2], level[0, 0])
    yaw, pitch, roll = (float(np.degrees(angle)) for angle in (yaw, pitch, roll))
    return yaw, pitch, roll


def about_x(angle: float) -> Matrix:
    """Rotation about X by radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_y(angle: float) -> Matrix:
    """Rotation about Y by radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def about_z(angle: float) -> Matrix:
    """Rotation about Z by radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
