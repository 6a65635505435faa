# SPDX-License-Identifier: GPL-3.0-or-later
"""Training on another device than the CPU, and compiled: what can be asked without a GPU."""

import contextlib

import pytest
import torch

from inference_core.model.expression import VISEMES
from inference_core.model.identity import GRID
from inference_core.model.speak import Speak
from inference_core.protocol.controls import CONTROLS
from inference_core.training import checkpoint, precision, train, train_painter
from tests.training.test_losses import data  # noqa: F401  (a fixture)

ELSEWHERE = torch.device("meta")  # shapes without values; like a GPU it takes no tensor of the CPU


@pytest.fixture
def elsewhere(monkeypatch):
    """Both stages believe that they run on a device that is not the CPU."""
    for module in (train, train_painter):
        monkeypatch.setattr(module, "processor", lambda _: ELSEWHERE)
        monkeypatch.setattr(module, "autocast", lambda _: contextlib.nullcontext())


def begun(data):  # noqa: F811
    """The checkpoint of a geometry's run that has just begun."""
    start = train.Trainer(train.Config(batch=1), data, data / "geometry")
    start.save()
    return start.last


def painting(**more):
    return train_painter.Config(batch=1, drawn=2, adversarial=0.02, **more)


def test_a_step_keeps_to_its_device(data, elsewhere):  # noqa: F811
    trainer = train.Trainer(train.Config(batch=1), data, data / "out")
    losses = trainer.learn(next(trainer.batches))
    assert {loss.device for loss in losses.values()} == {ELSEWHERE}
    learned = [p for p in trainer.net.parameters() if p.grad is not None]
    assert {p.grad.device for p in learned if p.grad is not None} == {ELSEWHERE}


def test_a_painters_step_keeps_to_its_device(data, monkeypatch):  # noqa: F811
    last = begun(data)
    for name, value in (("processor", ELSEWHERE), ("autocast", contextlib.nullcontext())):
        monkeypatch.setattr(train_painter, name, lambda _, value=value: value)
    painter = train_painter.Painter(painting(), data, data / "out", last)
    losses = painter.learn(next(painter.batches))  # its first step takes the gradient penalty, too
    assert {"adversarial", "perceptual"} <= losses.keys()
    assert {loss.device for loss in losses.values()} == {ELSEWHERE}


def test_frames_keep_to_their_device():
    net, picture = Speak().to(ELSEWHERE), torch.rand(1, 3, 2 * GRID, 2 * GRID)
    controls, content = torch.rand(2, len(CONTROLS)), torch.rand(2, len(VISEMES))
    given = (picture, controls[:1], content[:1], controls, content)
    picture, own, own_content, controls, content = (x.to(ELSEWHERE) for x in given)
    with torch.no_grad():
        read = net.identity(picture)
        made = net.frames(picture, read, own, own_content, controls, content)
    assert made.rgb.device == ELSEWHERE
    assert made.rgb.shape == (2, 3, 2 * GRID, 2 * GRID)


def test_a_run_goes_on_where_its_weights_are(tmp_path):
    net = torch.nn.Linear(3, 2)
    checkpoint.save(tmp_path / "c.safetensors", net, checkpoint.Average(net, 0.9), None, 1)
    other = torch.nn.Linear(3, 2, device=ELSEWHERE)
    average = checkpoint.Average(other, 0.9)
    checkpoint.load(tmp_path / "c.safetensors", other, average)
    assert {tensor.device for tensor in average.tensors.values()} == {ELSEWHERE}


@pytest.mark.parametrize(("device", "wanted", "asked"), [
    ("cuda", None, 1), ("cuda", False, 0), ("cpu", None, 0), ("cpu", True, 1),
])  # fmt: skip
def test_what_pays_is_compiled(device, wanted, asked, monkeypatch):
    calls = []
    part = torch.nn.Linear(3, 2)
    monkeypatch.setattr(part, "compile", lambda **how: calls.append(how))
    precision.compile_parts(wanted, torch.device(device), part)
    assert len(calls) == asked
    assert all(how["dynamic"] is False for how in calls)


def test_compiled_training_says_the_same_under_the_same_names(data, monkeypatch):  # noqa: F811
    monkeypatch.setattr(precision, "BACKEND", "aot_eager")  # traces all, and wants no compiler
    last, found, names = begun(data), [], []
    for compiled in (False, True):
        painter = train_painter.Painter(
            painting(compiled=compiled), data, data / f"out{compiled}", last
        )
        batch = next(painter.batches)
        steps = [painter.learn(batch) for _ in range(2)]
        found.append([{k: float(v.detach()) for k, v in losses.items()} for losses in steps])
        names.append(list(painter.net.state_dict()))
    assert names[0] == names[1]
    for plain, compiled in zip(*found, strict=True):
        assert compiled == pytest.approx(plain, rel=0.02, abs=1e-3)
    counted = torch._dynamo.utils.counters["stats"]
    assert counted["calls_captured"] > 300  # it did trace them
