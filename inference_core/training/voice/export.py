# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained voice encoder as `voice.onnx` of a pack, checked against torch first.

`python -m inference_core.training.voice.export --checkpoint RUN/chosen.safetensors --pack PACK`
"""

import argparse
import hashlib
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from inference_core.runtime.pack import VOICE
from inference_core.runtime.phones import PHONES
from inference_core.training.export import halve_weights
from inference_core.training.voice.checkpoint import load_encoder
from inference_core.training.voice.encoder import HOP, VoiceEncoder

OPSET = 17
# Largest difference of a weight between torch and ONNX Runtime that is rounding.
TOLERANCE = 2e-4
# And with weights of half the digits, as a pack holds them: a hundredth of a posterior.
HALF_TOLERANCE = 2e-2
# The filter bank keeps all its digits: it has to tell what is 70 dB below something else.
WHOLE = "filters"


class _Shipped(nn.Module):
    """The encoder as a pack holds it: samples in, phone posteriors out."""

    def __init__(self, encoder: VoiceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, samples: Tensor) -> Tensor:
        """[1, N] to [1, N // 320, P]."""
        return self.encoder(samples).softmax(-1)


def export(encoder: VoiceEncoder, path: Path, half: bool = False) -> float:
    """Write `path`, with weights of half the digits if `half`.

    Returns the largest difference from torch over lengths from 20 ms to 12 s. Raises RuntimeError,
    and leaves what was at `path`, when ONNX Runtime answers otherwise.
    """
    encoder.body.config._attn_implementation = "eager"  # plain matrix products export everywhere
    return export_network(_Shipped(encoder).eval(), path, half)


def export_network(shipped: nn.Module, path: Path, half: bool = False) -> float:
    """`export` for any module of samples [1, N] to posteriors [1, N // 320, P]."""
    part = path.with_suffix(".part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns about every comparison of shapes
        torch.onnx.export(
            shipped,
            (torch.randn(1, 100 * HOP) * 0.1,),
            str(part),
            input_names=["samples"],
            output_names=["phones"],
            dynamic_axes={"samples": {1: "n"}, "phones": {1: "frames"}},
            opset_version=OPSET,
            dynamo=False,
        )
    if half:
        model = onnx.load(part)
        halve_weights(model, WHOLE)
        onnx.save(model, str(part))
    worst = difference(shipped, part)
    if worst > (HALF_TOLERANCE if half else TOLERANCE):
        raise RuntimeError(f"ONNX Runtime differs from torch by {worst:.2e}")
    os.replace(part, path)
    return worst


def difference(shipped: nn.Module, path: Path) -> float:
    """Largest difference of a weight between `shipped` and the file at `path`."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for frames in (1, 7, 50, 333, 600):
        samples = torch.randn(1, frames * HOP, generator=generator) * 0.1
        samples[:, : samples.shape[1] // 3] *= 0.001
        with torch.inference_mode():
            wanted = shipped(samples).numpy()
        found = np.asarray(session.run(["phones"], {"samples": samples.numpy()})[0])
        if found.shape != (1, frames, len(PHONES)):
            raise RuntimeError(f"{frames} frames come out with shape {found.shape}")
        worst = max(worst, float(np.abs(found - wanted).max()))
    return worst


def into_pack(checkpoint: Path, pack: Path, facts: str = "") -> float:
    """Put the averaged encoder of `checkpoint` into the pack; returns the difference to torch.

    facts: how it was trained and what it is worth, for pack.json; steps and minutes by default.
    RuntimeError as in `export_network`, and the pack stays as it was.
    """
    encoder, progress = load_encoder(checkpoint)
    path = pack / VOICE
    worst = export(encoder, path, half=True)
    data = path.read_bytes()
    description = pack / "pack.json"
    meta = json.loads(description.read_text(encoding="utf-8"))
    meta["files"][VOICE] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    meta["files"] = dict(sorted(meta["files"].items()))
    default = f"wav2vec 2.0 with posteriors over {len(PHONES)} phones: {progress.step} steps in "
    meta.setdefault("trained", {})["voice"] = facts or (
        f"{default}{progress.seconds / 60:.0f} minutes"
    )
    text = json.dumps(meta, indent=2, ensure_ascii=False) + "\n"
    part = description.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, description)
    return worst


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True, help="folder of a pack")
    parser.add_argument("--facts", default="", help="a sentence for pack.json")
    options = parser.parse_args(argv)
    worst = into_pack(options.checkpoint, options.pack, options.facts)
    size = (options.pack / VOICE).stat().st_size / 1e6
    print(f"{options.pack / VOICE}: {size:.1f} MB, differs by {worst:.1e} from torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
