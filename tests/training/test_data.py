# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the data engine that need no avatars: conventions, crops, looks, checkpoints."""

import numpy as np
import onnx
import pytest
import torch

from inference_core.model.geometry import rotation as model_rotation
from inference_core.model.landmarks import LandmarkNet
from inference_core.runtime.align import canonical
from inference_core.training import checkpoint
from inference_core.training.augment import degrade, grade, occlude, shade_eyes
from inference_core.training.data.camera import Camera, cropped, look_at, perspective
from inference_core.training.data.canonical import canonical_crop
from inference_core.training.data.head import angles, rotation
from inference_core.training.data.rig import EXPRESSIONS, direction, random_expression
from inference_core.training.export import export_landmarks
from inference_core.training.train_landmarks import crops

POINTS = np.array([[90, 100], [150, 104], [118, 130], [97, 160], [140, 163], [115, 190.0]])


@pytest.mark.parametrize("degrees", [(0, 0, 0), (30, -12, 8), (-25, 15, -20)])
def test_angles_are_read_back(degrees):
    assert angles(rotation(*degrees)) == pytest.approx(degrees, abs=1e-6)


def test_the_model_turns_heads_as_the_renderer_does():
    flip = np.diag([1, -1, 1])  # the renderer's y points up, the model's down
    there = flip @ rotation(20, -10, 15) @ flip
    here = model_rotation(torch.tensor([[20.0, -10.0, 15.0]]))[0].numpy()
    assert here == pytest.approx(there, abs=1e-5)


def test_training_crops_where_the_aligner_crops():
    centre, half, turn = canonical_crop(POINTS)
    square = canonical(POINTS)
    assert (square.x, square.y) == pytest.approx(tuple(centre))
    assert square.side == pytest.approx(2 * half)
    assert np.degrees(np.arctan2(square.right_y, square.right_x)) == pytest.approx(turn)


def test_a_cropped_camera_makes_the_face_upright_and_centred():
    eye = np.array([0, 0, 2.0])
    camera = Camera(perspective(25) @ look_at(eye, np.zeros(3)), eye)
    tilt = rotation(0, 0, 18)
    face = np.array([[-3, 4, 0], [3, 4, 0], [0, 0, 3], [-2.5, -3, 0], [2.5, -3, 0], [0, -7, 0]])
    face = face * 0.01 @ tilt.T + [0.05, 0.02, 0]
    crop = cropped(camera, *canonical_crop(camera.project(face)))
    centre, half, turn = canonical_crop(crop.project(face))
    assert crop.turn == pytest.approx(18, abs=1)
    assert turn == pytest.approx(0, abs=1e-6)
    assert centre == pytest.approx([0, 0], abs=1e-6)
    assert half == pytest.approx(1)


def test_left_is_the_portraits_own_left():
    assert set(direction("blink_left")) == {"LeyeClose"}
    assert set(direction("blink_right")) == {"ReyeClose"}


def test_random_expressions_stay_in_the_rigs_range():
    rng = np.random.default_rng(0)
    drawn = np.stack([random_expression(rng) for _ in range(300)])
    assert drawn.shape == (300, len(EXPRESSIONS))
    assert np.abs(drawn).max() < 2.7
    assert (np.abs(drawn) > 0.2).any(0).all()  # every axis is exercised


def test_looks_change_the_picture_and_not_its_range():
    rng = torch.Generator().manual_seed(0)
    pictures = torch.rand(4, 2, 3, 64, 64, generator=rng)
    graded = grade(pictures, rng)
    assert 0 <= graded.min() < graded.max() <= 1
    for treat in (degrade, occlude):
        treated = treat(graded.flatten(0, 1), rng)
        assert 0 <= treated.min() < treated.max() <= 1
        assert treated.shape == (8, 3, 64, 64)


def test_eyes_in_the_shade_are_dark_and_nothing_else_is():
    pictures, eyes = torch.full((40, 3, 64, 64), 0.8), torch.zeros(40, 32, 32)
    eyes[:, 10:14, 10:16] = 1
    shaded = shade_eyes(pictures, eyes, torch.Generator().manual_seed(0))
    assert torch.equal(shaded[..., 40:, :], pictures[..., 40:, :])
    dark = (shaded[:, 0, 24, 25] < 0.75).float().mean()
    assert 0.15 < dark < 0.4


def test_landmarks_follow_their_crops():
    rng = torch.Generator().manual_seed(0)
    points = torch.tensor(POINTS / 128 - 1, dtype=torch.float32)[None].repeat(8, 1, 1)
    pictures = torch.zeros(8, 3, 256, 256)
    for x, y in POINTS.astype(int):
        pictures[:, :, y - 3 : y + 4, x - 3 : x + 4] = 1
    images, local, face = crops(pictures, points, rng, empty=0.0)
    at = torch.nn.functional.grid_sample(images, local[:, :, None], align_corners=False)
    assert face.all()
    assert at.mean() > 0.9  # where the crop says a landmark is, its mark is


def test_checkpoints_restore_everything(tmp_path):
    net = torch.nn.Linear(3, 2)
    average, optimiser = checkpoint.Average(net, 0.9), torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    average.update(net, 10)
    checkpoint.save(tmp_path / "c.safetensors", net, average, optimiser, 7)
    other = torch.nn.Linear(3, 2)
    fresh, started = checkpoint.Average(other, 0.9), torch.optim.AdamW(other.parameters())
    assert checkpoint.load(tmp_path / "c.safetensors", other, fresh, started) == 7
    assert torch.equal(other.weight, net.weight)
    assert torch.equal(fresh.tensors["weight"], average.tensors["weight"])
    assert torch.equal(
        started.state_dict()["state"][0]["exp_avg"], optimiser.state_dict()["state"][0]["exp_avg"]
    )


def test_an_exported_network_says_what_pytorch_says(tmp_path):
    torch.manual_seed(0)
    found = export_landmarks(LandmarkNet(), tmp_path, torch.rand(1, 3, 128, 128))
    assert found["landmarks.onnx"] < 0.01
    model = onnx.load(tmp_path / "landmarks.onnx")
    half = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT16]
    assert half  # stored at half precision, computed at full
