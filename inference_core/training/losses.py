# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses of the training stages, each with its gradient tested."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.layers import grid, resize


def feature_weight(points: Tensor, size: int, gain: float) -> Tensor:
    """[B,1,size,size]: 1, rising to 1 + gain around the eyes and the mouth.

    points [B,6,2] in -1..1 (eyes, nose tip, mouth corners, chin).
    """
    # A smooth map: a quarter of the size and an upsampling cost a hundredth of the full one.
    small = size // 4
    x, y = grid(small, small, points)[0]
    mouth = points[:, 3:5].mean(1, keepdim=True)
    reach = (points[:, :2].mean(1) - mouth[:, 0]).norm(dim=1)[:, None, None, None]
    centres = torch.cat([points[:, :2], mouth], 1)[..., None, None]  # [B,3,2,1,1]
    away = (x - centres[:, :, 0]).square() + (y - centres[:, :, 1]).square()  # [B,3,s,s]
    radius = reach * torch.tensor([0.3, 0.3, 0.45], device=points.device).view(1, 3, 1, 1)
    near = torch.exp(-away / radius.square()).amax(1, keepdim=True)
    return resize(1 + gain * near, size)


def flow_loss(found: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean distance in pixels of the grid. found, truth [B,2,g,g] half-widths; weight [B,1,g,g]."""
    pixels = (found - truth) * (truth.shape[-1] / 2)
    distance = (pixels.square().sum(1, keepdim=True) + 0.01).sqrt() - 0.1
    return (distance * weight).sum() / weight.sum().clamp_min(1)


def picture_loss(found: Tensor, truth: Tensor, weight: Tensor, scales: int = 3) -> Tensor:
    """L1 of colours and of their differences to the neighbours, over a pyramid of averages."""
    total = found.new_zeros(())
    for _ in range(scales):
        norm = weight.mean()
        error = found - truth
        total = total + (error.abs() * weight).mean() / norm
        across = (error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]
        along = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
        total = total + (across.mean() + along.mean()) / norm
        found, truth, weight = (F.avg_pool2d(x, 2) for x in (found, truth, weight))
    return total


def coarse_loss(found: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """`picture_loss` of pictures of a quarter and an eighth of the size: colours, and no grain."""
    found, truth, weight = (F.avg_pool2d(x, 4) for x in (found, truth, weight))
    return picture_loss(found, truth, weight, 2)
