# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes trained networks as a model pack: ONNX files, checked against PyTorch, and pack.json.

Each network by itself too: what is not given stays as it is in the pack.

python -m inference_core.training.export --speak PAINTER/best.safetensors --irfd irfd.safetensors
    --landmarks LANDMARKS/best.safetensors --pack inference_core/packs/default [--facts facts.json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..model.identity import Portrait
from ..model.landmarks import LandmarkNet
from ..model.reader import Reader
from ..model.speak import Speak
from ..protocol.controls import CONTROLS, CONTROLS_VERSION
from . import checkpoint
from .train_irfd import Irfd

PACK_FORMAT = 1
PACK_VERSION = "0.1.0"
_OPSET = 20
_PORTRAIT = list(Portrait._fields)
HALF_FROM = 1024  # tensors smaller than this keep all their digits
PARITY = 2 / 255


class _Identity(nn.Module):
    def __init__(self, speak: Speak) -> None:
        super().__init__()
        self.identity = speak.identity

    def forward(self, portrait: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.identity(portrait))


class _Frame(nn.Module):
    def __init__(self, speak: Speak) -> None:
        super().__init__()
        self.speak = speak

    def forward(self, portrait: Tensor, *rest: Tensor) -> Tensor:
        read, (own, own_content, controls, content) = Portrait(*rest[:-4]), rest[-4:]
        return self.speak.frames(portrait, read, own, own_content, controls, content).rgb


def halve_weights(model: onnx.ModelProto, whole: str = "\n") -> None:
    """Stores large float32 weights as float16 with a cast each, in place: half the file.

    ONNX Runtime folds the casts when it loads, so nothing is slower. Weights whose name contains
    `whole` keep all their digits.
    """
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        small = values.size < HALF_FROM or whole in tensor.name
        if tensor.data_type != TensorProto.FLOAT or small:
            kept.append(tensor)
            continue
        half = numpy_helper.from_array(values.astype(np.float16), tensor.name + "_half")
        kept.append(half)
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def _export(
    module: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    dynamic: dict[str, dict[int, str]],
    path: Path,
) -> float:
    """Writes one ONNX file; returns the largest difference to PyTorch over its outputs."""
    module = module.eval()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            raw,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=dynamic,
            opset_version=_OPSET,
            dynamo=False,
        )
        model = onnx.load(raw)
    halve_weights(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    taken = {entry.name for entry in session.get_inputs()}  # what nothing depends on is dropped
    found = session.run(None, {k: v.numpy() for k, v in inputs.items() if k in taken})
    with torch.no_grad():
        expected = module(*inputs.values())
    if isinstance(expected, Tensor):
        expected = (expected,)
    return max(float(np.abs(f - e.numpy()).max()) for f, e in zip(found, expected, strict=True))


def export_reader(reader: Reader, pack: Path, picture: Tensor) -> dict[str, float]:
    """read.onnx. picture [1,3,256,256]: a real crop to compare on."""
    difference = _export(
        reader.eval(),
        {"frames": picture.repeat(2, 1, 1, 1)},
        ["controls", "content"],
        {name: {0: "batch"} for name in ("frames", "controls", "content")},
        pack / "read.onnx",
    )
    return {"read.onnx": difference}


def export_speak(speak: Speak, pack: Path, picture: Tensor) -> dict[str, float]:
    """identity.onnx and frame.onnx, for a pack that has read.onnx already. picture
    [1,3,256,256]: a real crop to compare on."""
    speak = speak.eval()
    differences = {}
    differences["identity.onnx"] = _export(
        _Identity(speak), {"portrait": picture}, _PORTRAIT, {}, pack / "identity.onnx"
    )
    reader = onnxruntime.InferenceSession(pack / "read.onnx", providers=["CPUExecutionProvider"])
    seen = reader.run(None, {"frames": picture.numpy()})
    own, own_content = (torch.from_numpy(values) for values in seen)
    with torch.no_grad():
        read = speak.identity(picture)
    names = [c.name for c in CONTROLS]
    controls = own.repeat(2, 1)
    controls[1, names.index("yaw")] += 12
    controls[1, names.index("happy")] = 0.8
    content = own_content.repeat(2, 1)
    content[1] = 0
    content[1, 10] = 1
    inputs = {"portrait": picture, **read._asdict(), "own": own, "own_content": own_content}
    inputs |= {"controls": controls, "content": content}
    dynamic = {name: {0: "batch"} for name in ("controls", "content")}
    dynamic |= {"portrait": {2: "size", 3: "size"}, "rgb": {0: "batch", 2: "size", 3: "size"}}
    differences["frame.onnx"] = _export(
        _Frame(speak), inputs, ["rgb"], dynamic, pack / "frame.onnx"
    )
    return differences


def export_landmarks(net: LandmarkNet, pack: Path, picture: Tensor) -> dict[str, float]:
    """landmarks.onnx. picture [1,3,128,128]."""
    difference = _export(
        net,
        {"image": picture.repeat(2, 1, 1, 1)},
        ["points", "confidence"],
        {name: {0: "batch"} for name in ("image", "points", "confidence")},
        pack / "landmarks.onnx",
    )
    return {"landmarks.onnx": difference}


def write_description(pack: Path, facts: dict[str, object]) -> None:
    """pack.json from the files that lie in the folder."""
    files = sorted(p for p in pack.iterdir() if p.suffix in (".onnx", ".npz"))
    description = {
        "format": PACK_FORMAT,
        "id": "speak-default",
        "version": PACK_VERSION,
        "controls_version": CONTROLS_VERSION,
        "license": "GPL-3.0-or-later; data and notices in THIRD_PARTY.md",
        "files": {
            p.name: {
                "sha256": hashlib.sha256(p.read_bytes()).hexdigest(),
                "bytes": p.stat().st_size,
            }
            for p in files
        },
        "sizes": [256, 512],
        "trained": facts,
    }
    (pack / "pack.json").write_text(json.dumps(description, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speak", type=Path)
    parser.add_argument("--irfd", type=Path)
    parser.add_argument("--landmarks", type=Path)
    parser.add_argument("--example", type=Path, help="a rendered group (.npz) to compare on")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--facts", type=Path, help="JSON object: how the pack was trained")
    options = parser.parse_args()
    options.pack.mkdir(parents=True, exist_ok=True)
    picture = torch.rand(1, 3, 256, 256)
    if options.example:
        with np.load(options.example) as group:
            picture = torch.from_numpy(group["pictures"][:1]).permute(0, 3, 1, 2).float() / 255
    differences: dict[str, float] = {}
    irfd: Irfd | None = None
    if options.irfd:
        irfd = Irfd()
        print("IRFD at step", checkpoint.load_average(options.irfd, irfd))
        differences |= export_reader(irfd.reader, options.pack, picture)
    if options.speak:
        speak = Speak()
        print("SPEAK at step", checkpoint.load_average(options.speak, speak))
        if irfd is not None:
            irfd.head.give(speak)  # E_i's code as IRFD left it, and what reads it
        differences |= export_speak(speak, options.pack, picture)
    if options.landmarks:
        landmarks = LandmarkNet()
        checkpoint.load_average(options.landmarks, landmarks)
        differences |= export_landmarks(
            landmarks, options.pack, nn.functional.avg_pool2d(picture, 2)
        )
    for name, difference in differences.items():
        print(f"{name}: differs from PyTorch by at most {difference:.5f}")
    if differences.get("frame.onnx", 0) > PARITY:
        raise SystemExit("frame.onnx differs from PyTorch by more than 2/255; not shipped.")
    facts = json.loads(options.facts.read_text()) if options.facts else {}
    previous = options.pack / "pack.json"
    if not facts and previous.exists():
        facts = json.loads(previous.read_text())["trained"]
    write_description(options.pack, facts)


if __name__ == "__main__":
    main()
