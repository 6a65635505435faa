# SPDX-License-Identifier: GPL-3.0-or-later
"""From stored groups to what a training step sees."""

from __future__ import annotations

import torch
from torch import Tensor

from ..model.geometry import FACE_BOX
from .augment import degrade, grade, occlude
from .data.dataset import Batch

_LABELS = ("flow", "depth", "pose", "expression", "points")
_PORTRAITS = ("material", "uv")


def prepare(
    batch: Batch, rng: torch.Generator, device: torch.device, augment: bool = True
) -> Batch:
    """Float tensors on the device: what the batch holds of pictures [G,N,3,h,w] and alpha [G,N,h,w]
    (0..1, the portrait first), flow, depth, pose, expression, points; material and uv of the
    portrait; seen [G,3,h,w]: the portrait as a degraded input; sway [G,T,2] of `body_sway`.
    """
    pictures = batch["pictures"].permute(0, 1, 4, 2, 3).float() / 255
    if augment:
        pictures = grade(pictures, rng)
    seen = pictures[:, 0]
    if augment:
        seen = occlude(degrade(seen, rng), rng)
    ready = {"pictures": pictures, "seen": seen, "alpha": batch["alpha"].float() / 255}
    ready |= {key: batch[key].float() for key in _LABELS if key in batch}
    ready |= {key: batch[key][:, 0].float() for key in _PORTRAITS if key in batch}
    ready["sway"] = body_sway(ready["flow"], ready["material"])
    if device.type == "cuda":  # from pinned memory they travel while the step before still runs
        return {k: v.pin_memory().to(device, non_blocking=True) for k, v in ready.items()}
    return {k: v.to(device) for k, v in ready.items()}


def body_sway(flow: Tensor, material: Tensor) -> Tensor:
    """[G,T,2]: how far the whole body moved between portrait and target, half-widths of the crop.

    No control asks for it, so it is measured on the chest (the median over the lowest rows) and
    given to the geometry, or pictures would be compared out of register.
    """
    chest = material[:, -12:] == 0  # [G,12,g]
    rows = []
    for moved, seen in zip(flow[:, :, :, -12:], chest, strict=True):
        there = moved[:, :, seen]  # [T,2,n]
        rows.append(there.median(-1).values if there.shape[-1] else moved.new_zeros(len(moved), 2))
    return torch.stack(rows)


def swayed(sway: Tensor) -> Tensor:
    """The plane [B,3] (shift_x, shift_y, zoom) that moves a head by sway [B,2] half-widths."""
    return torch.stack([sway[:, 0], -sway[:, 1], torch.ones_like(sway[:, 0])], 1) / sway.new_tensor(
        [FACE_BOX, FACE_BOX, 1.0]
    )
