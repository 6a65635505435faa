# SPDX-License-Identifier: GPL-3.0-or-later
"""Kokoro's people, and its convolutions in floats."""

import random
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from inference_core.training.voice.kokoro import Kokoro, voices_of
from inference_core.training.voice.unquantised import unquantise


def convolutions(path: Path) -> None:
    """Two convolutions, one with a bias, a ReLU between them."""
    rng = np.random.default_rng(0)
    numbers = {
        "w1": rng.normal(0, 0.3, (8, 4, 3)), "b1": rng.normal(0, 0.3, 8),
        "w2": rng.normal(0, 0.3, (5, 8, 3)),
    }  # fmt: skip
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w1", "b1"], ["h"], name="first", pads=[1, 1]),
            helper.make_node("Relu", ["h"], ["r"], name="relu"),
            helper.make_node("Conv", ["r", "w2"], ["y"], name="second", dilations=[2]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, "t"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, "u"])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in numbers.items()],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), str(path))


def answer(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def test_quantised_convolutions_become_float_ones_that_say_the_same(tmp_path: Path) -> None:
    convolutions(tmp_path / "net.onnx")
    quantize_dynamic(
        tmp_path / "net.onnx", tmp_path / "small.onnx", weight_type=QuantType.QUInt8,
        op_types_to_quantize=["Conv"],
    )  # fmt: skip
    small = onnx.load(tmp_path / "small.onnx")
    assert [n.op_type for n in small.graph.node].count("ConvInteger") == 2
    x = np.random.default_rng(1).normal(0, 1, (1, 4, 40)).astype(np.float32)
    whole, before = answer(onnx.load(tmp_path / "net.onnx"), x), answer(small, x)
    assert unquantise(small) == 2
    kinds = {n.op_type for n in small.graph.node}
    assert {"Conv", "Relu"} < kinds
    assert not kinds & {"ConvInteger", "DynamicQuantizeLinear", "Cast"}
    after = answer(small, x)
    assert after.shape == whole.shape
    # Only the weights are still rounded: nearer to the network before than with rounded sound.
    assert np.abs(after - whole).max() < np.abs(before - whole).max()
    assert np.abs(after - whole).max() < 0.03 * np.abs(whole).max()


def test_a_bias_in_whole_numbers_is_read_where_it_was_stored() -> None:
    """As Kokoro has it: the bias in units of what the sound and the weights were rounded to."""
    rng = np.random.default_rng(2)
    whole = rng.integers(-127, 127, (8, 4, 3)).astype(np.int8)
    bias = rng.normal(0, 1, 8).astype(np.float32)
    make = helper.make_node
    nodes = [
        make("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        make("ConvInteger", ["q", "w", "z", "v"], ["c"], name="conv", pads=[1, 1]),
        make("Mul", ["s", "ws"], ["scale"], name="scales"),
        make("Div", ["bias", "scale"], ["b0"]),
        make("Floor", ["b0"], ["b1"]),
        make("Cast", ["b1"], ["b2"], to=TensorProto.INT32),
        make("Reshape", ["b2", "shape"], ["b3"]),
        make("Add", ["c", "b3"], ["d"], name="add"),
        make("Cast", ["d"], ["e"], to=TensorProto.FLOAT, name="cast"),
        make("Mul", ["e", "scale"], ["y"], name="scaled"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, "t"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, "t"])],
        [
            numpy_helper.from_array(whole, "w"),
            numpy_helper.from_array(np.array(0, np.int8), "v"),
            numpy_helper.from_array(np.array(0.01, np.float32), "ws"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([1, -1, 1]), "shape"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    x = rng.normal(0, 1, (1, 4, 30)).astype(np.float32)
    before = answer(model, x)
    assert unquantise(model) == 1
    assert [n.op_type for n in model.graph.node] == ["Conv"]
    assert np.abs(answer(model, x) - before).max() < 0.03 * np.abs(before).max()


def test_what_follows_a_convolution_must_be_known() -> None:
    node = helper.make_node("ConvInteger", ["q", "w", "z", "v"], ["y"], name="odd")
    quantise = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    graph = helper.make_graph([quantise, node], "net", [], [])
    with pytest.raises(ValueError, match="odd"):
        unquantise(helper.make_model(graph))


def test_voices_are_read_and_mixed(tmp_path: Path) -> None:
    for number, name in enumerate(("af_one", "bm_two", "ff_three", "jm_four")):
        np.full((510, 1, 256), number, "<f4").tofile(tmp_path / f"{name}.bin")
    voices = voices_of(tmp_path)
    assert list(voices) == ["af_one", "bm_two", "ff_three", "jm_four"]
    assert voices["bm_two"].shape == (510, 256)
    network: ort.InferenceSession = None
    people = Kokoro(network, {}, voices)
    rng = random.Random(0)
    heard = [float(people.somebody(rng)[7, 7]) for _ in range(300)]
    assert {0.0, 1.0} < set(heard)
    mixed = [value for value in heard if value not in (0, 1, 2, 3)]
    assert len(mixed) > 50
    assert min(mixed) > 0
    assert len(set(mixed)) > 40
    assert 2.0 in {float(people.somebody(rng, "fr")[7, 7]) for _ in range(50)}
