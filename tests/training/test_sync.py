# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync expert learns which mouth makes which sound, and its loss moves what draws mouths."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from inference_core.model.expression import AXES, JAW, VISEMES
from inference_core.training import measure_sync, train_painter
from inference_core.training.mouth_crop import HEIGHT, WIDTH
from inference_core.training.sync import (
    WIDER,
    SyncExpert,
    agreement,
    alike,
    frozen,
    jittered,
    mouth_crops,
    spoken,
    sync_loss,
)
from inference_core.training.train_sync import Config, SyncTrainer, matched, write_witness
from tests.training.test_losses import gradients, made_up_group

SHAPES = {"PP": (0.5, 0.03), "aa": (0.35, 0.4), "ou": (0.14, 0.14), "E": (0.5, 0.12)}


def said(sound: str) -> np.ndarray:
    e = np.zeros(AXES, np.float32)
    e[JAW + VISEMES.index(sound)] = 1
    return e


def face(sound: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 [256,256,3]: skin of any colour and, where `made_up_group` has it, a mouth that says
    the sound."""
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    wide, high = SHAPES[sound]
    inside = ((x / (wide / 2)) ** 2 + ((y - 0.2) / (high / 2)) ** 2) < 1
    skin = rng.integers(90, 220, 3) + rng.normal(0, 3, (256, 256, 1))
    return np.where(inside[..., None], skin * 0.2, skin).clip(0, 255).astype(np.uint8)


def talking_group(seed: int):
    rng = np.random.default_rng(seed)
    group = made_up_group(seed)
    sounds = list(rng.permutation(list(SHAPES)))
    others = list(rng.choice(list(SHAPES), len(group.expression) - 4))
    return replace(
        group,
        pictures=np.stack([face(sound, rng) for sound in sounds]),
        expression=np.stack([said(sound) for sound in sounds + others]),
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talking")
    for part, seeds in (("train", range(12)), ("eval", range(100, 104))):
        (folder / part).mkdir()
        for seed in seeds:
            talking_group(seed).save(folder / part / f"{seed:06d}_0.npz")
    return folder


@pytest.fixture(scope="module")
def trained(data):
    config = Config(batch=6, total_steps=60, sample_every=1000, average=0.9, rate=3e-3)
    trainer = SyncTrainer(config, data, data / "expert")
    trainer.run(minutes=5)
    return trainer


@pytest.fixture
def faces(data):
    folder = data / "eval"
    groups = [np.load(path) for path in sorted(folder.glob("*.npz"))]
    pictures = torch.from_numpy(np.concatenate([g["pictures"] for g in groups]))
    points = torch.from_numpy(np.concatenate([g["points"] for g in groups]))
    axes = torch.from_numpy(np.concatenate([g["expression"][:4] for g in groups]))
    return pictures.permute(0, 3, 1, 2).float() / 255, points, spoken(axes)


def test_sounds_are_read_off_expressions_and_silence_is_the_rest():
    e = torch.from_numpy(said("ou")) * 0.25
    content = spoken(e[None])[0]
    assert content[VISEMES.index("ou")] == 0.25
    assert content[0] == 0.75
    assert content.sum() == 1


def test_alike_sounds_are_no_mistake_for_each_other():
    one = torch.eye(15)[:2]
    near = one * 0.95
    assert alike(one, near).tolist() == [[True, False], [False, True]]


def test_a_crop_lies_around_the_mouth_however_the_face_lies():
    picture = torch.zeros(1, 3, 256, 256)
    picture[:, :, 150:156, 124:132] = 1  # at x 0, y 0.195
    points = torch.tensor(
        [[[-0.2, -0.3], [0.2, -0.3], [0, 0], [-0.15, 0.2], [0.15, 0.2], [0, 0.5]]]
    )
    upright = mouth_crops(picture, points)
    turned = mouth_crops(
        picture.rot90(1, (2, 3)), torch.stack([points[..., 1], -points[..., 0]], 2)
    )
    assert upright.shape == (1, 3, HEIGHT, WIDTH)
    assert torch.allclose(upright, turned, atol=1e-4)
    rows, columns = upright[0, 0].sum(1), upright[0, 0].sum(0)
    assert abs(int(columns.argmax()) - WIDTH // 2) <= 2
    assert 0 < HEIGHT // 2 - int(rows.argmax()) < 8  # above the middle: chins need room


def test_displaced_crops_keep_the_mouth():
    wide = torch.zeros(8, 3, round(WIDER * HEIGHT), round(WIDER * WIDTH))
    wide[:, :, 32:40, 44:52] = 1
    found = jittered(wide, torch.Generator().manual_seed(0))
    assert found.shape == (8, 3, HEIGHT, WIDTH)
    light = found[:, 0, 8:40, 16:48].sum((1, 2))
    assert (light > 30).all()
    assert not torch.equal(found[0], found[1])


def test_the_expert_beats_chance_on_people_it_never_saw(trained):
    people = [str(n) for n in range(len(trained.evaluation["pictures"]))]
    expert = frozen(trained.last)
    found = matched(expert, trained.evaluation, people)
    assert found["person_chance"] == pytest.approx(0.25)
    assert found["person"] > 0.7
    assert found["pairs"] > 0.8
    blank = matched(SyncExpert().eval(), trained.evaluation, people)
    assert blank["person"] < found["person"]
    assert "person" in (trained.out / "evaluation.txt").read_text()


def test_the_loss_is_low_for_the_mouth_that_was_asked_for(trained, faces):
    pictures, points, content = faces
    expert = frozen(trained.last)
    right = sync_loss(expert, pictures, points, content, content)
    wrong = sync_loss(expert, pictures.roll(1, 0), points, content, content)
    assert right < 0.7 * wrong


def test_following_the_loss_turns_a_mouth_into_the_one_asked_for(trained, faces):
    pictures, points, content = faces
    expert = frozen(trained.last)
    shown = pictures.roll(1, 0).clone().requires_grad_()
    before = sync_loss(expert, shown, points, content, content)
    (slope,) = torch.autograd.grad(before, shown)
    after = sync_loss(expert, shown - 5 * slope / slope.abs().max() * 0.1, points, content, content)
    assert after < before
    assert slope[:, :, :60].abs().max() == 0  # the forehead says nothing


def test_training_goes_on_where_it_stopped(trained, data):
    again = SyncTrainer(trained.config, data, data / "expert")
    assert again.step == 60
    for one, other in zip(again.net.parameters(), trained.net.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_witness_says_what_the_expert_says(trained, faces, tmp_path):
    expert = frozen(trained.last)
    write_witness(expert, tmp_path)
    pictures, points, content = faces
    crops = mouth_crops(pictures, points)
    session = onnxruntime.InferenceSession(tmp_path / "sync.onnx")
    seen, heard = session.run(None, {"mouths": crops.numpy(), "content": content[:3].numpy()})
    assert np.allclose(seen, expert.mouths(crops).numpy(), atol=0.02)
    assert np.allclose(heard, expert.sounds(content[:3]).numpy(), atol=0.02)
    assert (tmp_path / "sync.onnx").stat().st_size < 1_000_000


@pytest.fixture
def speak(data, tmp_path):
    from inference_core.model.speak import Speak
    from inference_core.training import checkpoint

    torch.manual_seed(0)
    net = Speak()
    for buffer in net.identity.template.buffers():  # a face that moves
        buffer.copy_(torch.rand(buffer.shape) * 0.1)
    path = tmp_path / "speak.safetensors"
    average = checkpoint.Average(net, 0)
    checkpoint.save(path, net, average, torch.optim.SGD(net.parameters(), 0.1), 0)
    return path


def painter(data, speak, trained, out, **settings):
    config = train_painter.Config(batch=1, drawn=2, total_steps=1, sample_every=1, **settings)
    return train_painter.Painter(config, data, out, speak, trained.last)


def test_the_loss_reaches_what_paints(data, speak, trained, tmp_path):
    reached = gradients(painter(data, speak, trained, tmp_path / "a", sync=1.0), "sync")
    assert "generator.leave.weight" in reached
    assert not any(name.startswith(("editing.", "identity.gain")) for name in reached)


def test_the_loss_reaches_what_moves_mouths_and_nothing_else(data, speak, trained, tmp_path):
    one = painter(data, speak, trained, tmp_path / "b", sync=1.0, motion=True)
    reached = gradients(one, "sync")
    weights = {"identity.gain.weight", "editing.correction.weight"}
    assert weights <= reached
    assert {name.rsplit(".", 1)[0] for name in reached} == {"identity.gain", "editing.correction"}


def test_what_does_not_move_has_a_slope_too(data, speak, trained, tmp_path):
    one = painter(data, speak, trained, tmp_path / "e", sync=1.0, motion=True)
    batch = next(one.batches)
    for name in ("expression", "pose"):
        batch[name][:] = batch[name][:, :1]
    batch["flow"][:] = 0
    sum(one.losses(batch).values()).backward()
    assert bool(one.net.identity.gain.weight.grad.isfinite().all())
    assert bool(one.net.editing.correction.weight.grad.isfinite().all())


def test_a_sync_loss_needs_an_expert(data, speak, tmp_path):
    config = train_painter.Config(batch=1, sync=0.1)
    with pytest.raises(ValueError, match="train_sync"):
        train_painter.Painter(config, data, tmp_path / "c", speak)


def test_without_its_weight_the_expert_is_not_asked(data, speak, trained, tmp_path):
    one = painter(data, speak, trained, tmp_path / "d")
    assert one.expert is None
    assert "sync" not in one.losses(next(one.batches))


def test_true_mouths_agree_better_than_others_with_what_was_asked(trained, faces):
    pictures, points, content = faces
    expert = frozen(trained.last)
    crops = mouth_crops(pictures, points)
    true = measure_sync.figures(expert, crops, content, content)
    other = measure_sync.figures(expert, crops.roll(1, 0), content, content)
    assert true["minus log"] < other["minus log"]
    assert true["pairs"] > 0.8 > other["pairs"]
    assert true["mouths"] == len(crops)
    assert agreement(expert, crops, content, content).max() <= 0
