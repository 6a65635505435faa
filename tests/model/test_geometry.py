# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometric prior moves points the way the control table says."""

import pytest
import torch

from inference_core.model.geometry import backward_map, forward_points, rotation
from inference_core.model.layers import grid

G = 32
REST = torch.tensor([[0.0, 0.0, 1.0]])


def points(pose, own=(0.0, 0.0, 0.0), depth=0.3, plane=REST, change=None, axes=None):
    """Forward points of a flat face `depth` in front of a pivot in the middle of the crop."""
    level = torch.full((1, 1, G, G), depth)
    axes = torch.zeros(1, 3, G, G) if axes is None else axes
    change = torch.zeros(1, axes.shape[1] // 3) if change is None else change
    frame = torch.tensor([[0.0, 0.0, 0.0, 0.1]])
    return forward_points(
        level, torch.ones_like(level), axes, frame, change,
        torch.tensor([own]), torch.tensor([pose]), plane,
    )  # fmt: skip


def middle(found):
    """Displacement [2] of the crop's middle, x right, y down."""
    moved = (found[:, :2] - grid(G, G, found))[0]
    return moved[:, G // 2 - 1 : G // 2 + 1, G // 2 - 1 : G // 2 + 1].mean((1, 2))


@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0), (25.0, -10.0, 8.0)])
def test_the_own_pose_leaves_every_point_in_place(pose):
    found = points(pose, own=pose)
    assert (found[:, :2] - grid(G, G, found)).abs().max() < 1e-5


def test_yaw_turns_to_the_image_right_and_pitch_looks_up():
    x, y = middle(points((20.0, 0.0, 0.0)))
    assert x > 0.05
    assert abs(y) < 1e-3
    x, y = middle(points((0.0, 15.0, 0.0)))
    assert y < -0.05
    assert abs(x) < 1e-3


def test_roll_is_clockwise_in_the_picture():
    found = points((0.0, 0.0, 10.0), depth=0.0)
    right = (found[:, :2] - grid(G, G, found))[0, :, G // 2, -1]
    assert right[1] > 0.1  # what was at the right goes down


def test_zoom_and_shift_act_in_the_picture():
    found = points((0.0, 0.0, 0.0), plane=torch.tensor([[0.0, 0.1, 1.0]]), depth=0.0)
    assert middle(found)[1] < -0.05  # + shift_y is up
    found = points((0.0, 0.0, 0.0), plane=torch.tensor([[0.0, 0.0, 1.5]]), depth=0.0)
    assert found[0, 0, G // 2, -1] > 1.3


def test_an_expression_moves_its_axis_linearly():
    axes = torch.zeros(1, 6, G, G)
    axes[:, 4] = 0.1  # the second axis moves everything down
    one = middle(points((0.0, 0.0, 0.0), axes=axes, change=torch.tensor([[0.0, 1.0]]), depth=0.0))
    half = middle(points((0.0, 0.0, 0.0), axes=axes, change=torch.tensor([[0.0, 0.5]]), depth=0.0))
    assert one[1] == pytest.approx(0.1, abs=1e-3)
    assert half[1] == pytest.approx(0.05, abs=1e-3)


def test_rotations_are_rotations():
    turn = rotation(torch.tensor([[30.0, -20.0, 10.0]]))[0]
    assert torch.allclose(turn @ turn.T, torch.eye(3), atol=1e-5)


def seen(found, alpha=None):
    """`backward_map` of what is all person, unless a matte is given."""
    return backward_map(found, torch.ones(1, 1, G, G) if alpha is None else alpha)


def test_points_in_place_are_seen_in_place():
    result = seen(points((0.0, 0.0, 0.0)))
    assert (result.where - grid(G, G, result.where)).abs().max() < 1e-4
    assert result.surely.min() == 1
    assert result.person[:, :, 1:-1, 1:-1].min() == 1


def test_the_nearer_of_two_surfaces_is_seen():
    found = points((0.0, 0.0, 0.0), depth=0.0).clone()
    found[:, 0, :, : G // 2] += 1.0  # the left half comes to lie on the right one
    for nearer, expected in ((0.4, -0.5), (-0.4, 0.5)):
        found[:, 2, :, : G // 2] = nearer
        found[:, 2, :, G // 2 :] = -nearer
        result = seen(found)
        column = G * 3 // 4
        assert float(result.where[0, 0, G // 2, column]) == pytest.approx(expected, abs=2 / G)
        assert result.surely[0, 0, G // 2, column] == 1
        assert result.surely[0, 0, G // 2, 2] == 0  # where nothing lands, nothing is claimed
    # What is uncovered where the person stood is still the person.
    assert result.person[0, 0, G // 2, 2] == 1


def test_what_is_shifted_is_seen_shifted_between_pixels_and_past_the_edge():
    found = points((0.0, 0.0, 0.0), plane=torch.tensor([[0.13, 0.0, 1.0]]), depth=0.0)
    moved = float(found[0, 0, 9, 9] - grid(G, G, found)[0, 0, 9, 9])
    result = seen(found)
    back = (grid(G, G, found) - result.where)[0, 0]
    assert back[8:-8, 8:-8].sub(moved).abs().max() < 1e-3
    assert back[8:-8, 0].sub(moved).abs().max() < 0.02  # uncovered: looked up as far away


def test_background_stays_open_to_its_side():
    alpha = torch.zeros(1, 1, G, G)
    alpha[:, :, :, : G // 2] = 1
    result = seen(points((0.0, 0.0, 0.0)), alpha=alpha)
    assert result.person[0, 0, G // 2, G // 4] == 1
    assert result.person[0, 0, G // 2, G // 2 + 3 :].max() == 0
