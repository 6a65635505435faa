# SPDX-License-Identifier: GPL-3.0-or-later
"""IRFD: donors are dealt as the paper swaps them, and each of its losses teaches its own code."""

import numpy as np
import pytest
import torch

from inference_core.model.expression import AXES, EMOTIONS
from inference_core.model.speak import Speak
from inference_core.model.template import Template
from inference_core.training import checkpoint
from inference_core.training.train_irfd import (
    LOSSES,
    Trainer,
    class_loss,
    deal,
    labels,
    triplet,
)
from tests.training.test_losses import made_up_group

FRAMES = 4


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("irfd")
    for part in ("train", "eval"):
        (folder / part).mkdir()
        for seed in range(4):
            group = made_up_group(seed)
            group.expression[1] = 0  # one frame of four is clearly neutral
            group.save(folder / part / f"{seed:06d}_0.npz")
    speak = Speak()
    for name, buffer in Template().state_dict().items():
        getattr(speak.identity.template, name).copy_(torch.rand_like(buffer) * 0.1)
    average = checkpoint.Average(speak, 0.9)
    optimiser = torch.optim.AdamW(speak.parameters())
    checkpoint.save(folder / "speak.safetensors", speak, average, optimiser, 1)
    made = Trainer(folder, folder / "speak.safetensors", folder / "irfd.safetensors")
    made.optimiser.zero_grad()
    made.losses(next(made.batches), swap=False)["labels"].backward()
    made.optimiser.step()  # the read-out of pose starts at zero and would pass nothing on
    return made


@pytest.mark.parametrize(
    ("loss", "reaches"),
    [
        ("labels", ["reader.pose.weight", "reader.emotion.weight", "reader.eyes.weight"]),
        ("labels", ["reader.mouth.weight", "reader.encoder.stem.weight"]),
        ("cls", ["reader.classes.weight", "reader.emotion_encoder.0.weight"]),
        ("pose", ["reader.pose_encoder.0.weight"]),
        ("emotion", ["reader.emotion_encoder.0.weight", "reader.encoder.stem.weight"]),
        ("identity", ["identity.weight"]),
        ("self", ["reader.pose.weight", "reader.mouth.weight", "reader.encoder.stem.weight"]),
    ],
)
def test_each_loss_of_the_paper_teaches_its_code(trainer, loss, reaches):
    torch.manual_seed(0)
    losses = trainer.losses(next(trainer.batches))
    assert set(losses) == {"labels", *LOSSES}
    trainer.optimiser.zero_grad()
    losses[loss].backward()
    touched = {k for k, p in trainer.net.named_parameters() if p.grad is not None and p.grad.any()}
    assert set(reaches) <= touched
    assert not any(name.startswith("reader.surface") for name in touched)
    if loss == "pose":
        assert "reader.emotion_encoder.0.weight" not in touched


def test_one_kind_is_swapped_within_each_pair():
    rng = torch.Generator().manual_seed(0)
    for _ in range(20):
        identity, emotion, pose = deal(4, FRAMES, rng)
        assert (identity % FRAMES == 0).all()
        people = torch.stack([identity, emotion, pose]) // FRAMES
        # Two of the three come from one picture, the third from the partner's.
        assert all(len(set(column)) == 2 for column in people.t().tolist())
        assert sorted(set(identity.tolist())) == [0, 4, 8, 12]


def test_the_triplet_wants_the_own_person_nearer():
    one, other = torch.eye(4)[:1], torch.eye(4)[1:2]
    assert triplet(one, one, other) == 0
    assert triplet(one, other, one) == pytest.approx(2**0.5 + 0.2)


def test_classes_are_of_frames_that_clearly_show_one():
    expression = torch.zeros(1, 4, AXES)
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    for k in (happy, len(EMOTIONS) + happy):
        expression[0, 1:, k] = 0.8
    for k in (sad, len(EMOTIONS) + sad):
        expression[0, 2, k] = 0.6  # a mixture
    expression[0, 3] *= 0.3  # too weak to be sure, too strong for none
    found = labels({"pictures": torch.zeros(1, 4), "expression": expression,
                    "pose": torch.zeros(1, 4, 3)})  # fmt: skip
    assert found["classes"].tolist() == [0, 1 + happy, -1, -1]
    nothing = class_loss(torch.zeros(2, 8), torch.tensor([-1, -1]))
    assert nothing == 0


def test_a_run_is_logged_judged_and_resumed(trainer, capsys):
    trainer.run(minutes=1e-9)
    assert "class right" in capsys.readouterr().out
    assert trainer.out.exists()
    assert np.isfinite(float(trainer.losses(next(trainer.batches))["self"].detach()))
