# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometric prior moves points the way the control table says."""

import pytest
import torch

from inference_core.model.geometry import backward_map, forward_points, rigid_places, rotation
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


def seen(found, alpha=None, below=None, opening=None):
    """`backward_map` of a person without openings, unless they are given."""
    whole = torch.ones(1, 1, G, G)
    none = torch.zeros(1, 1, G, G)
    return backward_map(
        found,
        whole if alpha is None else alpha,
        none if below is None else below,
        none if opening is None else opening,
    )


def test_points_in_place_are_seen_in_place():
    result = seen(points((0.0, 0.0, 0.0)))
    assert (result.where - grid(G, G, result.where)).abs().max() < 1e-4
    assert result.surely.min() == 1
    assert result.person[:, :, 1:-1, 1:-1].min() == 1
    assert result.open.max() == 0


def test_the_nearer_of_two_points_is_seen():
    found = points((0.0, 0.0, 0.0), depth=0.0).clone()
    found[:, 0] = 0.0  # every column lands on the middle
    found[:, 2] = torch.linspace(-0.5, 0.5, G)[None, None, :]  # the rightmost is nearest
    result = seen(found)
    assert result.where[0, 0, G // 2, G // 2] > 0.8
    assert result.surely[0, 0, G // 2, 2] == 0  # and where nothing lands, nothing is claimed
    # What is uncovered where the person stood is still the person.
    assert result.person[0, 0, G // 2, 2] == 1


def parted():
    """Points of a mouth whose lower half moves down by an eighth of the picture; what is below."""
    below = torch.zeros(1, 1, G, G)
    below[:, :, G // 2 :, G // 2 - 2 : G // 2 + 2] = 1
    axes = torch.zeros(1, 3, G, G)
    axes[:, 1:2] = 0.25 * below
    found = points((0.0, 0.0, 0.0), axes=axes, change=torch.ones(1, 1), depth=0.0)
    return found, below


def test_parted_rims_open_and_stretched_skin_does_not():
    found, below = parted()
    gap = G // 2 + G // 16
    lips = seen(found, below=below)
    assert lips.open[0, 0, gap, G // 2] > 0.9
    assert lips.open[0, 0, G // 4, G // 2] < 0.01
    assert lips.person[0, 0, gap, G // 2] > 0.9  # an open mouth is still the person
    skin = seen(found, below=torch.zeros_like(below))
    assert skin.open[0, 0, gap, G // 2] < 0.01
    assert skin.person[0, 0, gap, G // 2] > 0.9


def test_background_stays_open_to_its_side():
    alpha = torch.zeros(1, 1, G, G)
    alpha[:, :, :, : G // 2] = 1
    result = seen(points((0.0, 0.0, 0.0)), alpha=alpha)
    assert result.person[0, 0, G // 2, G // 4] == 1
    assert result.person[0, 0, G // 2, G // 2 + 3 :].max() == 0


def test_a_rigid_place_goes_where_the_points_go():
    pose, own, depth = (18.0, -9.0, 6.0), (-7.0, 4.0, 3.0), 0.3
    plane = torch.tensor([[0.05, -0.02, 1.1]])
    found = points(pose, own=own, depth=depth, plane=plane)
    row, column = 9, 20
    start = grid(G, G, found)[0, :, row, column]
    anchors = torch.tensor([[[*start.tolist(), depth]]])
    frame = torch.tensor([[0.0, 0.0, 0.0, 0.1]])
    places, back = rigid_places(anchors, frame, torch.tensor([own]), torch.tensor([pose]), plane)
    assert torch.allclose(places[0, 0], found[0, :2, row, column], atol=1e-4)
    # A step along a patch that faces where the head faces comes back as the same step.
    tilt = rotation(torch.tensor([own]))[0]
    step = 0.01 * tilt[:, 0]
    moved = torch.cat([anchors[0, 0, :2] + step[:2], anchors[0, 0, 2:] + step[2:]])
    near, _ = rigid_places(
        moved[None, None], frame, torch.tensor([own]), torch.tensor([pose]), plane
    )
    returned = back[0, 0] @ (near - places)[0, 0]
    assert torch.allclose(returned, step[:2], atol=4e-4)
