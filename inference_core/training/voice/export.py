# SPDX-License-Identifier: GPL-3.0-or-later
"""A trained voice encoder as `voice.onnx`, checked against torch before it gets its name.

`python -m inference_core.training.voice.export --checkpoint FILE --out FOLDER/voice.onnx`
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from inference_core.runtime.phones import PHONES
from inference_core.training.voice.checkpoint import load_encoder
from inference_core.training.voice.encoder import HOP, VoiceEncoder

OPSET = 17
# Largest difference of a weight between torch and ONNX Runtime that is rounding.
TOLERANCE = 2e-4


class _Shipped(nn.Module):
    """The encoder as a pack holds it: samples in, phone posteriors out."""

    def __init__(self, encoder: VoiceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, samples: Tensor) -> Tensor:
        """[1, N] to [1, N // 320, P]."""
        return self.encoder(samples).softmax(-1)


def export(encoder: VoiceEncoder, path: Path) -> float:
    """Write `path`; returns the largest difference from torch over lengths from 20 ms to 12 s.

    Raises RuntimeError, and leaves what was at `path`, when ONNX Runtime answers otherwise.
    """
    encoder.body.config._attn_implementation = "eager"  # plain matrix products export everywhere
    return export_network(_Shipped(encoder).eval(), path)


def export_network(shipped: nn.Module, path: Path) -> float:
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
    worst = difference(shipped, part)
    if worst > TOLERANCE:
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


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    encoder, progress = load_encoder(options.checkpoint)
    worst = export(encoder, options.out)
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {size:.1f} MB, step {progress.step}, differs by {worst:.1e} from torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
