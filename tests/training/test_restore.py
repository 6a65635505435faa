# SPDX-License-Identifier: GPL-3.0-or-later
"""Training can start from what a pack holds."""

import pytest
import torch
from torch import nn

from inference_core.training.export import halve_weights
from inference_core.training.restore import restore

onnx = pytest.importorskip("onnx")


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.leave = nn.Linear(16, 40)

    def forward(self, x):
        return self.leave(self.norm(self.enter(x)).mean((2, 3)))


@pytest.fixture
def exported(tmp_path):
    torch.manual_seed(0)
    module = Small().eval()
    nn.init.normal_(module.norm.weight)
    path = tmp_path / "small.onnx"
    torch.onnx.export(module, (torch.rand(1, 3, 8, 8),), path, opset_version=20, dynamo=False)
    model = onnx.load(path)
    halve_weights(model)
    onnx.save(model, path)
    return module, path


def test_weights_come_back_within_half_precision(exported):
    module, path = exported
    other = Small().eval()
    assert restore(other, path, inputs=(torch.rand(1, 3, 8, 8),)) == []
    for before, after in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.allclose(before, after, atol=1e-3)


def test_what_does_not_fit_is_named_and_left(exported):
    _, path = exported
    other = Small()
    other.leave = nn.Linear(16, 41)
    kept = other.leave.weight.clone()
    assert set(restore(other, path)) >= {"leave.weight", "leave.bias"}
    assert torch.equal(other.leave.weight, kept)
