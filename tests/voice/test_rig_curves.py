# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator's own rig gets: shapes, cues and few keys."""

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from inference_core.protocol.controls import VISEMES
from inference_core.protocol.face_shapes import ARKIT
from inference_core.runtime import decode
from inference_core.runtime.cli import main
from inference_core.runtime.decode import segments
from inference_core.runtime.mouth import PP, content_of_phones, viseme_weights
from inference_core.runtime.phones import INDEX, PHONES
from inference_core.runtime.rig_curves import Cue, arkit_of, cues_of
from inference_core.runtime.sparse_keys import Key, curve, keyed, sparse_keys, tolerance_of

VOICE_FILE = Path(__file__).parents[2] / "samples" / "voice.wav"


def test_the_shapes_of_the_mouth_follow_the_visemes() -> None:
    shapes = arkit_of(np.eye(len(VISEMES), dtype=np.float32))
    assert len(ARKIT) == len(set(ARKIT)) == shapes.shape[1] == 52
    jaw, pucker = shapes[:, ARKIT.index("jawOpen")], shapes[:, ARKIT.index("mouthPucker")]
    assert jaw[VISEMES.index("aa")] == jaw.max()
    assert jaw[VISEMES.index("PP")] == 0
    assert pucker[VISEMES.index("ou")] == pucker.max()
    assert (shapes[0] == 0).all()
    assert arkit_of(np.eye(len(VISEMES), dtype=np.float32), 9).max() == 1


def test_cues_join_and_leave_no_gap() -> None:
    said = [("sil", 0.2), ("h", 0.3), ("ɛ", 0.4), ("l", 0.5), ("o", 0.6), ("m", 0.7), ("b", 0.8)]
    rows, start = [], 0.0
    for name, end in [*said, ("h", 0.9)]:
        rows.append([start, end, float(INDEX[name])])
        start = end
    cues = cues_of(np.array(rows))
    assert [cue.shape for cue in cues] == ["X", "C", "H", "E", "A", "X"]
    assert cues[1] == Cue(0.2, 0.4, "C")
    assert all(a.end == b.start for a, b in itertools.pairwise(cues))


def test_phones_come_back_out_of_noisy_posteriors() -> None:
    rng = np.random.default_rng(1)
    wanted = [("sil", 20), ("m", 4), ("a", 9), ("p", 3), ("u", 8), ("sil", 20)]
    path = np.concatenate([[INDEX[name]] * count for name, count in wanted])
    posteriors = rng.random((len(path), len(PHONES))) * 0.02
    posteriors[np.arange(len(path)), path] += 0.6
    posteriors[26] = 1 / len(PHONES)  # one frame of doubt does not break a vowel
    found = segments([posteriors[:30], posteriors[30:]], len(posteriors))
    assert [PHONES[int(i)] for i in found[:, 2]] == [name for name, _ in wanted]
    ends = np.cumsum([count for _, count in wanted])
    assert np.abs(found[:, 1] * 50 - ends).max() < 0.5  # to the nearest frame, and finer
    assert (found[1:, 0] == found[:-1, 1]).all()
    assert segments([], 0).shape == (0, 3)


def test_a_boundary_inside_a_frame_is_found() -> None:
    posteriors = np.full((10, len(PHONES)), 1e-4)
    posteriors[:5, INDEX["a"]] = posteriors[5:, INDEX["m"]] = 0.95
    posteriors[5, [INDEX["a"], INDEX["m"]]] = 0.2, 0.75  # the fifth frame begins in /a/
    found = segments([posteriors], 10)
    assert 5.05 < found[1, 0] * 50 < 5.5


def test_hours_are_decided_block_by_block_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    posteriors = rng.dirichlet(np.full(len(PHONES), 0.15), 5000)
    blocks = segments([posteriors[:1234], posteriors[1234:]], 5000)
    monkeypatch.setattr(decode, "HELD", 10_000)
    assert np.array_equal(segments([posteriors], 5000), blocks)


def test_the_mouth_made_in_blocks_is_the_mouth_made_at_once() -> None:
    rng = np.random.default_rng(2)
    ends = np.cumsum(rng.uniform(0.04, 0.4, 260))
    phones = np.stack([np.r_[0, ends[:-1]], ends, rng.integers(0, len(PHONES), 260)], 1)
    frames = int(ends[-1] * 50)
    result = np.zeros((frames, len(VISEMES)), np.float32)
    content_of_phones(phones, result)
    assert frames > 2000
    assert np.abs(result - viseme_weights(phones, frames)).max() < 1e-4
    assert result[:, PP].max() > 0.99


@pytest.mark.parametrize("seed", range(4))
def test_keys_are_few_and_within_tolerance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots = rng.normal(0, 4, 14)
    track = np.interp(np.arange(300) / 25, np.arange(14), knots)
    track = np.convolve(np.pad(track, 10, "edge"), np.hanning(21) / np.hanning(21).sum(), "valid")
    keys = sparse_keys(track, 0.5)
    assert np.abs(curve(keys, 300) - track).max() <= 0.5
    assert len(keys) < 45
    assert [key.frame for key in keys] == sorted({key.frame for key in keys})


def test_cut_keys_play_the_same_curve() -> None:
    times = np.arange(400) / 25
    track = np.zeros((400, 19), np.float32)
    track[:, 0] = 6 * np.sin(2 * np.pi * 0.3 * times)
    track[:, 13] = np.abs(np.sin(times)) > 0.97
    track[:, 5] = 0.37
    whole, all_keys = keyed(track, 0, 400)
    part, keys = keyed(track, 61, 203)
    assert np.abs(part - whole[61:203]).max() < 1e-5
    for control in range(19):
        assert np.abs(whole[:, control] - track[:, control]).max() <= tolerance_of(control)
        mine = [Key(int(f), v, s) for c, f, v, s in keys.tolist() if c == control]
        assert mine[0].frame == 0
        assert mine[-1].frame in (0, 141)
        assert np.abs(curve(mine, 142) - part[:, control]).max() < 1e-5
    assert (keys[keys[:, 0] == 5][:, 2] == np.float32(0.37)).all()
    assert len(all_keys) < 100


def test_a_longer_track_keeps_the_keys_it_had() -> None:
    rng = np.random.default_rng(4)
    track = np.repeat(np.cumsum(rng.normal(0, 2, 60)), 12)
    track = np.convolve(track, np.hanning(15) / np.hanning(15).sum(), "same")
    short, long = sparse_keys(track[:500], 0.5), sparse_keys(track, 0.5)
    kept = {key for key in long if key.frame < 420}
    assert {key for key in short if key.frame < 420} == kept


def test_a_still_track_needs_one_key() -> None:
    assert len(sparse_keys(np.full(100, 3.0), 0.5)) == 1
    assert sparse_keys(np.zeros(0), 0.5) == []


def test_the_voice_command_writes_every_format(tmp_path: Path) -> None:
    for name in ("curves.csv", "curves.json", "cues.tsv"):
        assert main(["voice", str(VOICE_FILE), "--out", str(tmp_path / name), "--fps", "24"]) == 0
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    told = json.loads((tmp_path / "curves.json").read_text(encoding="utf-8"))
    assert told["frames"] == len(rows) == len(told["arkit"]["jawOpen"])
    assert len(told["arkit"]) == 52
    assert len(told["visemes"]) == 15
    jaw = [float(row["jawOpen"]) for row in rows]
    assert max(jaw) > 0.2
    assert np.allclose(jaw, told["arkit"]["jawOpen"], atol=1e-3)
    lines = (tmp_path / "cues.tsv").read_text().splitlines()
    times = [float(line.split("\t")[0]) for line in lines]
    assert times == sorted(times)
    assert {line.split("\t")[1] for line in lines} <= set("ABCDEFGHX")
    assert lines[-1].endswith("X")


def test_a_voice_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["voice", str(tmp_path / "no.wav"), "--out", str(tmp_path / "x.csv")]) == 1
    assert "[" in capsys.readouterr().err
