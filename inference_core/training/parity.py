# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a pack's frames with PyTorch's on every frame of the evaluation clips.

PyTorch gets the weights as the pack stores them, large ones as float16: this asks whether the same
network says the same, not what rounding its weights does (`evaluate` measures the pack itself).

python -m inference_core.training.parity --speak last.safetensors --irfd irfd.safetensors
    --data CLIPS --pack PACK

--irfd as it was given to `export`: IRFD teaches E_i's code, and those layers are in the pack.

Ends with status 1 when any pixel differs by more than 2/255.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from ..evaluation import clips
from ..model.identity import Portrait
from ..model.speak import Speak
from . import checkpoint
from .export import HALF_FROM, PARITY
from .train_irfd import Irfd


def exported(speak_file: Path, irfd_file: Path | None) -> Speak:
    """The model that `export` writes from the same two checkpoints, with all digits."""
    speak = Speak()
    checkpoint.load_average(speak_file, speak)
    if irfd_file is not None:
        irfd = Irfd()
        checkpoint.load_average(irfd_file, irfd)
        irfd.head.give(speak)
    return speak.eval()


@torch.no_grad()
def as_stored(speak: Speak) -> None:
    """Rounds the weights as `export.halve_weights` does, in place."""
    for tensor in speak.state_dict().values():
        if tensor.is_floating_point() and tensor.numel() >= HALF_FROM:
            tensor.copy_(tensor.half().float())


def compare(speak: Speak, pack: Path, clip: clips.Clip) -> np.ndarray:
    """Largest difference of the three colours [frames, 256, 256], 0..1: the whole way from the
    portrait, through ONNX Runtime and through PyTorch, of one clip's exact controls."""
    sessions = {
        name: onnxruntime.InferenceSession(pack / name, providers=["CPUExecutionProvider"])
        for name in ("identity.onnx", "frame.onnx")
    }
    edge = (clips.SIDE - clips.CROP) // 2
    crop = clip.pictures[:1, edge : edge + clips.CROP, edge : edge + clips.CROP]
    portrait = np.ascontiguousarray(crop.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    found = sessions["identity.onnx"].run(None, {"portrait": portrait})
    inputs = dict(zip(Portrait._fields, found, strict=True)) | {"portrait": portrait}
    inputs |= {"own": clip.controls[:1], "own_content": clip.content[:1]}
    taken = {entry.name for entry in sessions["frame.onnx"].get_inputs()}
    with torch.no_grad():
        picture = torch.from_numpy(portrait)
        read = speak.identity(picture)
    own = torch.from_numpy(clip.controls[:1]), torch.from_numpy(clip.content[:1])
    worst = []
    for row in range(1, 1 + clips.MOVING):
        asked, said = clip.controls[row : row + 1], clip.content[row : row + 1]
        every = inputs | {"controls": asked, "content": said}
        (one,) = sessions["frame.onnx"].run(["rgb"], {k: every[k] for k in taken})
        with torch.no_grad():
            other = speak.frames(
                picture, read, *own, torch.from_numpy(asked), torch.from_numpy(said)
            ).rgb
        worst.append(np.abs(one - other.numpy()).max(1)[0])
    return np.stack(worst)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speak", type=Path, required=True)
    parser.add_argument("--irfd", type=Path, help="what export was given beside --speak")
    parser.add_argument("--data", type=Path, required=True, help="folder of the evaluation clips")
    parser.add_argument("--pack", type=Path, required=True)
    options = parser.parse_args()
    speak = exported(options.speak, options.irfd)
    as_stored(speak)
    most, over, count = 0.0, 0, 0
    for path in sorted(options.data.glob("clip_*.npz")):
        away = compare(speak, options.pack, clips.load(path))
        most = max(most, float(away.max()))
        over, count = over + int((away > PARITY).sum()), count + away.size
        print(f"{path.stem}: at most {255 * away.max():.2f} of 255", flush=True)
    print(f"all: at most {255 * most:.2f} of 255; {over} of {count} pixels past 2")
    return int(most > PARITY)


if __name__ == "__main__":
    sys.exit(main())
