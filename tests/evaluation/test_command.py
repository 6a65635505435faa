# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate --quick` on the default pack: what can be measured is, what lacks something says so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inference_core.evaluation import clips, report
from inference_core.evaluation.bench import FPS, ROW, Row, _voice, saying, states
from inference_core.evaluation.emotion_witness import probabilities
from inference_core.evaluation.witnesses import CLASSES, FOLDER, IdentityWitness, facts
from inference_core.protocol.controls import INDEX
from inference_core.runtime.voice import at_frames

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluate")
    command = [sys.executable, "-m", "inference_core", "evaluate", "--quick", "--out", str(out)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    return out, result


def test_the_table_is_printed_with_goals(done):
    _, result = done
    assert result.returncode == 0, result.stderr
    for words in ("figure", "goal", "> 35 dB", "mediapipe==0.10.21", "--data"):
        assert words in result.stdout


def test_figures_are_numbers_and_the_rest_is_named(done):
    out, _ = done
    rows = json.loads((out / "figures.json").read_text("utf-8"))["rows"]
    by_name = {row["what"]: row for row in rows}
    rest = by_name["portrait's own state asked for: the portrait comes back"]
    assert rest["met"] == (rest["numbers"]["portrait"] > 35)
    assert rest["numbers"]["portrait"] > 25
    assert by_name["flicker on a still shot, mean second difference"]["met"]
    yaw = by_name["asked yaw against seen, -25 to 25"]
    assert yaw["met"] is None
    assert yaw["figure"].startswith("unavailable (needs mediapipe==0.10.21")


def test_the_page_needs_nothing_beside_it(done):
    out, _ = done
    page = (out / "report.html").read_text("utf-8")
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) > 10
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert not re.search(r'(href|src)="https?:', page)


def test_an_unreadable_portrait_folder_is_an_error_of_one_line(tmp_path):
    command = [sys.executable, "-m", "inference_core", "evaluate", "--quick", "--out",
               str(tmp_path), "--portraits", str(tmp_path / "nowhere")]  # fmt: skip
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_content_arrives_at_frames_as_it_was_given():
    content = saying({"aa": 1}, {"PP": 1}, {}, {"ou": 0.5, "aa": 0.2})
    voice = _voice(content)
    assert np.allclose(at_frames(voice.content, FPS, len(content), ROW), content, atol=1e-6)


def test_states_name_what_differs_from_rest():
    track = states({}, {"yaw": -20, "happy": 1})
    assert track[1, INDEX["yaw"]] == -20
    assert track[1, INDEX["happy"]] == 1
    assert track[0, INDEX["zoom"]] == 1


def test_clips_survive_their_file_and_talk_within_ranges(tmp_path):
    track, content = clips.talking(np.random.default_rng(1), 12)
    assert content.min() > -1e-6
    assert np.allclose(content.sum(1), 1)
    assert np.abs(track[:, INDEX["yaw"]]).max() <= 12
    assert track[:, INDEX["blink_left"]].max() == 1
    pictures = np.arange(12 * 4 * 4 * 3, dtype=np.uint8).reshape(12, 4, 4, 3)
    clip = clips.Clip(pictures, track, content, 5)
    path = clips.file_of(tmp_path, 3)
    clip.save(path)
    assert clips.missing(tmp_path, [2, 3]) == [2]
    again = clips.load(path)
    assert (again.pictures == pictures).all()
    assert again.pan == 5
    assert len(clips.pan_pictures(again)) == 5
    assert len(clips.pan_pictures(clips.Clip(pictures, track, content, 0))) == 0


def test_the_witness_of_identity_knows_a_picture_again():
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (2, 256, 256, 3)).astype(np.uint8)
    codes = IdentityWitness().identities(np.stack([faces[0], faces[0], faces[1]]))
    assert np.allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-3)
    assert codes[0] @ codes[1] > 0.999


def test_the_witness_of_emotion_says_neutral_where_nothing_moved():
    with np.load(FOLDER / "emotion.npz") as archive:
        fit = {name: archive[name].astype(float) for name in archive.files}
    answer = probabilities(np.zeros((1, fit["weights"].shape[0])), fit)[0]
    assert answer.sum() == pytest.approx(1)
    assert CLASSES[int(answer.argmax())] == "neutral"
    assert facts()["emotion"]["accuracy"] > 0.7


def test_infinite_figures_are_words_in_json():
    rows = [Row("a", "b", "c", "d", None, {"x": float("inf"), "y": [float("nan"), 1.5]})]
    numbers = json.loads(report.as_json(rows, {}))["rows"][0]["numbers"]
    assert numbers == {"x": "inf", "y": ["nan", 1.5]}


def test_a_bar_in_a_cell_does_not_break_the_table():
    text = report.as_markdown([Row("a|b", "on", "1", "2", True)])
    assert "a\\|b" in text
