# SPDX-License-Identifier: GPL-3.0-or-later
"""How marks are measured: the ROC figures on known answers, and the attacks on tiny clips."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.bench.attacks import ATTACKS, COLUMNS, FPS, Outcome, scores, speaking
from inference_core.bench.roc import auc, eer, interval_by_group, limit_for
from inference_core.bench.unmarked import parts
from inference_core.provenance.detector import THRESHOLD
from inference_core.provenance.watermark import Watermark
from inference_core.runtime.audio_file import read_audio
from inference_core.runtime.engine import Engine
from tests.fixtures.faces import draw_face, encoded
from tests.fixtures.tiny_pack import write_pack

SIDE = 300


def clip(marked: bool) -> list[Image.Image]:
    small = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    still = np.array(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    pictures = []
    for number in range(3):
        values = still.copy()
        values[100:160, 100:160] = np.roll(values[100:160, 100:160], 5 * number, 1)
        if marked:
            Watermark(0, 0, SIDE, SIDE).mark(values)
        pictures.append(Image.fromarray(values))
    return pictures


def test_auc_and_eer_on_known_answers() -> None:
    # scikit-learn's own example: y = 0 0 1 1.
    assert auc([0.1, 0.4], [0.35, 0.8]) == 0.75
    assert auc([1, 2], [3, 4]) == 1.0
    assert auc([1, 1], [1, 1]) == 0.5
    assert eer([1, 2, 3], [4, 5]) == 0.0
    assert eer([1, 3], [2, 4]) == 0.5


def test_the_limit_of_a_rate_is_met_by_the_largest_of_normal_deviates() -> None:
    rng = np.random.default_rng(0)
    largest = rng.normal(0, 1, (20_000, 200)).max(1)
    for rate in (1e-1, 1e-2, 1e-3):
        above = (largest > limit_for(largest, rate)).mean()
        assert above == pytest.approx(rate, rel=0.35)
    assert limit_for(largest, 1e-6) > largest.max()


def test_intervals_draw_whole_groups() -> None:
    groups = ["a"] * 50 + ["b"] * 50
    values = [1.0] * 50 + [0.0] * 50
    low, high = interval_by_group(groups, values, lambda x: float(x.mean()))
    assert (low, high) == (0.0, 1.0)


@pytest.mark.parametrize("name", ["none", "JPEG 50", "half size", "x264 crf 23", "colour grade"])
def test_marked_clips_are_found_after_an_attack_and_others_are_not(name: str) -> None:
    outcome = Outcome(
        name, ["a"], [scores(ATTACKS[name], clip(True))], [scores(ATTACKS[name], clip(False))]
    )
    assert max(outcome.marked[0]) >= THRESHOLD
    assert max(outcome.unmarked[0]) < THRESHOLD - 1
    line = outcome.line()
    assert len(line) == len(COLUMNS)
    assert line[1] == "1.0000"


def test_what_is_attacked_is_marked_as_frames_are(tmp_path: Path) -> None:
    engine = Engine(write_pack(tmp_path / "pack"))
    path = tmp_path / "face.png"
    path.write_bytes(encoded(draw_face()))
    voice = tmp_path / "voice.wav"
    with wave.open(str(voice), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    (spoken,) = speaking(engine, [path], [voice], 2, tmp_path / "clips")
    portrait = engine.prepare(path.read_bytes())
    heard = engine.listen(*read_audio(voice))
    track = engine.propose(portrait, heard, FPS, 2, seed=0)
    size = max(engine.pack.sizes)
    for mark in (True, False):
        frames = engine.generate(portrait, heard, FPS, track, size, mark=mark)
        for frame, picture in zip(frames, spoken.pictures(mark), strict=True):
            true = Image.open(io.BytesIO(frame.png)).convert("RGB")
            assert np.array_equal(np.asarray(true), np.asarray(picture))


def test_the_same_seed_cuts_the_same_parts(tmp_path: Path) -> None:
    for number, picture in enumerate(clip(False)):
        picture.save(tmp_path / f"{number}.png")
    first, again = (list(parts([tmp_path], 4, 3)) for _ in range(2))
    assert [np.asarray(a).tobytes() for _, a in first] == [
        np.asarray(b).tobytes() for _, b in again
    ]
    assert all(min(part.size) >= 200 for _, part in first)
