# SPDX-License-Identifier: GPL-3.0-or-later
"""The measures agree with others' on known cases, and are zero where nothing differs."""

import numpy as np
import pytest

from inference_core.evaluation import metrics
from inference_core.evaluation.judge import FACE, MOUTH, Judge, JudgeMissingError, Seen


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 50, 3)).astype(np.uint8)


def reference_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """The definition written out, window by window."""
    values = []
    for band in range(3):
        for top in range(x.shape[0] - 6):
            for left in range(x.shape[1] - 6):
                a = x[top : top + 7, left : left + 7, band].astype(float).ravel()
                b = y[top : top + 7, left : left + 7, band].astype(float).ravel()
                (va, both), (_, vb) = np.cov(a, b)
                c1, c2 = 2.55**2, 7.65**2
                upper = (2 * a.mean() * b.mean() + c1) * (2 * both + c2)
                values.append(upper / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (va + vb + c2)))
    return float(np.mean(values))


def test_ssim_is_its_definition():
    one = noise(0)
    other = np.clip(one * 0.8 + noise(1) * 0.2, 0, 255).astype(np.uint8)
    assert metrics.ssim(one, other) == pytest.approx(reference_ssim(one, other), abs=1e-9)
    assert metrics.ssim(one, one) == pytest.approx(1)


def test_psnr_of_known_errors():
    black = np.zeros((16, 16, 3), np.uint8)
    assert metrics.psnr(black, black) == float("inf")
    assert metrics.psnr(black, np.full_like(black, 255)) == pytest.approx(0)
    assert metrics.psnr(black, np.ones_like(black)) == pytest.approx(20 * np.log10(255))


def test_landmark_distance_ignores_where_the_face_is_but_not_its_size():
    face = np.random.default_rng(0).normal(0, 30, (3, 68, 2))
    assert metrics.landmark_distance(face, face + np.array([7, -4])) == pytest.approx(0)
    centred = face - face.mean(1, keepdims=True)
    away = np.linalg.norm(centred * 0.1, axis=2).mean()
    assert metrics.landmark_distance(face, face * 1.1) == pytest.approx(away)


def test_frames_without_a_face_are_left_out():
    face = np.random.default_rng(0).normal(0, 30, (2, 20, 2))
    lost = face.copy()
    lost[1] = np.nan
    assert metrics.landmark_distance(face, lost) == pytest.approx(0)


def test_slope_and_r():
    asked = np.array([-25, 0, 10, 25])
    slope, r = metrics.slope_and_r(asked, 0.8 * asked + 3)
    assert slope == pytest.approx(0.8)
    assert r == pytest.approx(1)
    assert all(np.isnan(metrics.slope_and_r(asked, np.ones(4))))


def test_an_even_move_has_no_jitter():
    assert metrics.jitter(np.arange(9.0)[:, None] * [1, -2]) == pytest.approx(0)
    assert metrics.jitter(np.array([0, 1, 0, 1.0])) == pytest.approx(2)


def test_the_judge_tells_a_turn_from_landmarks():
    rng = np.random.default_rng(3)
    rest = rng.normal(0, 40, (478, 3))
    angle = np.radians(20)
    # Image axes are right, down, away: a turn to the image's right carries the nose (z < 0) there.
    about_y = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0],
                        [np.sin(angle), 0, np.cos(angle)]])  # fmt: skip
    nose = about_y @ [0, 0, -1]
    assert nose[0] > 0
    yaw, pitch, roll = Seen(np.stack([rest, rest @ about_y.T + 5])).pose()[1]
    assert yaw == pytest.approx(20)
    assert abs(pitch) < 1e-6
    assert abs(roll) < 1e-6


def test_the_lists_of_landmarks_are_whole():
    assert len(FACE) == len(set(FACE)) == 68
    assert FACE[48:] == MOUTH


def test_a_folder_without_a_judge_is_said(tmp_path):
    with pytest.raises(JudgeMissingError, match="mediapipe"):
        Judge(tmp_path)
    with pytest.raises(JudgeMissingError, match="face_landmark"):
        Judge(None)
