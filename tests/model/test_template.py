# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared displacements are read where the map says, on the side that it says."""

import numpy as np
import pytest
import torch

from inference_core.model.expression import AXES
from inference_core.model.template import Template


def test_what_is_below_moves_with_the_lower_rim():
    template = Template()
    template.lower[4] = 0.1  # the second axis moves down what is below
    uv = torch.zeros(1, 2, 8, 8)
    below = torch.zeros(1, 1, 8, 8)
    below[:, :, 4:] = 1
    found = template.axes(uv, below)
    assert found.shape == (1, 3 * AXES, 8, 8)
    assert found[0, 4, 2, 3] == 0
    assert found[0, 4, 6, 3] == pytest.approx(0.1)
    assert found[0, 3, 6, 3] == 0


def test_a_template_is_read_from_its_file(tmp_path):
    template = Template()
    rng = np.random.default_rng(0)
    stored = {k: rng.random(v.shape, np.float32) for k, v in template.state_dict().items()}
    np.savez(tmp_path / "template.npz", **stored)
    template.read(tmp_path / "template.npz")
    for name, value in template.state_dict().items():
        assert np.array_equal(value.numpy(), stored[name])
