# SPDX-License-Identifier: GPL-3.0-or-later
"""Offset and confidence of mouths against sounds, on clips whose answer is known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from inference_core.evaluation import lip_sync
from inference_core.evaluation.clips import Clip
from inference_core.evaluation.lip_sync import FRAMES, SHIFTS
from inference_core.evaluation.witnesses import FOLDER, SyncWitness, facts
from inference_core.protocol.controls import VISEMES
from inference_core.runtime.align import Square, canonical, cut
from inference_core.training.mouth_crop import HEIGHT, WIDTH
from inference_core.training.sync import mouth_crops

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(len(VISEMES), 64))


def code(content: np.ndarray) -> np.ndarray:
    found = (content @ CODES).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


class Knowing:
    """A witness that reads the content off the first pixels of a mouth."""

    def mouths(self, pictures: np.ndarray) -> np.ndarray:
        return code(pictures[:, 0, : len(VISEMES), 0] / 255)

    def sounds(self, content: np.ndarray) -> np.ndarray:
        return code(content)


def pictures_of(content: np.ndarray) -> np.ndarray:
    pictures = np.zeros((len(content), HEIGHT, WIDTH, 3), np.uint8)
    pictures[:, 0, : len(VISEMES), 0] = np.round(content * 255)
    return pictures


def test_babble_is_speech_of_the_same_seed_always():
    one, again = (lip_sync.babble(np.random.default_rng(3), 75) for _ in range(2))
    assert np.array_equal(one, again)
    assert one.shape == (75, len(VISEMES))
    assert np.allclose(one.sum(1), 1, atol=1e-5)
    assert one[:2, 0].min() > 0.5  # silence first
    many = lip_sync.babble(np.random.default_rng(4), 1500)
    assert (many.max(0) > 0.5)[: VISEMES.index("oh")].sum() > 10
    assert many[:, VISEMES.index("PP")].max() > 0.99


@pytest.mark.parametrize("late", [0, 3, -4])
def test_a_shifted_mouth_is_found_where_it_was_shifted_to(late):
    heard = code(lip_sync.babble(np.random.default_rng(1), 100))
    seen = np.roll(heard, late, 0)
    found = lip_sync.scores(seen, heard)
    assert found.offset == late
    assert found.distance < 0.01
    assert found.confidence > 0.3


def test_mouths_that_follow_nothing_are_not_confident():
    heard, seen = (code(lip_sync.babble(np.random.default_rng(n), 300)) for n in (5, 6))
    assert lip_sync.scores(seen, heard).confidence < 0.15


def test_clips_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match="too short"):
        lip_sync.distances(*np.zeros((2, SHIFTS, 64), np.float32))


def test_mouths_lie_where_the_expert_learnt_them():
    y, x = np.mgrid[0:256, 0:256]
    picture = np.stack([x, y, (x + y) / 2], 2).astype(np.uint8)
    points = np.array([[90, 100], [150, 92], [128, 125], [105, 152], [145, 147], [132, 190.0]])
    square = lip_sync.mouth_square(canonical(points))
    edge = (WIDTH - HEIGHT) // 2
    from PIL import Image

    crop = np.asarray(cut(Image.fromarray(picture), square, WIDTH))[edge : edge + HEIGHT]
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    other = mouth_crops(tensor, torch.from_numpy(points[None] / 128 - 1))[0].permute(1, 2, 0)
    assert np.abs(crop - other.numpy()).max() < 2


def person(name: str, content: np.ndarray, truth: np.ndarray | None):
    square = Square(128, 128, 256)
    track = np.zeros((1 + len(content), 19), np.float32)
    speech = None
    if truth is not None:
        said = np.concatenate([content[:1], content])
        speech = Clip(pictures_of(np.concatenate([truth[:1], truth])), track, said, 0)
    return SimpleNamespace(name=name, portrait=SimpleNamespace(square=square), speech=speech)


def bench_of(rendered, samples, late: int, blur: float = 0.0):
    def frames(_, __, content):
        mixed = (1 - blur) * content + blur * content.mean(0)
        return pictures_of(np.roll(mixed, late, 0))

    return SimpleNamespace(
        sync=Knowing(), rendered=rendered, samples=samples, frames=frames, quick=False, strips=[],
        engine=SimpleNamespace(pack=None),
    )  # fmt: skip


@pytest.fixture
def as_they_are(monkeypatch):
    monkeypatch.setattr(lip_sync, "mouths", lambda _, pictures, __: pictures)


@pytest.mark.parametrize(
    ("late", "blur", "met"), [(0, 0.0, True), (2, 0.0, False), (0, 0.95, False)]
)
def test_the_row_sees_late_and_mumbling_mouths(as_they_are, late, blur, met):
    content = lip_sync.babble(np.random.default_rng(2), FRAMES)
    bench = bench_of([person("she", content, content)], [], late, blur)
    (row,) = lip_sync.measure(bench)
    assert row.met is met
    assert row.numbers["made"][0]["offset"] == late
    assert row.numbers["true"][0]["offset"] == 0
    assert "the true clips" in row.figure
    assert bench.strips[0].pictures.shape == (FRAMES, HEIGHT, 2 * WIDTH, 3)


def test_samples_have_no_truth_beside_them(as_they_are):
    bench = bench_of([], [person("he", np.zeros((1, 15)), None)], 0)
    missing, row = lip_sync.measure(bench)
    assert "unavailable" in missing.figure
    assert row.met is None
    assert row.numbers["made"][0]["offset"] == 0
    assert not row.numbers["true"]


def test_without_the_witness_the_row_says_so():
    nothing: Any = SimpleNamespace(sync=None)
    (row,) = lip_sync.measure(nothing)
    assert "witnesses/sync.onnx" in row.figure


def test_the_shipped_witness_knows_open_mouths_from_closed_ones():
    assert (FOLDER / "sync.onnx").stat().st_size < 1_000_000
    known = facts()["sync"]
    assert known["pairs"] > 0.7
    assert known["person"] > known["person_chance"]
    witness = SyncWitness()
    mouths = RNG.integers(0, 255, (3, HEIGHT, WIDTH, 3)).astype(np.uint8)
    seen, heard = witness.mouths(mouths), witness.sounds(np.eye(len(VISEMES), dtype=np.float32))
    assert np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-3)
    assert np.allclose(np.linalg.norm(heard, axis=1), 1, atol=1e-3)
    # Sounds with the same mouth lie together, open and shut ones apart.
    near = heard @ heard.T
    aa, e, pp = (VISEMES.index(name) for name in ("aa", "E", "PP"))
    assert near[aa, e] > near[aa, pp]
