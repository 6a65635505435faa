# SPDX-License-Identifier: GPL-3.0-or-later
"""The experiment of `verify`: its numbers, its model, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.provenance import origin, traces, verify
from inference_core.provenance.look import CannotLookError, following
from inference_core.provenance.origin import Alike
from inference_core.provenance.watermark import Watermark
from inference_core.runtime.align import Square
from inference_core.runtime.likeness import Likeness
from inference_core.training.origin import train
from inference_core.training.origin.films import Film
from tests.fixtures.faces import draw_face

SQUARE = Square(200, 190, 180)


def film(seed: int, resampled: bool) -> list[np.ndarray]:
    """Frames of grain, whose middle moves; resampled or shifted by whole pixels."""
    rng = np.random.default_rng(seed)
    still = rng.normal(120, 12, (400, 400, 3)).clip(0, 255).astype(np.uint8)
    frames = []
    for number in range(4):
        frame = still.copy()
        part = Image.fromarray(still[110:270, 120:280])
        by = number * (0.5 if resampled else 1.0)
        moved = part.transform(part.size, Image.Transform.AFFINE, (1, 0, by, 0, 1, by),
                               Image.Resampling.BILINEAR)  # fmt: skip
        frame[110:270, 120:280] = moved
        frames.append(frame)
    return frames


def test_numbers_are_the_same_every_time_and_of_the_size_they_say() -> None:
    frames = film(0, True)
    first = origin.numbers_of(frames, SQUARE)
    assert first.shape == (traces.PICTURE + traces.MOTION,)
    assert np.array_equal(first, origin.numbers_of(frames, SQUARE))
    assert np.isfinite(first).all()
    assert origin.numbers_of(frames[:1], SQUARE).shape == (traces.PICTURE,)


def test_a_region_that_is_too_small_says_nothing() -> None:
    tight = film(1, True)[0][110:270, 120:280]
    numbers = traces.of_picture(tight, replace(SQUARE, x=80.0, y=80.0))
    known = np.isfinite(numbers)
    assert known[: traces.SPECTRUM].all()
    assert not known[traces.SPECTRUM : 2 * traces.SPECTRUM].any()
    assert known[2 * traces.SPECTRUM :].tolist() == [True] * 4 + [False] * 4
    model = origin.Model(*(np.ones(traces.PICTURE, np.float32),) * 3, bias=0.5, limit=0.0)
    assert np.isfinite(model.score(numbers))


def test_a_picture_without_anything_in_it_has_numbers_too() -> None:
    flat = np.full((400, 400, 3), 90, np.uint8)
    with np.errstate(all="raise"):
        numbers = origin.numbers_of([flat] * 4, SQUARE)
    assert np.isfinite(numbers).all()


def test_what_stands_still_is_told_from_what_moves() -> None:
    motion = traces.of_motion(film(2, False), SQUARE)
    assert motion[0] < 0.3, "the middle moves"
    assert (motion[4:] == 1).all(), "far from it nothing does"


def test_numbers_do_not_depend_on_where_in_a_region_something_is() -> None:
    frame = film(3, False)[0]
    mixed = frame.copy()
    # The surroundings change places, a block for a block.
    mixed[:40, :200], mixed[:40, 200:] = frame[:40, 200:], frame[:40, :200]
    one, other = traces.of_picture(frame, SQUARE), traces.of_picture(mixed, SQUARE)
    spectra = slice(0, 2 * traces.SPECTRUM)
    assert np.abs(one[spectra] - other[spectra]).max() < 0.02


def test_training_tells_resampled_from_shifted_and_its_limit_is_above_the_others() -> None:
    samples = []
    for person in range(20):
        for kind in ("made", "filmed"):
            frames = film(10 + person, kind == "made")
            numbers = origin.numbers_of(frames, SQUARE)
            picture = origin.numbers_of(frames[-1:], SQUARE)
            samples.append(train.Sample(str(person), kind, "none", numbers, picture))
    for which in ("picture", "film"):
        model = train.trained(samples, which)
        scores = {kind: [model.score(getattr(one, which)) for one in samples if one.kind == kind]
                  for kind in ("made", "filmed")}  # fmt: skip
        assert min(scores["made"]) > max(scores["filmed"])
        assert np.mean(np.array(scores["made"]) >= model.limit) > 0.9


def test_films_that_were_not_made_have_a_true_first_frame() -> None:
    frames = np.stack(film(4, False))
    rng = np.random.default_rng(0)
    kinds = train.variants(Film(frames, frames, 256), SQUARE, rng)
    assert set(kinds) == set(train.KINDS)
    assert np.array_equal(kinds["filmed"][2], frames[2])
    pasted = kinds["pasted by others"]
    assert np.array_equal(pasted[3][:60], frames[0][:60]), "the surroundings are the still ones"
    assert not np.array_equal(pasted[3][150:250, 150:250], frames[0][150:250, 150:250])


def test_the_shipped_model_is_small_and_whole() -> None:
    assert origin.WEIGHTS.stat().st_size < 300_000
    models = origin.models()
    assert models["picture"].weights.shape == (traces.PICTURE,)
    assert models["film"].weights.shape == (traces.PICTURE + traces.MOTION,)
    assert all(np.isfinite(model.weights).all() for model in models.values())
    assert origin.pack()


def test_verify_says_it_is_an_experiment_and_marks_come_first(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    draw_face().save(path)
    asked = []

    def experiment(pictures: Sequence[np.ndarray]) -> Alike:
        asked.append(len(pictures))
        return Alike(3.0, 1.0, len(pictures), "some pack")

    report = verify.verify(path, experiment=experiment)
    assert asked == [1]
    assert report.verdict == verify.ALIKE
    assert "experiment" in report.verdict
    assert not report.evidence, "an experiment is no evidence"
    assert "experiment: it looks as the pack some pack makes them, score 3.0" in report.lines[2]
    assert report.facts["experiment"]["alike"] is True

    def unlike(pictures: Sequence[np.ndarray]) -> Alike:
        return Alike(0.0, 1.0, len(pictures), "some pack")

    other = verify.verify(path, experiment=unlike)
    assert other.verdict == verify.NOTHING
    assert "looks not as" in other.lines[2]


def test_what_has_a_mark_is_asked_on_request_only(tmp_path: Path) -> None:
    values = np.array(draw_face())
    Watermark(0, 0, values.shape[1], values.shape[0]).mark(values)
    Image.fromarray(values).save(tmp_path / "marked.png")

    def experiment(pictures: Sequence[np.ndarray]) -> Alike:
        return Alike(3.0, 1.0, len(pictures), "some pack")

    report = verify.verify(tmp_path / "marked.png", experiment=experiment)
    assert (report.verdict, len(report.lines)) == (verify.MARKED, 2)
    report = verify.verify(tmp_path / "marked.png", experiment=experiment, always=True)
    assert (report.verdict, len(report.lines)) == (verify.MARKED, 3)


def test_without_a_face_the_experiment_says_why_it_did_not_look(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (300, 300), (90, 90, 90)).save(path)
    report = verify.verify(path, experiment=Likeness())
    assert report.verdict == verify.NOTHING
    assert "no face" in report.lines[2]
    with pytest.raises(CannotLookError, match="pack"):
        Likeness(tmp_path)([np.zeros((99, 99, 3), np.uint8)])


def test_a_face_is_found_and_compared(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "samples" / "portrait.png"
    pictures = [np.asarray(image) for image in following(path, 8)]
    found = Likeness()(pictures)
    assert found.pictures == 1
    assert np.isfinite(found.score)
