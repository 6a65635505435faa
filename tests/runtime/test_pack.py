# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack is used only when every byte and every shape is as it should be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from inference_core.protocol.errors import SpeakError
from inference_core.runtime.engine import Engine
from inference_core.runtime.pack import REQUIRED, VOICE, Pack
from tests.fixtures.tiny_pack import write_manifest, write_pack


@pytest.fixture
def copy(pack_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pack_folder, tmp_path / "copy"))


def refused(make: Callable[[], Any]) -> SpeakError:
    with pytest.raises(SpeakError) as caught:
        make()
    assert "?" not in caught.value.sentence
    assert caught.value.hint
    return caught.value


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "pack.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("name", [*REQUIRED, VOICE])
def test_one_changed_byte_is_found_and_the_file_named(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    error = refused(lambda: Pack(copy))
    assert error.code == "pack_damaged"
    assert name in error.sentence


def test_a_file_changed_after_opening_is_found_when_it_is_needed(copy: Path) -> None:
    pack = Pack(copy)
    path = copy / "frame.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert refused(lambda: pack.session("frame.onnx")).code == "pack_damaged"


@pytest.mark.parametrize("name", ["frame.onnx", "detector.npz"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert name in refused(lambda: Pack(copy)).sentence


def test_a_file_that_the_manifest_leaves_out_is_refused(copy: Path) -> None:
    files = json.loads((copy / "pack.json").read_text())["files"]
    del files["read.onnx"]
    edit(copy, files=files)
    error = refused(lambda: Pack(copy))
    assert error.code == "pack_damaged"
    assert "read.onnx" in error.sentence


@pytest.mark.parametrize("name", ["../secret.onnx", "/etc/passwd", "a/b.onnx", "..\\x.onnx", ".."])
def test_a_file_outside_of_the_folder_is_never_opened(copy: Path, name: str) -> None:
    files = json.loads((copy / "pack.json").read_text())["files"]
    files[name] = {"sha256": "0" * 64, "bytes": 1}
    edit(copy, files=files)
    assert refused(lambda: Pack(copy)).code == "pack_damaged"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": 2}, "pack_format"),
        ({"format": None}, "pack_format"),
        ({"controls_version": 99}, "pack_controls"),
        ({"files": []}, "pack_damaged"),
        ({"sizes": []}, "pack_damaged"),
        ({"sizes": [100]}, "pack_damaged"),
        ({"sizes": ["256"]}, "pack_damaged"),
        ({"sizes": [True]}, "pack_damaged"),
        ({"sizes": [256000000]}, "pack_damaged"),
    ],
)
def test_another_version_or_manifest_is_refused(copy: Path, changes: dict, code: str) -> None:
    edit(copy, **changes)
    assert refused(lambda: Pack(copy)).code == code


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_none_is_refused(copy: Path, text: bytes) -> None:
    (copy / "pack.json").write_bytes(text)
    assert refused(lambda: Pack(copy)).code == "pack_damaged"


def test_no_pack_at_all(tmp_path: Path) -> None:
    assert refused(lambda: Pack(tmp_path / "nothing")).code == "pack_missing"


def reshape(path: Path, where: str, tensor: str, shape: list[int | str]) -> None:
    """Declare another shape for an input or output; the runtime must not believe the rest."""
    model = onnx.load(path)
    for value in getattr(model.graph, where):
        if value.name == tensor:
            value.CopyFrom(helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, shape))
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("name", "where", "tensor", "shape"),
    [
        ("landmarks.onnx", "input", "image", ["B", 3, 64, 64]),
        ("read.onnx", "input", "frames", ["B", 1, 256, 256]),
        ("frame.onnx", "input", "controls", ["B", 19, 1]),
    ],
)
def test_a_network_of_another_shape_is_refused(
    copy: Path, name: str, where: str, tensor: str, shape: list[int | str]
) -> None:
    reshape(copy / name, where, tensor, shape)
    write_manifest(copy)
    error = refused(lambda: Pack(copy).session(name))
    assert error.code == "pack_shape"
    assert name in error.sentence


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("landmarks.onnx", "points"), ("read.onnx", "content"), ("frame.onnx", "rgb")],
)
def test_a_network_without_one_of_its_outputs_is_refused(
    copy: Path, name: str, tensor: str
) -> None:
    model = onnx.load(copy / name)
    for node in model.graph.node:
        node.output[:] = ["other" if out == tensor else out for out in node.output]
    for value in model.graph.output:
        value.name = "other" if value.name == tensor else value.name
    onnx.save(model, copy / name)
    write_manifest(copy)
    error = refused(lambda: Pack(copy).session(name))
    assert error.code == "pack_shape"
    assert tensor in error.sentence


def test_a_file_that_is_no_network_is_refused(copy: Path) -> None:
    (copy / "frame.onnx").write_bytes(b"\x80\x04\x95 not a network")
    write_manifest(copy)
    assert refused(lambda: Pack(copy).session("frame.onnx")).code == "pack_shape"


def test_a_detector_with_an_object_array_is_refused_without_running_it(
    copy: Path, tmp_path: Path
) -> None:
    class Marker:
        def __reduce__(self) -> tuple:
            return (tmp_path.joinpath("ran").touch, ())

    with (copy / "detector.npz").open("wb") as file:
        np.savez(file, window=np.array([Marker()], dtype=object))
    write_manifest(copy)
    assert refused(lambda: Pack(copy).detector()).code == "pack_damaged"
    assert not (tmp_path / "ran").exists()


def test_networks_are_loaded_when_first_needed(copy: Path) -> None:
    pack = Pack(copy)
    assert pack._sessions == {}
    assert pack.session("read.onnx") is pack.session("read.onnx")
    assert list(pack._sessions) == ["read.onnx"]


def test_a_pack_without_voice_says_so_and_listens_all_the_same(tmp_path: Path) -> None:
    engine = Engine(write_pack(tmp_path / "mute", voice=False), threads=1)
    assert engine.describe()["has_voice"] is False
    voice = engine.listen(np.sin(np.arange(16000) / 10).astype(np.float32), 16000)
    assert [notice.code for notice in voice.notices] == ["pack_no_voice"]
    assert (voice.content[:, 0] == 1).all()
    assert voice.loudness.max() > 0.5
