# SPDX-License-Identifier: GPL-3.0-or-later
"""Every loss reaches the weights that it is meant to teach."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from inference_core.model.expression import AXES
from inference_core.model.speak import Speak
from inference_core.model.template import Template
from inference_core.training import checkpoint, train_painter
from inference_core.training.data.group import DRAWN, Group
from inference_core.training.data.labels import TRACKED
from inference_core.training.inputs import body_sway
from inference_core.training.losses import coarse_loss, feature_weight, flow_loss, picture_loss
from inference_core.training.train import Config, Trainer


def made_up_group(seed: int) -> Group:
    """Noise in the shape of a group: enough for gradients, not for learning."""
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 255, (1 + DRAWN, 256, 256, 3), dtype=np.uint8)
    points = np.array([[-0.2, -0.3], [0.2, -0.3], [0, 0], [-0.15, 0.2], [0.15, 0.2], [0, 0.5]])
    return Group(
        pictures=pictures,
        alpha=np.full((1 + DRAWN, 256, 256), 255, np.uint8),
        flow=rng.normal(0, 0.05, (TRACKED, 2, 128, 128)).astype(np.float16),
        visible=np.ones((TRACKED, 128, 128), bool),
        depth=rng.normal(0, 0.1, (128, 128)).astype(np.float16),
        material=rng.choice([0, 0, 0, 1, 2, 6], (1 + DRAWN, 128, 128)).astype(np.int8),
        uv=rng.uniform(0.15, 0.5, (1 + DRAWN, 2, 128, 128)).astype(np.float16),
        pose=rng.normal(0, 10, (1 + TRACKED, 3)).astype(np.float32),
        expression=rng.uniform(0, 1, (1 + TRACKED, AXES)).astype(np.float32),
        points=np.repeat(points[None], 1 + DRAWN, 0).astype(np.float32),
        rig=np.zeros((1 + TRACKED, 96), np.float16),
        arkit=np.zeros((1 + TRACKED, 52), np.float16),
        visemes=np.zeros((1 + TRACKED, 15), np.float16),
        gaze=np.zeros((1 + TRACKED, 2), np.float32),
        landmarks=np.zeros((1 + TRACKED, 38, 2), np.float32),
    )


@pytest.fixture
def data(tmp_path):
    for part in ("train", "eval"):
        (tmp_path / part).mkdir()
        for seed in range(2):
            made_up_group(seed).save(tmp_path / part / f"{seed:06d}_0.npz")
    template = Template().state_dict()
    np.savez(
        tmp_path / "template.npz",
        **{k: np.random.rand(*v.shape) * 0.1 for k, v in template.items()},
    )
    return tmp_path


@pytest.fixture
def trainer(data):
    return Trainer(Config(batch=1, sample_every=1, total_steps=2), data, data / "out")


@pytest.fixture
def painter(data, trainer):
    trainer.save()
    config = train_painter.Config(batch=1, drawn=1, adversarial=0.02, sample_every=1, total_steps=2)
    return train_painter.Painter(config, data, data / "painted", data / "out/last.safetensors")


def gradients(trainer, name):
    losses = trainer.losses(next(trainer.batches))
    trainer.optimiser.zero_grad()
    losses[name].backward()
    return {k for k, p in trainer.net.named_parameters() if p.grad is not None and p.grad.any()}


@pytest.mark.parametrize(
    ("loss", "reaches"),
    [
        (
            "flow",
            ["identity.shape.weight", "identity.frame.weight"],
        ),
        ("flow", ["identity.gain.weight", "editing.correction.weight"]),
        ("uv", ["identity.surface.place.weight", "identity.surface.enter.weight"]),
        ("face", ["identity.surface.parts.weight"]),
        ("below", ["identity.surface.parts.weight"]),
        ("inside", ["identity.surface.parts.weight"]),
        ("depth", ["identity.shape.weight", "identity.stem.weight"]),
        ("alpha", ["identity.shape.weight"]),
    ],
)
def test_a_loss_teaches_what_it_is_for(trainer, loss, reaches):
    assert set(reaches) <= gradients(trainer, loss)


@pytest.mark.parametrize(
    "loss", ["picture", "coarse", "matte", "timid", "adversarial", "perceptual"]
)
def test_painting_leaves_the_geometry(painter, loss):
    reached = gradients(painter, loss)
    assert "generator.leave.weight" in reached
    others = {name for name in reached if not name.startswith("generator.")}
    assert others <= {"identity.features.weight", "identity.features.bias"}


def test_the_painter_goes_on_from_the_geometry_and_resumes(painter, data):
    before = {k: v.clone() for k, v in painter.net.state_dict().items()}
    painter.run(minutes=60)
    after = painter.net.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before if k.startswith("editing."))
    assert not torch.equal(before["generator.leave.weight"], after["generator.leave.weight"])
    again = train_painter.Painter(
        painter.config, data, data / "painted", data / "out/last.safetensors"
    )
    assert again.step == 2
    assert torch.equal(
        again.net.state_dict()["generator.leave.weight"], after["generator.leave.weight"]
    )
    assert "painted" in (data / "painted" / "evaluation.txt").read_text()
    assert (data / "painted" / "samples_000002.png").exists()


def test_an_interrupted_run_with_a_discriminator_equals_one_that_was_not(
    painter,
    data,
    monkeypatch,
):
    """Of four steps the second is the last that is saved before the third is interrupted."""
    monkeypatch.setattr(train_painter, "R1_EVERY", 2)
    config = replace(painter.config, sample_every=2, total_steps=4)

    def run(out):
        train_painter.Painter(config, data, data / out, data / "out/last.safetensors").run(math.inf)

    monkeypatch.setattr(train_painter.Painter, "evaluate", lambda _: 0.0)
    run("whole")
    learn, steps = train_painter.Painter.learn, [0]

    def interrupted(self, batch):
        steps[0] += 1
        if steps[0] == 3:
            raise KeyboardInterrupt
        return learn(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(train_painter.Painter, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run("broken off")
    run("broken off")
    whole, other = (load_file(data / out / "last.safetensors") for out in ("whole", "broken off"))
    assert whole.keys() == other.keys()
    assert {"model", "average", "optimiser", "judge"} == {name.split(".")[0] for name in whole}
    assert whole["judge.optimiser.0.exp_avg_sq"].any()
    for name, value in whole.items():
        assert torch.equal(value, other[name]), name


def test_training_resumes_where_it_stopped(trainer, tmp_path):
    trainer.run(minutes=60)
    assert trainer.step == 2
    again = Trainer(trainer.config, tmp_path, tmp_path / "out")
    assert again.step == 2
    for before, after in zip(trainer.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(before, after)
    assert (tmp_path / "out" / "samples_000002.png").exists()
    assert "PSNR" in (tmp_path / "out" / "evaluation.txt").read_text()


def test_the_best_weights_are_kept_whatever_follows(data, monkeypatch):
    """Steps 1 to 3 are worth 1, 3 and 2; a run that goes on must be better than 3 to replace it."""
    worth: list[float] = [1.0, 3.0, 2.0, 2.5]
    seen: list[dict[str, torch.Tensor]] = []

    def evaluate(trainer):
        seen.append({k: v.clone() for k, v in trainer.average.tensors.items()})
        return worth[len(seen) - 1]

    def learn(trainer, _):
        with torch.no_grad():
            trainer.net.identity.shape.weight.add_(1)
        trainer.average.update(trainer.net, trainer.step)
        trainer.step += 1
        return {}

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    monkeypatch.setattr(Trainer, "learn", learn)
    for steps in (3, 4):
        config = Config(batch=1, sample_every=1, total_steps=steps)
        trainer = Trainer(config, data, data / "out")
        trainer.run(minutes=60)
        net = Speak()
        assert checkpoint.load_average(trainer.best, net) == 2
        assert checkpoint.score(trainer.best) == trainer.top == 3.0
        for name, value in net.state_dict().items():
            assert torch.equal(value, seen[1][name])
    assert len(seen) == 4  # each step is judged once
    assert checkpoint.load_average(trainer.last, net) == 4


def test_losses_are_zero_on_the_truth_and_grow_with_the_error():
    picture = torch.rand(1, 3, 32, 32)
    weight = torch.ones(1, 1, 32, 32)
    assert picture_loss(picture, picture, weight) == 0
    assert picture_loss(picture * 0.9, picture, weight) < picture_loss(
        picture * 0.5, picture, weight
    )
    flow = torch.rand(1, 2, 32, 32)
    assert flow_loss(flow, flow, weight) == pytest.approx(0, abs=1e-6)
    moved = flow + torch.tensor([2 / 16, 0.0]).view(1, 2, 1, 1)  # two pixels of a grid of 32
    assert flow_loss(moved, flow, weight) == pytest.approx(2, abs=0.15)


def test_colours_are_compared_without_their_grain():
    flat, weight = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)
    checks = (torch.arange(64)[:, None] + torch.arange(64)) % 2 - 0.5
    assert coarse_loss(flat + 0.3 * checks, flat, weight) == pytest.approx(0, abs=1e-6)
    assert coarse_loss(flat + 0.1, flat, weight) > 0.1


def test_eyes_and_mouth_weigh_more():
    points = torch.tensor([[[-0.3, -0.3], [0.3, -0.3], [0, 0], [-0.2, 0.3], [0.2, 0.3], [0, 0.6]]])
    weight = feature_weight(points, 64, gain=4.0)[0, 0]
    assert weight[int(0.65 * 64), 32] > 4  # the mouth
    assert weight[2, 2] == pytest.approx(1, abs=0.01)


def test_sway_is_read_off_the_chest():
    flow = torch.zeros(1, 1, 2, 64, 64)
    flow[:, :, 0] = 0.1
    flow[:, :, :, :40] = 5  # the head does something else
    assert torch.allclose(body_sway(flow, torch.zeros(1, 64, 64)), torch.tensor([[[0.1, 0.0]]]))
