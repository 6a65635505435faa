# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations of a head as the portrait's yaw, pitch and roll, without Blender."""

import numpy as np
import pytest
from speak.speak_addon.head_pose import about_x, about_y, about_z, angles


@pytest.mark.parametrize("yaw", [-50, 0, 33])
@pytest.mark.parametrize("pitch", [-30, 0, 21])
@pytest.mark.parametrize("roll", [-40, 0, 12])
def test_the_angles_that_were_turned_are_found(yaw, pitch, roll):
    y, p, r = np.radians([yaw, pitch, roll])
    assert angles(about_z(y) @ about_x(-p) @ about_y(r)) == pytest.approx((yaw, pitch, roll))


def test_each_angle_has_the_sign_of_the_control():
    left, up = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    forward = np.array([0, -1.0, 0])
    turned = about_z(np.radians(20))
    assert (turned @ forward) @ left > 0
    assert angles(turned)[0] == pytest.approx(20)
    lifted = about_x(np.radians(-20))
    assert (lifted @ forward) @ up > 0
    assert angles(lifted)[1] == pytest.approx(20)
    tilted = about_y(np.radians(20))
    assert (tilted @ up) @ left > 0, "the crown moves to the own left shoulder"
    assert angles(tilted)[2] == pytest.approx(20)
