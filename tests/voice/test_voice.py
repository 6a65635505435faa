# SPDX-License-Identifier: GPL-3.0-or-later
"""Content comes at its right place, window by window, at any frame rate."""

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference_core.protocol.errors import SpeakError
from inference_core.runtime import voice
from inference_core.runtime.pack import DEFAULT, VOICE, Pack
from inference_core.runtime.phones import INDEX, PHONES
from inference_core.runtime.voice import (
    HOP,
    at_frames,
    content_of,
    loudness_of,
    posteriors_of,
    speech_level,
)


def loudness_network(path: Path, classes: int = len(PHONES)) -> ort.InferenceSession:
    """A network that hears /a/ where a frame is loud and silence elsewhere, as ONNX."""
    pick = np.zeros((classes, 1, HOP), np.float32)
    pick[min(INDEX["a"], classes - 1)] = 1 / HOP
    bias = np.zeros(classes, np.float32)
    bias[0] = 0.06  # as if that loud: below it, silence is likelier
    nodes = [
        helper.make_node("Abs", ["samples"], ["a"]),
        helper.make_node("Unsqueeze", ["a", "axis"], ["b"]),
        helper.make_node("Conv", ["b", "pick", "bias"], ["c"], strides=[HOP]),
        helper.make_node("Transpose", ["c"], ["phones"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "voice",
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "n"])],
        [helper.make_tensor_value_info("phones", TensorProto.FLOAT, [1, "t", classes])],
        [
            numpy_helper.from_array(pick, "pick"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture
def network(tmp_path: Path) -> ort.InferenceSession:
    return loudness_network(tmp_path / "voice.onnx")


def babble(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose loudness changes every 20 ms, so that every frame can be told apart."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * 50)
    gains = np.repeat(rng.uniform(0.2, 1, frames), HOP)
    return (rng.choice([-0.1, 0.1], frames * HOP) * gains).astype(np.float32)


def test_windows_join_without_a_seam(network: ort.InferenceSession) -> None:
    samples = babble(31.0)
    posteriors = posteriors_of(network, samples, 0.1)
    assert posteriors.shape == (31 * 50, len(PHONES))
    expected = np.abs(samples).reshape(-1, HOP).mean(1)
    assert np.abs(posteriors[:, INDEX["a"]] - expected).max() < 1e-6


def test_the_default_pack_hears_the_same_in_windows_as_in_one_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Pack(DEFAULT, 1).session(VOICE)
    samples = babble(40.0)
    windowed = posteriors_of(session, samples, 0.1)
    monkeypatch.setattr(voice, "WINDOW", 100 * 50)
    whole = posteriors_of(session, samples, 0.1)
    assert np.abs(windowed - whole).max() < 1e-3
    assert (windowed.argmax(1) == whole.argmax(1)).mean() > 0.999


def test_a_part_frame_at_the_end_counts(network: ort.InferenceSession) -> None:
    content, loudness = content_of(network, babble(2.0)[: 50 * HOP + 7])
    assert len(content) == len(loudness) == 51


def test_shorter_than_a_frame(network: ort.InferenceSession) -> None:
    content, loudness = content_of(network, np.full(100, 0.1, np.float32))
    assert content.shape == (1, 15)
    assert loudness.shape == (1,)


def test_nothing_at_all(network: ort.InferenceSession) -> None:
    content, loudness = content_of(network, np.zeros(0, np.float32))
    assert content.shape == (0, 15)
    assert loudness.shape == (0,)


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_keeps_the_mouth_at_rest(network: ort.InferenceSession, level: float) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 40000).astype(np.float32) * np.float32(level)
    content, _ = content_of(network, noise)
    assert (content[:, 0] == 1).all()
    assert (content[:, 1:] == 0).all()


def test_loud_and_soft_recordings_say_the_same(network: ort.InferenceSession) -> None:
    samples = babble(3.0)
    loud, _ = content_of(network, samples * np.float32(5))
    soft, _ = content_of(network, samples * np.float32(0.05))
    assert np.abs(loud - soft).max() < 1e-5


def test_a_network_of_another_shape_is_refused(tmp_path: Path) -> None:
    session = loudness_network(tmp_path / "other.onnx", classes=15)
    with pytest.raises(SpeakError) as caught:
        content_of(session, babble(1.0))
    assert caught.value.code == "pack_shape"


def test_two_hours_take_little_memory(network: ort.InferenceSession, tmp_path: Path) -> None:
    path = tmp_path / "long.f32"
    minute_of_sound = babble(60.0).tobytes()
    with path.open("wb") as file:
        for _ in range(120):
            file.write(minute_of_sound)
    samples = np.memmap(path, np.float32, "r")
    tracemalloc.start()
    try:
        content, loudness = content_of(network, samples)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(content) == len(loudness) == 7200 * 50
    assert peak < 60e6
    # The same minute again and again: the second, the third and the last but one have the same
    # sound before and after them, so they are heard alike wherever the windows lie.
    for minute in (2, 60, 118):
        again = content[minute * 3000 : (minute + 1) * 3000]
        assert np.abs(content[3000:6000] - again).max() < 1e-4


def test_loudness_is_the_rms_of_each_frame() -> None:
    samples = babble(1.0)
    expected = np.sqrt(np.square(samples.reshape(-1, HOP)).mean(1))
    assert np.abs(loudness_of(samples) - expected).max() < 1e-6
    assert loudness_of(samples[: HOP + 1]).shape == (2,)


def test_speech_level_does_not_depend_on_pauses() -> None:
    speech = babble(2.0)
    with_pause = np.concatenate([speech, np.zeros(5 * 16000, np.float32), speech])
    assert speech_level(with_pause) == pytest.approx(speech_level(speech), rel=0.02)


def one_hot(classes: list[int]) -> np.ndarray:
    return np.eye(15, dtype=np.float32)[classes]


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60)])
def test_a_closure_of_80_ms_is_seen_at_its_time(fps: Fraction) -> None:
    content = one_hot([10] * 50 + [1] * 4 + [10] * 46)  # lips shut from 1.00 to 1.08 s
    frames = at_frames(content, fps, 40 * fps.numerator // fps.denominator // 20)
    assert frames.shape[1] == 15
    assert np.allclose(frames.sum(1), 1, atol=1e-5)
    middle = np.average(np.arange(len(frames)) / float(fps), weights=frames[:, 1])
    assert abs(middle - 1.04) < 0.006
    assert frames[:, 1].max() > 0.9
    outside = np.abs(np.arange(len(frames)) / float(fps) - 1.04) > 0.09
    assert frames[outside, 1].max() < 1e-6


def test_the_start_offset_moves_the_voice() -> None:
    content = np.random.default_rng(1).random((300, 15)).astype(np.float32)
    whole = at_frames(content, Fraction(25), 100)
    later = at_frames(content, Fraction(25), 60, start=40 / 25)
    assert np.abs(later - whole[40:]).max() < 1e-5


def test_before_and_after_the_voice_the_mouth_rests() -> None:
    frames = at_frames(one_hot([10] * 50), Fraction(25), 75, start=-1.0)
    assert (frames[:20, 0] == 1).all()
    assert frames[30:45, 10].min() > 0.999
    assert (frames[55:, 0] == 1).all()


def test_no_voice_at_all() -> None:
    frames = at_frames(np.zeros((0, 15), np.float32), Fraction(24), 10)
    assert (frames[:, 0] == 1).all()


def test_loudness_is_sampled_like_content() -> None:
    loudness = np.linspace(0, 1, 101, dtype=np.float32)
    frames = at_frames(loudness, Fraction(50), 100, start=0.01)
    assert frames.shape == (100,)
    assert np.abs(frames - loudness[:100]).max() < 1e-5
