# SPDX-License-Identifier: GPL-3.0-or-later
"""The small networks' stages: they learn, say what they reached, keep the best and go on."""

from collections.abc import Callable

import pytest
import torch

from inference_core.training import checkpoint
from inference_core.training.train_landmarks import Config as LandmarkConfig
from inference_core.training.train_landmarks import LandmarkTrainer
from inference_core.training.train_surface import Config as SurfaceConfig
from inference_core.training.train_surface import SurfaceTrainer
from tests.training.test_losses import data  # noqa: F401  (a fixture)

STAGES: dict[str, Callable[..., SurfaceTrainer | LandmarkTrainer]] = {
    "surface": lambda steps, *folders: SurfaceTrainer(
        SurfaceConfig(batch=1, sample_every=1, total_steps=steps), *folders
    ),
    "landmarks": lambda steps, *folders: LandmarkTrainer(
        LandmarkConfig(batch=1, sample_every=1, total_steps=steps), *folders
    ),
}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_learns_keeps_its_best_and_goes_on(name, data):  # noqa: F811
    out = data / name
    first = STAGES[name](2, data, out)
    before = {k: v.clone() for k, v in first.net.state_dict().items()}
    first.run(minutes=60)
    after = first.net.state_dict()
    assert not any(torch.equal(before[k], after[k]) for k in before if k.endswith("weight"))
    again = STAGES[name](3, data, out)
    assert again.step == 2
    assert all(torch.equal(after[k], v) for k, v in again.net.state_dict().items())
    again.run(minutes=60)
    told = (out / "evaluation.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in told] == ["step 1", "step 2", "step 3"]
    worth = checkpoint.score(again.best)
    assert worth == again.top < 0
    # What the best file holds is worth what it says, and nothing later was worth more.
    checkpoint.load_average(again.best, again.net)
    assert again.evaluate() == pytest.approx(worth, abs=1e-4)
    checkpoint.load_average(again.last, again.net)
    assert again.evaluate() <= worth + 1e-4


@pytest.mark.parametrize("name", STAGES)
def test_what_is_judged_are_the_averaged_weights(name, data, monkeypatch):  # noqa: F811
    trainer = STAGES[name](1, data, data / name)
    trainer.learn(next(trainer.batches))
    own = {k: v.clone() for k, v in trainer.net.state_dict().items()}
    seen: list[dict[str, torch.Tensor]] = []

    def evaluate() -> float:
        seen.append({k: v.clone() for k, v in trainer.net.state_dict().items()})
        return 0.0

    monkeypatch.setattr(trainer, "evaluate", evaluate)
    trainer.judge_weights()
    assert all(torch.equal(seen[0][k], v) for k, v in trainer.average.tensors.items())
    assert any(not torch.equal(seen[0][k], v) for k, v in own.items())
    assert all(torch.equal(own[k], v) for k, v in trainer.net.state_dict().items())
