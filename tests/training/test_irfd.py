# SPDX-License-Identifier: GPL-3.0-or-later
"""IRFD: donors are dealt as the paper swaps them, and each of its losses teaches its own code."""

import json

import numpy as np
import pytest
import torch

from inference_core.model.expression import AXES, EMOTIONS
from inference_core.model.identity import CODE
from inference_core.model.speak import Speak
from inference_core.model.template import Template
from inference_core.training import ablate_irfd, checkpoint
from inference_core.training.code_head import CodeHead, nearest_is_own, spread_within
from inference_core.training.parity import exported
from inference_core.training.train_irfd import (
    LOSSES,
    Trainer,
    apart,
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
            group.save(folder / part / f"{seed // 2:06d}_{seed % 2}.npz")
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
        ("identity", ["identity.weight", "head.code.0.weight"]),
        ("self", ["reader.pose.weight", "reader.mouth.weight", "reader.encoder.stem.weight"]),
    ],
)
def test_each_loss_of_the_paper_teaches_its_code(trainer, loss, reaches):
    torch.manual_seed(0)
    losses = trainer.losses(next(trainer.batches))
    assert set(losses) == {"labels", "held", *LOSSES}
    trainer.optimiser.zero_grad()
    losses[loss].backward()
    touched = {k for k, p in trainer.net.named_parameters() if p.grad is not None and p.grad.any()}
    assert set(reaches) <= touched
    assert not any(name.startswith("reader.surface") for name in touched)
    if loss == "pose":
        assert "reader.emotion_encoder.0.weight" not in touched


def test_layers_that_are_a_copy_are_held_where_they_are(trainer):
    """Nothing that SPEAK makes of a code may change; a code that has changed is told."""
    head, speak = CodeHead(), trainer.speak
    head.take(speak)
    waist = torch.randn(3, speak.identity.code[0].in_features)
    states = (torch.randn(3, AXES), torch.randn(3, AXES), torch.randn(3, 3), torch.randn(3, 3))
    old = head.of(waist).detach()
    assert head.changed(speak, head.of(waist), old, states) == 0
    other = head.of(waist) + torch.randn(3, CODE)
    torch.nn.init.normal_(head.gain.weight)
    changed = head.changed(speak, other, old, states)
    assert changed > 0.01
    changed.backward()
    numbers = dict(head.named_parameters())
    for name in ("gain.weight", "editing.style.0.weight"):
        taught = numbers[name].grad
        assert taught is not None
        assert taught.any()


def test_the_code_is_made_of_the_waist(trainer):
    identity = trainer.speak.identity
    pictures = torch.rand(2, 3, 256, 256)
    with torch.no_grad():
        assert torch.equal(identity.code_of(pictures), identity.read(pictures).portrait.code)


def test_a_pack_is_compared_with_the_code_that_irfd_left(trainer, tmp_path):
    """parity takes E_i's code layers from where export took them, and all else from SPEAK."""
    head, speak_file = trainer.net.head, trainer.out.parent / "speak.safetensors"
    kept = {k: v.clone() for k, v in head.state_dict().items()}
    with torch.no_grad():
        head.gain.bias.add_(0.25)
    average = checkpoint.Average(trainer.net, 0.9)
    file = tmp_path / "irfd.safetensors"
    checkpoint.save(file, trainer.net, average, trainer.optimiser, 1)
    head.load_state_dict(kept)
    alone, joined = exported(speak_file, None), exported(speak_file, file)
    changed = {
        name
        for name, value in alone.state_dict().items()
        if not torch.equal(value, joined.state_dict()[name])
    }
    assert "identity.gain.bias" in changed
    read = ("identity.code.", "identity.gain.", "identity.frame.", "editing.")
    assert all(name.startswith(read) for name in changed)


def test_codes_of_one_person_are_told_from_codes_of_many():
    people = torch.arange(4).repeat_interleave(3)
    codes = torch.eye(4)[people] + 0.01 * torch.randn(12, 4)
    assert spread_within(codes, people) < 0.01
    assert nearest_is_own(codes, people) == 1
    strangers = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    assert spread_within(strangers, people) > 0.4
    assert nearest_is_own(strangers, people) < 0.6


def test_ablations_are_a_table_and_are_not_made_twice(trainer, tmp_path, monkeypatch, capsys):
    data = trainer.out.parent
    arguments = ["ablate", "--data", str(data), "--speak", str(data / "speak.safetensors"),
                 "--out", str(tmp_path), "--steps", "1"]  # fmt: skip
    monkeypatch.setattr("sys.argv", arguments)
    for left_out in LOSSES[1:]:  # as if they had been made
        figures = dict.fromkeys(ablate_irfd.COLUMNS, 0.5)
        (tmp_path / f"L_{left_out}.json").write_text(json.dumps(figures))
    ablate_irfd.main()
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "nothing", *(f"L_{name}" for name in LOSSES),
    ]  # fmt: skip
    assert "0.500" in lines[-1]
    assert "0.500" not in lines[2]
    assert not (tmp_path / f"L_{LOSSES[1]}.safetensors").exists()


def test_codes_are_apart_by_shares_of_their_variance():
    """Small codes are no better than large ones; nobody's donors are off by twice the variance."""
    rng = torch.Generator().manual_seed(0)
    donors = torch.randn(4096, 4, generator=rng)
    others = torch.randn(4096, 4, generator=rng)
    assert apart(donors, donors) == 0
    assert apart(others, donors) == pytest.approx(2, rel=0.05)
    near = donors + 0.1 * others
    assert apart(0.01 * near, 0.01 * donors) == pytest.approx(float(apart(near, donors)))


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
