# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the witness of identity on rendered training people and writes it with what it is worth.

python -m inference_core.evaluation.train_identity_witness --faces FILE.npz --unseen FILE.npz
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..training.export import halve_weights
from .witnesses import FOLDER, SIDE, merged_facts

CODE = 64  # length of an identity vector
FEATURES = 160 * 4 * 4
_BATCH = 96
_RATE = 1e-3
_SHARP = 16.0  # scale of the cosines in the identity loss (Wang et al. 2018, NormFace)


class Trunk(nn.Module):
    """faces [B,3,64,64] 0..1 -> [B,2560]."""

    def __init__(self) -> None:
        super().__init__()
        widths, layers = (3, 32, 64, 96, 160), []
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, faces: Tensor) -> Tensor:
        # Light and skin are no emotion: every face gets the same mean and contrast.
        mean = faces.mean((1, 2, 3), keepdim=True)
        contrast = (faces - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
        x = self.layers((faces - mean) / (contrast + 0.03))  # [B,160,4,4]
        # Where on the face something is matters, so nothing is pooled away.
        return x.flatten(1)


class IdentityNet(nn.Module):
    """Unit vectors; `people` of them are the centres that training pulls towards."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.trunk, self.head = Trunk(), nn.Linear(FEATURES, CODE)
        self.centres = nn.Parameter(torch.randn(people, CODE))

    def forward(self, faces: Tensor) -> Tensor:
        return F.normalize(self.head(self.trunk(faces)), dim=1)

    def logits(self, faces: Tensor) -> Tensor:
        return _SHARP * self(faces) @ F.normalize(self.centres, dim=1).t()


def varied(faces: Tensor, rng: torch.Generator) -> Tensor:
    """Blur, colour, grain, a shifted and resized crop: what generated frames may differ by."""
    b = len(faces)
    scale = torch.exp(torch.randn(b, generator=rng) * 0.04)
    turn = torch.randn(b, generator=rng) * 0.03
    theta = torch.zeros(b, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, 0, 1], theta[:, 1, 0] = -turn, turn
    theta[:, :, 2] = torch.randn(b, 2, generator=rng) * 0.025
    where = F.affine_grid(theta, list(faces.shape), align_corners=False)
    x = F.grid_sample(faces, where, padding_mode="reflection", align_corners=False)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)
    x = torch.lerp(x, soft, torch.rand(b, 1, 1, 1, generator=rng))
    x = x ** torch.exp(torch.randn(b, 1, 1, 1, generator=rng) * 0.2)
    x = x * (1 + 0.1 * torch.randn(b, 3, 1, 1, generator=rng))
    return (x + 0.02 * torch.randn(x.shape, generator=rng)).clamp(0, 1)


def load(path: Path) -> tuple[Tensor, Tensor]:
    """Pictures [n,3,64,64] uint8, people [n]."""
    with np.load(path) as archive:
        pictures = torch.from_numpy(archive["pictures"]).permute(0, 3, 1, 2).contiguous()
        return pictures, torch.from_numpy(archive["people"])


def train(net: IdentityNet, faces: Tensor, target: Tensor, minutes: float) -> int:
    """Trains for so long; returns the number of steps."""
    rng = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=1e-2)
    begun, step = time.monotonic(), 0
    while (done := (time.monotonic() - begun) / (minutes * 60)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / 100, max(0.01, 1.6 * (1 - done)))
        rows = torch.randint(0, len(faces), (_BATCH,), generator=rng)
        logits = net.logits(varied(faces[rows].float() / 255, rng))
        loss = F.cross_entropy(logits, target[rows], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if step % 100 == 0:
            print(f"{done:.0%} step {step} loss {float(loss.detach()):.3f}", flush=True)
    return step


def write(net: nn.Module, path: Path) -> None:
    """ONNX with half-precision weights."""
    net.eval()
    torch.onnx.export(
        net, (torch.rand(2, 3, SIDE, SIDE),), path, input_names=["faces"], output_names=["answer"],
        dynamic_axes={"faces": {0: "batch"}, "answer": {0: "batch"}},
        opset_version=20, dynamo=False,
    )  # fmt: skip
    model = onnx.load(path)
    halve_weights(model)
    onnx.save(model, path)


@torch.no_grad()
def identity_facts(net: IdentityNet, faces: Tensor, people: Tensor) -> dict[str, object]:
    """Mean cosine of two pictures of the same person in the same light, and of two people."""
    net.eval()
    codes = torch.cat([net(part.float() / 255) for part in faces.split(256)])
    cosine = codes @ codes.t()
    same = people[:, None] == people[None]
    own = same & ~torch.eye(len(people), dtype=torch.bool)
    return {
        "same_person": round(float(cosine[own].mean()), 3),
        "other_person": round(float(cosine[~same].mean()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="of training people")
    parser.add_argument("--unseen", type=Path, required=True, help="of people never trained on")
    parser.add_argument("--minutes", type=float, default=4, help="of training")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.manual_seed(0)
    faces, people = load(options.faces)
    unseen, unseen_people = load(options.unseen)
    _, people = people.unique(return_inverse=True)
    options.out.mkdir(parents=True, exist_ok=True)
    net = IdentityNet(int(people.max()) + 1)
    steps = train(net, faces, people, options.minutes)
    write(net, options.out / "identity.onnx")
    found: dict[str, object] = {"faces": len(faces), "people": int(people.max()) + 1}
    found |= {"steps": steps, **identity_facts(net, unseen, unseen_people)}
    merged_facts(options.out, {"identity": found})
    print(found, flush=True)


if __name__ == "__main__":
    main()
