# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression within the picture: maps are inverted, and depth shows when a head turns."""

import pytest
import torch

from inference_core.model.deform import displacements, in_plane, inverse
from inference_core.model.geometry import rotation
from inference_core.model.layers import grid, sample

G = 64


def bump(reach, width=0.3):
    """A smooth displacement downwards [1,2,G,G] by `reach` in the middle."""
    here = grid(G, G, torch.zeros(1))
    near = torch.exp(-here.square().sum(1, keepdim=True) / width**2)
    return torch.cat([torch.zeros_like(near), reach * near], 1)


@pytest.mark.parametrize("reach", [0.05, 0.15, -0.12])
def test_the_inverse_undoes_the_motion(reach):
    moved = bump(reach)
    source = inverse(moved)
    landed = source + sample(moved, source)
    off = (landed - grid(G, G, moved))[:, :, 4:-4, 4:-4].abs()
    assert off.max() < 0.1 * 2 / G  # a tenth of a pixel


def test_what_does_not_move_stays_to_the_last_digit():
    still = torch.zeros(1, 2, G, G)
    assert torch.equal(inverse(still), grid(G, G, still))


def test_a_lid_stretches_smoothly_over_an_eye():
    # Nothing moves above row 20; below the lid's rim, at row 26, everything goes down by 8 rows.
    fall = ((torch.arange(G) - 20) / 6).clamp(0, 1) * 8 * 2 / G
    moved = torch.zeros(1, 2, G, G)
    moved[:, 1] = fall[:, None]
    rows = (inverse(moved)[0, 1, :, G // 2] + 1) * G / 2 - 0.5
    assert rows[34] == pytest.approx(26, abs=0.3)  # the rim has come down
    assert (rows[20:34].diff() > 0).all()
    assert rows[20:34].diff().max() < 0.8  # and the lid above it is stretched without gaps


def test_in_its_own_pose_a_displacement_is_seen_as_the_head_is_turned():
    own = torch.tensor([[20.0, -10.0, 5.0]])
    assert torch.allclose(in_plane(own, own), rotation(own)[:, :2], atol=1e-5)


def test_depth_of_a_displacement_shows_in_a_turned_head():
    frontal, turned = torch.zeros(1, 3), torch.tensor([[30.0, 0.0, 0.0]])
    flat = in_plane(frontal, turned)
    assert float(flat[0, 0, 2]) == pytest.approx(3**-0.5, abs=1e-4)
    assert flat[0, :, :2].flatten().tolist() == pytest.approx([1, 0, 0, 1], abs=1e-5)


def test_displacements_are_linear_in_the_change():
    axes = torch.randn(1, 6, 8, 8, generator=torch.Generator().manual_seed(0))
    flat = in_plane(torch.zeros(3, 3), torch.zeros(3, 3))
    change = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 2.0]])
    found = displacements(axes, change, flat, torch.ones(1, 1, 8, 8))
    assert torch.allclose(found[2], 0.5 * found[0] + 2 * found[1], atol=1e-5)
    assert torch.allclose(found[0], axes[0, :2], atol=1e-5)
