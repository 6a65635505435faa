# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice's measures agree with their definitions on speech whose answer is known."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.evaluation.voice import hard_cases, rows, seen, speed, synthetic
from inference_core.evaluation.voice.agreement import NOTHING, compare
from inference_core.evaluation.voice.plot import plot
from inference_core.evaluation.voice.recordings import Recording, joined, plain_words
from inference_core.runtime.mouth import viseme_weights
from inference_core.runtime.pack import DEFAULT
from inference_core.runtime.phones import INDEX, PHONES
from inference_core.runtime.voice import Heard


def phones(*said: tuple[str, float]) -> np.ndarray:
    """Rows from (name, end)."""
    starts = [0.0, *(end for _, end in said)]
    return np.array([[s, e, INDEX[n]] for s, (n, e) in zip(starts, said, strict=False)])


SAID = phones(("sil", 0.2), ("m", 0.3), ("a", 0.5), ("n", 0.6), ("p", 0.7), ("i", 0.9), ("sil", 1))


def shut_of(said: np.ndarray) -> np.ndarray:
    return viseme_weights(said, 50)[:, 1] > 0.5


def test_the_same_account_agrees_fully() -> None:
    found = compare(SAID, shut_of(SAID), SAID, 50)
    assert found.phone_share == found.viseme_share == found.shut_share == 1
    assert found.boundary_error == 0
    assert found.found_share == 1
    assert found.false_share == 0
    both = found + found + NOTHING
    assert (both.frames, both.lips, len(both.boundary_errors)) == (100, 4, 12)


def test_a_late_account_is_late_and_a_wrong_one_wrong() -> None:
    late = SAID.copy()
    late[1:, 0] += 0.03
    late[:-1, 1] += 0.03
    found = compare(late, shut_of(late), SAID, 50)
    assert found.boundary_error == pytest.approx(0.03)
    assert 0.6 < found.viseme_share < 0.95
    wrong = phones(("sil", 0.2), ("n", 0.3), ("m", 0.5), ("n", 0.6), ("k", 0.7), ("i", 1))
    found = compare(wrong, shut_of(wrong), SAID, 50)
    assert found.shut_share == 0.5
    wrong[2, 2] = INDEX["a"]
    wrong[5, 2] = INDEX["p"]
    found = compare(wrong, shut_of(wrong), SAID, 50)
    assert found.shut_share == 0.5
    assert found.false_share > 0.15


def test_a_shift_is_found_with_its_sign() -> None:
    rng = np.random.default_rng(0)
    track = np.convolve(rng.normal(0, 1, 120), np.hanning(7), "same")
    late = np.concatenate([np.zeros(3), track[:-3]])
    shift, r = seen.best_shift(track, late)
    assert shift == 3
    assert r == pytest.approx(1)
    assert seen.best_shift(late, track)[0] == -3
    late[20:30] = np.nan
    assert seen.best_shift(track, late)[0] == 3


def spoken(mouth: np.ndarray) -> seen.Spoken:
    gap = mouth[:, 0, 1]
    return seen.Spoken(gap, mouth, np.zeros((len(gap), 1, 1, 3), np.uint8), 0.0, 1.0)


def test_a_mood_that_only_holds_the_mouth_elsewhere_changes_no_motion() -> None:
    rng = np.random.default_rng(1)
    mouth = np.cumsum(rng.normal(0, 1, (40, 20, 2)), 0)
    changed, late = seen.bent(spoken(mouth), spoken(mouth + rng.normal(0, 5, (1, 20, 2))))
    assert changed < 1e-9
    assert late > 0.5
    assert seen.bent(spoken(mouth), spoken(mouth[::-1]))[0] > late


def buzz(seconds: float, hertz: float) -> np.ndarray:
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (0.05 * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 20))).astype("f4")


def test_hard_cases_are_what_their_names_say() -> None:
    from inference_core.runtime.intonation import pitch_of

    sound = buzz(2.0, 120)
    quick = hard_cases.faster(sound, 2.0)
    assert abs(len(quick) - len(sound) / 2) < 1200
    pitch = pitch_of(quick)
    assert np.median(pitch[pitch > 0]) == pytest.approx(120, rel=0.03)
    whisper = hard_cases.whispered(sound, np.random.default_rng(0))
    assert (pitch_of(whisper) > 0).mean() < 0.05
    cases = hard_cases.sounds(sound)
    assert all(np.isfinite(samples).all() for samples, _ in cases.values())
    assert not cases["silence"][0].any()
    assert {name for name, (_, speaks) in cases.items() if not speaks} == {
        "silence", "white noise", "low noise", "music: chords on a beat",
    }  # fmt: skip


def test_recordings_are_joined_with_their_phones() -> None:
    part = Recording("a", np.ones(16_000, np.float32), SAID)
    whole = joined([part, part], "both", pause=0.5)
    assert len(whole.samples) == 48_000
    assert np.allclose(whole.phones[len(SAID) :, :2], SAID[:, :2] + 1.5)
    assert len(whole.lips) == 4
    assert plain_words("Don't wait - 'the Sky-blue' one!") == "don't wait 'the sky blue' one"


def test_the_plot_shows_wave_phones_opening_and_keys(tmp_path: Path) -> None:
    content = viseme_weights(SAID, 50)
    heard = Heard(SAID, content, np.zeros(50, np.float32))
    keys = plot(buzz(1.0, 150), heard, SAID, tmp_path / "plot.png", np.linspace(0, 1, 25))
    assert 3 < keys < 40
    picture = np.asarray(Image.open(tmp_path / "plot.png").convert("RGB")).reshape(-1, 3)
    colours = {tuple(colour) for colour in np.unique(picture, axis=0)}
    for colour in ((0x40, 0x60, 0xA0), (0xF0, 0xA0, 0xA0), (0xD0, 0x80, 0), (0x30, 0x60, 0xD0)):
        assert colour in colours


def test_our_own_time_and_memory_are_measured() -> None:
    told = speed.measure("ours", buzz(6.0, 140), DEFAULT)
    assert told["cpu"] > 0
    assert 30 < told["megabytes"] < 2000
    assert told["phones"][-1][1] == pytest.approx(6.0)


LISTENER = """
import json, sys
samples = open(sys.argv[1], "rb").read()
told = {"cpu": 1.0, "wall": 2.0, "megabytes": len(samples)}
print("loading")
print(json.dumps({**told, "phones": [[0, 0.5, "sil"], [0.5, 1, "m"]]}))
"""


def test_another_tool_gets_the_samples_and_names_phones(tmp_path: Path) -> None:
    script = tmp_path / "listener.py"
    script.write_text(LISTENER, "utf-8")
    tool = speed.Tool("another", (sys.executable, str(script)), raw=True)
    told = speed.measure(tool, np.zeros(16_000, np.float32), DEFAULT)
    assert told["megabytes"] == 64_000
    assert told["phones"] == [[0, 0.5, INDEX["sil"]], [0.5, 1, INDEX["m"]]]


def test_a_folder_of_a_lip_sync_tool_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no lip-sync tool"):
        speed.tool_in(tmp_path)
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.touch()
    assert speed.tool_in(tmp_path).name == "pyLipSync"
    package = tmp_path / "node_modules/@met4citizen/headaudio"
    package.mkdir(parents=True)
    tool = speed.tool_in(tmp_path)
    assert tool.name == "HeadAudio"
    assert tool.command[-1] == str(package)


def test_without_recordings_the_rows_say_what_they_need() -> None:
    from inference_core.evaluation.bench import Bench
    from inference_core.runtime.engine import Engine

    engine = Engine(DEFAULT, 1)
    bench = Bench(engine, [], [], None, None, None, quick=True)
    for given in (None, rows.Material(None, [])):
        found = rows.measure(bench, given, Path("nowhere"))
        assert "unavailable" in found[-1].figure
        assert found[-1].met is None


def test_unseen_voices_are_counted_with_and_without_the_scot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = pytest.importorskip("inference_core.training.voice.corpus")

    class HearsOnlyS:
        def run(self, output_names: list[str], feed: dict[str, np.ndarray]) -> list[object]:
            posteriors = np.full(
                (1, feed["samples"].shape[1] // 320, len(PHONES)), 1e-4, np.float32
            )
            posteriors[..., INDEX["s"]] = 0.9
            return [posteriors]

    def write(folder: Path, seed: int, share: float) -> None:
        pcm = np.random.default_rng(seed).normal(0, 3000, 32000).astype("<i2")
        for part in corpus.UNSEEN_PARTS:
            (folder / f"{part}.pcm").write_bytes(pcm.tobytes())
            said = [(0, "awb", "f"), (16000, "us+f4", "s")]
            table = [
                {"at": at, "n": 16000, "speaker": who, "phones": [[0, 1, INDEX[phone]]]}
                for at, who, phone in (said if part == "unseen_voice" else said[1:])
            ]
            (folder / f"{part}.json").write_text(json.dumps(table))

    monkeypatch.setattr(corpus, "write_unseen", write)
    found = synthetic.measure(HearsOnlyS(), quick=False)
    assert found is not None
    assert list(found) == ["unseen_voice", "without_scot", "unseen_language"]
    assert found["unseen_voice"]["visemes"] == pytest.approx(0.5)
    assert found["without_scot"]["phones"] == found["unseen_language"]["phones"] == 1
    assert found["unseen_voice"]["seconds"] == 2
