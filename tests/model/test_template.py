# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared displacements are read where the map says, on the side that it says."""

import numpy as np
import pytest
import torch

from inference_core.model.expression import AXES, JAW
from inference_core.model.template import EYES, MOUTH, TEXTURE, UV_CENTRE, UV_HALF, Template


def rows(slit):
    """The rows of uv [1,2,8,8] run across a slit, from its upper to its lower reach."""
    v = torch.linspace(slit.top + 0.004, slit.bottom - 0.004, 8)
    uv = torch.zeros(1, 2, 8, 8)
    uv[:, 0] = (slit.u - UV_CENTRE[0]) / UV_HALF[0]
    uv[:, 1] = ((v - UV_CENTRE[1]) / UV_HALF[1])[:, None]
    return uv


def test_each_side_of_a_slit_has_its_own_motion():
    template = Template()
    template.lower[4] = 0.1  # the second axis moves down what is past the lower rims
    upper, lower = template.axes(rows(MOUTH), torch.zeros(1, 1, 8, 8))
    assert upper.shape == lower.shape == (1, 3 * AXES, 8, 8)
    assert upper.abs().max() == 0
    assert lower[0, 4].min() == pytest.approx(0.1)
    assert lower[0, 3].abs().max() == 0


@pytest.mark.parametrize("slit", [MOUTH, *EYES])
def test_a_rim_is_where_the_hollow_begins(slit):
    template = Template()
    middle = (torch.arange(TEXTURE) + 0.5) * 2 / TEXTURE - 1
    template.upper[1] = middle[:, None]  # moves by the row that is read
    template.lower[1] = middle[:, None]
    uv, hollow = rows(slit), torch.ones(1, 1, 8, 8)
    rims = [(slit.row + s * slit.rim - UV_CENTRE[1]) / UV_HALF[1] for s in (-1, 1)]
    upper, lower = template.axes(uv, hollow)
    assert upper[0, 1].min() == pytest.approx(rims[0], abs=1e-3)
    assert lower[0, 1].max() == pytest.approx(rims[1], abs=1e-3)
    plain, _ = template.axes(uv, torch.zeros_like(hollow))
    assert plain[0, 1].min() < rims[0] - 0.05


def test_in_the_corners_of_a_mouth_nothing_is_pulled_to_a_rim():
    """Lips are one skin there, and move as its place says."""
    template = Template()
    middle = (torch.arange(TEXTURE) + 0.5) * 2 / TEXTURE - 1
    template.upper[1] = middle[:, None]
    uv, hollow = rows(MOUTH), torch.ones(1, 1, 8, 8)
    for away, pulled in ((0.0, True), (MOUTH.joined + 0.004, False)):
        uv[:, 0] = (MOUTH.u + away - UV_CENTRE[0]) / UV_HALF[0]
        upper, _ = template.axes(uv, hollow)
        plain, _ = template.axes(uv, torch.zeros_like(hollow))
        assert bool((upper - plain).abs().max() > 0.05) == pulled


@pytest.mark.parametrize("slit", EYES)
def test_lids_are_pulled_to_their_rims_as_far_as_the_eye_is_hollow(slit):
    """An eye that is wider than most closes to its corners."""
    template = Template()
    middle = (torch.arange(TEXTURE) + 0.5) * 2 / TEXTURE - 1
    template.upper[1] = middle[:, None]
    uv, hollow = rows(slit), torch.ones(1, 1, 8, 8)
    uv[:, 0] = (slit.u + 1.3 * slit.half - UV_CENTRE[0]) / UV_HALF[0]
    upper, _ = template.axes(uv, hollow)
    plain, _ = template.axes(uv, torch.zeros_like(hollow))
    assert (upper - plain).abs().max() > 0.05


def test_the_swept_area_is_width_times_travel():
    template = Template()
    middle = (torch.arange(TEXTURE) + 0.5) * 2 / TEXTURE - 1
    template.shape[0] = middle  # a face as wide as its layout
    template.lower[3 * JAW + 1] = 0.2
    width = 2 * MOUTH.half / UV_HALF[0]
    assert template.swept()[2] == pytest.approx(0.2 * width, rel=0.01)


def test_a_template_is_read_from_its_file(tmp_path):
    template = Template()
    rng = np.random.default_rng(0)
    stored = {k: rng.random(v.shape, np.float32) for k, v in template.state_dict().items()}
    np.savez(tmp_path / "template.npz", **stored)
    template.read(tmp_path / "template.npz")
    for name, value in template.state_dict().items():
        assert np.array_equal(value.numpy(), stored[name])
