# SPDX-License-Identifier: GPL-3.0-or-later
"""What E_i makes of its networks' maps."""

import pytest
import torch

from inference_core.model.expression import AXES
from inference_core.model.geometry import forward_points
from inference_core.model.identity import CODE, FEATURES, GRID, IdentityEncoder
from inference_core.model.layers import grid
from inference_core.model.surface import PARTS, Surface


@pytest.fixture(scope="module")
def encoder():
    """With random weights where training has not been, and a random mean face."""
    torch.manual_seed(0)
    torch.set_num_threads(2)
    net = IdentityEncoder().eval()
    for layer in (net.gain, net.frame):
        torch.nn.init.normal_(layer.weight, std=0.05)
    for name, value in net.template.named_buffers():
        value.copy_(torch.rand_like(value) * (1.0 if name in ("turn", "firm") else 0.1))
    return net


@pytest.fixture(scope="module")
def maps():
    """Small picture, features, code, shape and surface of a face that fills the middle."""
    here = grid(GRID, GRID, torch.zeros(())).clone()
    logits = torch.full((1, PARTS, GRID, GRID), -4.0)
    logits[:, :2] = 4 - 8 * here.square().sum(1, keepdim=True)
    logits[:, 2, 50:56, 40:50] = logits[:, 3, 50:56, 78:88] = logits[:, 4, 80:84, 58:70] = 4.0
    surface = Surface(0.9 * here, logits, torch.zeros(1))
    shape = torch.cat([0.5 - here.square().sum(1, keepdim=True), logits[:, :1], logits[:, :1]], 1)
    small, features = torch.rand(1, 3, GRID, GRID), torch.randn(1, FEATURES, GRID, GRID)
    return small, features, torch.randn(1, CODE), shape, surface


def turned(portrait):
    """Where [1,2,g,g] each pixel goes when the head turns by 20 degrees and changes its face."""
    points = forward_points(
        portrait.depth, portrait.turn, portrait.axes, portrait.frame, torch.full((1, AXES), 0.3),
        torch.zeros(1, 3), torch.tensor([[20.0, -8.0, 5.0]]), torch.tensor([[0.0, 0.0, 1.0]]),
    )  # fmt: skip
    return points[:, :2]


@torch.no_grad()
def test_under_autocast_places_are_as_exact_as_without(encoder, maps):
    plain = encoder.assemble(*maps)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = encoder.assemble(*maps)
    for part in ("portrait", "alignment"):
        for name, value in getattr(plain, part)._asdict().items():
            other = getattr(getattr(mixed, part), name)
            assert other.dtype == value.dtype == torch.float32
            assert (other - value).abs().max() < 1e-4, name
    moved = turned(plain.portrait)
    assert (turned(mixed.portrait) - moved).abs().max() < 1e-4
    assert (moved - grid(GRID, GRID, moved)).abs().max() > 0.05  # it does move
