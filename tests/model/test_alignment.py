# SPDX-License-Identifier: GPL-3.0-or-later
"""The mean face is found in a picture as it was put there."""

import pytest
import torch

from inference_core.model.alignment import align, depth_of, solve
from inference_core.model.geometry import rotation
from inference_core.model.layers import grid
from inference_core.model.reader import angles

G = 128


def seen(pose, scale=1.1, joint=(0.05, 0.2)):
    """points [1,3,G,G] that a bowl-shaped face shows in each pixel when it lies so."""
    turn = rotation(torch.tensor([pose]))[0]
    place = (grid(G, G, torch.zeros(1)) - torch.tensor(joint)[None, :, None, None]) / scale
    flat = place
    for _ in range(80):
        points = torch.cat([flat, 0.5 - 0.9 * flat.square().sum(1, keepdim=True).clamp_max(1)], 1)
        landed = torch.einsum("ij,bjyx->biyx", turn, points)[:, :2]
        flat = flat + 0.4 * (place - landed)
    return points


@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0), (25.0, 0.0, 0.0), (-15.0, 10.0, -12.0)])
def test_pose_scale_and_place_come_back(pose):
    points = seen(pose)
    weight = (grid(G, G, points).square().sum(1, keepdim=True) < 0.3).float()
    found = align(points, weight)
    assert angles(found.rotation)[0].tolist() == pytest.approx(pose, abs=1.2)
    assert float(found.scale) == pytest.approx(1.1, rel=0.03)
    assert found.joint[0].tolist() == pytest.approx([0.05, 0.2], abs=0.02)
    depth = depth_of(points, found)
    true = 1.1 * torch.einsum("j,bjyx->byx", rotation(torch.tensor([pose]))[0, 2], points)
    assert ((depth[:, 0] - true).abs() * weight[:, 0]).max() < 0.03


def test_where_nothing_is_seen_a_face_is_frontal():
    found = align(torch.zeros(2, 3, G, G), torch.zeros(2, 1, G, G))
    assert torch.allclose(found.rotation, torch.eye(3).expand(2, -1, -1), atol=1e-5)
    assert torch.allclose(found.scale, torch.ones(2, 1), atol=1e-5)


def test_equations_are_solved():
    rng = torch.Generator().manual_seed(0)
    half = torch.randn(3, 4, 4, generator=rng)
    a = half @ half.transpose(1, 2) + torch.eye(4)
    b = torch.randn(3, 4, 2, generator=rng)
    assert torch.allclose(a @ solve(a, b), b, atol=1e-3)


def test_angles_undo_rotations():
    pose = torch.tensor([[30.0, -20.0, 15.0], [-40.0, 10.0, -25.0]])
    assert torch.allclose(angles(rotation(pose)), pose, atol=1e-3)
