# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that hold for any weights: rest is rest, frames are independent."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from inference_core.model.expression import AXES, VISEMES, closing, expression
from inference_core.model.reader import Reader
from inference_core.model.speak import Speak
from inference_core.protocol.controls import CONTROLS

NAMES = [c.name for c in CONTROLS]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    speak = Speak().eval()
    with torch.no_grad():  # a picture that is all person, without holes
        person, parts = speak.identity.shape.bias, speak.identity.surface.parts.bias
        assert person is not None
        assert parts is not None
        person[2], parts[8:] = 6.0, -6.0
    return speak, Reader().eval()


@pytest.fixture(scope="module")
def portrait(model):
    picture = torch.nn.functional.interpolate(
        torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)),
        size=256,
        mode="bicubic",
    ).clamp(0, 1)
    with torch.no_grad():
        return picture, model[0].identity(picture), *model[1](picture)


def controls_of(own, **values):
    row = own.clone()
    for name, value in values.items():
        row[:, NAMES.index(name)] = value
    return row


@torch.no_grad()
def test_asking_for_the_own_state_returns_the_portrait(model, portrait):
    picture, read, own, content = portrait
    drawn = model[0].frames(picture, read, own, content, own, content).rgb
    assert (drawn - picture).abs().max() < 1 / 255


@torch.no_grad()
def test_a_frame_is_the_same_alone_and_in_a_batch(model, portrait):
    picture, read, own, content = portrait
    rows = torch.cat([controls_of(own, yaw=float(y), happy=0.1 * y) for y in range(8)])
    together = model[0].frames(picture, read, own, content, rows, content.repeat(8, 1)).rgb
    alone = model[0].frames(picture, read, own, content, rows[5:6], content).rgb
    assert (together[5:6] - alone).abs().max() < 1e-4


@torch.no_grad()
def test_one_network_draws_both_sizes(model, portrait):
    picture, read, own, content = portrait
    large = torch.nn.functional.interpolate(picture, size=512, mode="bilinear")
    row = controls_of(own, yaw=10.0)
    small = model[0].frames(picture, read, own, content, row, content).rgb
    big = model[0].frames(large, read, own, content, row, content).rgb
    assert big.shape == (1, 3, 512, 512)
    assert (torch.nn.functional.avg_pool2d(big, 2) - small).abs().mean() < 0.02


def test_closed_lips_close_a_keyed_jaw_and_the_mouth_of_an_emotion():
    row = torch.tensor([[c.default for c in CONTROLS]])
    row = controls_of(row, jaw=1.0, happy=1.0)
    silent, closed = torch.zeros(1, len(VISEMES)), torch.zeros(1, len(VISEMES))
    silent[:, 0], closed[:, VISEMES.index("PP")] = 1, 1
    open_, shut = expression(row, silent)[0], expression(row, closed)[0]
    jaw, smile, brows = 18, 7 + 4, 4
    assert open_.shape == (AXES,)
    assert open_[jaw] == 1
    assert shut[jaw] < 0.25
    assert shut[smile] < 0.5 * open_[smile]
    assert shut[brows] == open_[brows]


def test_p_b_and_m_close_a_mouth_that_stands_open_and_lip_strength_scales_it():
    row = torch.tensor([[float(c.default) for c in CONTROLS]])
    silent, shut = torch.zeros(1, len(VISEMES)), torch.zeros(1, len(VISEMES))
    silent[:, 0], shut[:, VISEMES.index("PP")] = 1, 1
    assert closing(silent, row) == 0
    assert closing(shut, row) == 1
    assert closing(shut, controls_of(row, lip_strength=0.5)) == 0.5


def test_lip_strength_scales_speech_to_nothing():
    row = controls_of(torch.tensor([[c.default for c in CONTROLS]]), lip_strength=0.0)
    loud = torch.zeros(1, len(VISEMES))
    loud[:, VISEMES.index("aa")] = 1
    assert expression(row, loud).abs().max() == 0


def test_the_whole_model_stays_under_its_budget(model):
    parameters = sum(p.numel() for part in model for p in part.parameters())
    assert parameters < 40e6


@torch.no_grad()
@pytest.mark.parametrize(("size", "most"), [(256, 10e9), (512, 11e9)])
def test_a_frame_stays_under_its_operations(model, portrait, size, most):
    picture, read, own, content = portrait
    picture = torch.nn.functional.interpolate(picture, size=size, mode="bilinear")
    with FlopCounterMode(display=False) as counter:
        model[0].frames(picture, read, own, content, controls_of(own, yaw=10.0), content)
    assert 1e9 < counter.get_total_flops() < most  # convolutions and products of matrices


def test_no_state_runs_from_frame_to_frame(model, portrait):
    picture, read, own, content = portrait
    row = controls_of(own, yaw=-8.0, happy=0.4)
    with torch.no_grad():
        first = model[0].frames(picture, read, own, content, row, content).rgb
        model[0].frames(picture, read, own, content, controls_of(own, yaw=20.0), content)
        again = model[0].frames(picture, read, own, content, row, content).rgb
    assert torch.equal(first, again)
