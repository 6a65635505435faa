# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a run's states the best, or the mean that is better, is shipped."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from inference_core.runtime.phones import PHONES
from inference_core.training.voice import checkpoint, soup
from inference_core.training.voice.batches import Corpus
from inference_core.training.voice.checkpoint import Progress, load_encoder
from inference_core.training.voice.encoder import EncoderSize, VoiceEncoder
from inference_core.training.voice.phones import Phone, as_rows
from inference_core.training.voice.train import Config, Run

TINY = EncoderSize(bands=16, channels=16, hidden=16, layers=1, heads=2, inner=16)


def state(*values: float) -> soup.Weights:
    return {"a": torch.tensor(values, dtype=torch.float32), "steps": torch.tensor(3)}


def near(*wanted: float) -> soup.Worth:
    return lambda weights: (
        -float((weights["a"] - torch.tensor(wanted, dtype=torch.float32)).square().sum())
    )


def test_a_mean_is_chosen_where_it_is_worth_more() -> None:
    states = {"one": state(1, 0), "two": state(0, 1), "bad": state(-5, -5)}
    choice = soup.greedy(states, near(0.5, 0.5))
    assert set(choice.names) == {"one", "two"}
    assert choice.weights["a"].tolist() == [0.5, 0.5]
    assert choice.weights["steps"].dtype == torch.int64
    assert choice.worth == 0
    assert "the mean of" in choice.line()


def test_one_state_is_chosen_where_every_mean_is_worth_less() -> None:
    states = {"one": state(1, 0), "two": state(0, 1), "best": state(0.5, 2)}
    choice = soup.greedy(states, near(0.5, 2))
    assert choice.names == ("best",)
    assert choice.line().startswith("best (")


def test_what_is_far_is_dull_and_noisy_and_stays_in_its_place() -> None:
    time = np.arange(16000) / 16000
    gate = (time > 0.4) & (time < 0.6)
    sound = (
        (np.sin(2 * np.pi * 300 * time) + np.sin(2 * np.pi * 6000 * time)) * gate * 0.1
    ).astype(np.float32)
    heard = soup.far(sound, 4)
    assert heard.dtype == np.float32
    assert np.array_equal(heard, soup.far(sound, 4))
    spectrum = np.abs(np.fft.rfft(heard[6400:9600]))
    assert spectrum[1200] < 0.05 * spectrum[60]  # 6000 Hz against 300 Hz
    loud = np.square(heard).reshape(-1, 320).mean(1)
    assert loud[20:30].min() > 10 * loud[:19].mean()


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A corpus of one buzz."""
    rng = np.random.default_rng(0)
    for part in ("train", "unseen_voice", "unseen_language"):
        pcm = np.round(rng.normal(0, 2000, 32000)).astype("<i2")
        phones = as_rows([Phone(0, 1, "s"), Phone(1, 2, "f")])
        (tmp_path / f"{part}.pcm").write_bytes(pcm.tobytes())
        (tmp_path / f"{part}.json").write_text(
            json.dumps([{"at": 0, "n": 32000, "speaker": "x", "phones": phones}])
        )
    return tmp_path


def always(name: str) -> soup.Weights:
    """An encoder that hears one phone whatever is said."""
    weights = VoiceEncoder(TINY).state_dict()
    weights["head.weight"] = torch.zeros_like(weights["head.weight"])
    weights["head.bias"] = torch.zeros_like(weights["head.bias"])
    weights["head.bias"][PHONES.index(name)] = 5.0
    return weights


def test_worth_is_the_share_of_right_visemes(spoken: Path) -> None:
    worth = soup.judge_of(TINY, Corpus(spoken, "unseen_voice"))
    assert worth(always("s")) == pytest.approx(0.5, abs=0.02)
    assert worth(always("m")) == 0


def test_the_run_writes_what_it_chose_from_the_states_it_kept(spoken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / soup.STATES).mkdir(parents=True)
    wrong, right = always("m"), always("s")
    for name, groups in (
        (soup.LAST, {"weights": wrong, "average": wrong}),
        (f"{soup.STATES}/step_000010.safetensors", {"average": right}),
    ):
        checkpoint.save(run / name, TINY, Progress(20, 60.0), groups)
    choice = soup.choose(run, spoken)
    assert choice.names[0] == "step_000010"
    encoder, progress = load_encoder(run / soup.CHOSEN)
    assert progress.step == 20
    assert torch.equal(encoder.state_dict()["head.bias"], choice.weights["head.bias"])


def test_a_run_begins_with_another_runs_encoder_and_keeps_states(
    spoken: Path, tmp_path: Path
) -> None:
    first = tmp_path / "first.safetensors"
    checkpoint.save(first, TINY, Progress(7, 1.0), {"average": always("s")})
    config = Config(
        corpus=str(spoken), out=str(tmp_path / "run"), start=str(first), size=TINY, batch=1,
        seconds=0.5, minutes=1e-9, bfloat16=False,
    )  # fmt: skip
    run = Run(config)
    assert run.progress.step == 0
    assert torch.equal(run.encoder.state_dict()["head.bias"], always("s")["head.bias"])
    run.go()
    assert set(soup.states_of(run.out)) == {"last", "average", "step_000000"}
    assert (run.out / soup.CHOSEN).exists()
    with pytest.raises(SystemExit, match="another size"):
        Run(Config(corpus=str(spoken), out=str(tmp_path / "other"), start=str(first)))
