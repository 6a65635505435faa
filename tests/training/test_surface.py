# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of the face's map, and the losses that teach it."""

import pytest
import torch

from inference_core.model.surface import BINS, REACH, Surface, cells
from inference_core.model.template import EYES, MOUTH, UV_CENTRE, UV_HALF
from inference_core.training.surface import below_label, mirrored, surface_losses

G = 16


def place(u, v):
    uv = torch.zeros(1, 2, G, G)
    uv[:, 0], uv[:, 1] = u, v
    return uv


@pytest.mark.parametrize("slit", [MOUTH, *EYES])
def test_rims_are_told_apart_and_weigh_most(slit):
    above, heavy = below_label(place(slit.u, slit.row - slit.rim))
    below, _ = below_label(place(slit.u, slit.row + slit.rim))
    _, light = below_label(place(0.2, 0.12))
    assert above.max() == 0
    assert below.min() == 1
    assert heavy.min() > 4 * light.max()


def sure(uv, logits):
    """A map that is sure of the cells around uv [1,2,G,G], of which half as many are scored."""
    middle = cells(uv)[:, None, None]
    width = 2 * REACH / BINS
    bins = [-0.5 * ((u - middle) / (0.7 * width)) ** 2 for u in uv[..., ::2, ::2].split(1, 1)]
    return Surface(uv, logits, torch.cat(bins, 1))


def test_the_truth_costs_nothing_and_errors_count_in_pixels():
    uv = place(0.3, 0.3)
    true = (uv - torch.tensor(UV_CENTRE)[:, None, None]) / torch.tensor(UV_HALF)[:, None, None]
    material = torch.zeros(1, G, G)
    logits = torch.full((1, 5, G, G), -20.0)
    logits[:, 0] = 20.0
    label, _ = below_label(uv)
    logits[:, 1] = (label - 0.5) * 40
    right = surface_losses(sure(true, logits), uv, material)
    least = right.pop("cell")  # the entropy of the blobs, which nothing goes below
    assert all(float(v) == pytest.approx(0, abs=1e-4) for v in right.values())
    wrong = surface_losses(
        sure(true + torch.tensor([0.1, 0.0])[:, None, None], logits), uv, material
    )
    assert wrong["cell"] > least + 0.05
    assert float(wrong["uv"]) == pytest.approx(0.15 * (4 - 0.1), abs=0.02)


@pytest.mark.parametrize(("loss", "channel"), [("face", 0), ("below", 1), ("inside", 2)])
def test_each_loss_teaches_its_own_channel(loss, channel):
    logits = torch.zeros(1, 5, G, G, requires_grad=True)
    material = torch.zeros(1, G, G)
    material[:, 4:8] = 2
    found = surface_losses(sure(torch.zeros(1, 2, G, G), logits), place(0.3, 0.3), material)
    found[loss].backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum((0, 2, 3)) > 0
    wanted = [2, 3, 4] if loss == "inside" else [channel]
    assert touched.nonzero().flatten().tolist() == wanted


def test_mirroring_twice_changes_nothing_and_once_swaps_the_eyes():
    uv = torch.rand(1, 2, G, G)
    material = torch.zeros(1, G, G)
    material[:, 4, :8], material[:, 4, 8:] = 2, 1
    once = mirrored(uv, material)
    assert torch.equal(once[1], material)  # the left one is still at the left, under its name
    again = mirrored(*once)
    assert torch.allclose(again[0], uv, atol=1e-6)
    assert torch.equal(again[1], material)
