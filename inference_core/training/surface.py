# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pixel of a portrait is a picture of: the labels of E_i's map, and their losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.surface import BINS, REACH, Surface, cells
from ..model.template import EYES, MOUTH, UV_CENTRE, UV_HALF

_EYE_LEFT, _EYE_RIGHT, _LOWER_TEETH, _UPPER_TEETH = 2, 1, 5, 6  # materials, by the image's sides
_MOUTH_REACH = 0.11  # of the layout: to this side of the mouth one is above or below it
_CHART = (0.66, 0.56)


def below_label(uv: Tensor) -> tuple[Tensor, Tensor]:
    """Which skin moves with a lower rim: label and weight [P,g,g] from uv [P,2,g,g] of the layout.

    The weight is largest at the rims, where a wrong label tears the face.
    """
    u, v = uv[:, 0], uv[:, 1]
    label = torch.zeros_like(u)
    weight = torch.full_like(u, 0.2)
    zones = [(MOUTH, _MOUTH_REACH, 0.28, 0.56)]
    zones += [(eye, eye.half, eye.top, eye.bottom) for eye in EYES]
    for slit, reach, top, bottom in zones:
        across = (u - slit.u).abs()
        zone = (across < reach) & (v > top) & (v < bottom)
        label = torch.where(zone, (v > slit.row).float(), label)
        rim = zone & (across < slit.half) & ((v - slit.row).abs() < 4 * slit.rim)
        weight = torch.where(zone, 1.0 + 6.0 * rim.float(), weight)
    return label, weight


def mirrored(uv: Tensor, material: Tensor) -> tuple[Tensor, Tensor]:
    """Labels of the mirrored picture: the layout is symmetric, and eyes change their names.

    uv [B,2,g,g], material [B,g,g].
    """
    other = uv.flip(3).clone()
    other[:, 0] = 2 * UV_CENTRE[0] - other[:, 0]
    material = material.flip(2)
    eye = (material == _EYE_LEFT) | (material == _EYE_RIGHT)
    return other, torch.where(eye, _EYE_LEFT + _EYE_RIGHT - material, material)


def _cell_loss(bins: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy of the cells' scores with a blob at the true place, where weight is."""
    # Every second label: an average over a rim would be a place that nobody sees.
    target, weight = target[..., ::2, ::2], weight[..., ::2, ::2]
    middle = cells(bins)[:, None, None]
    width = 2 * REACH / BINS
    wrong = weight.new_zeros(weight.shape)
    for scores, true in zip(bins.chunk(2, 1), target.split(1, 1), strict=True):
        blob = torch.softmax(-0.5 * ((true - middle) / (0.7 * width)) ** 2, 1)
        wrong = wrong - (blob * F.log_softmax(scores, 1)).sum(1)
    return (wrong * weight).sum() / weight.sum().clamp_min(1)


def surface_losses(found: Surface, uv: Tensor, material: Tensor) -> dict[str, Tensor]:
    """Losses of the map. uv [P,2,g,g] of the layout and material [P,g,g] as in the groups.

    uv: mean distance in pixels of the grid, of skin on the face's chart; below and inside: binary
    cross entropy, as is face.
    """
    chart = (uv[:, 0] < _CHART[0]) & (uv[:, 1] < _CHART[1])
    target = (uv - uv.new_tensor(UV_CENTRE)[:, None, None]) / uv.new_tensor(UV_HALF)[:, None, None]
    skin = (material == 0) & chart
    face = (skin & (target.abs().amax(1) < 1.25)).float()
    # Half a width of the template is about 40 pixels of the grid in a canonical crop.
    distance = ((found.uv - target).square().sum(1) * 40**2 + 0.01).sqrt() - 0.1
    label, weight = below_label(uv)
    weight = weight * skin
    # Neck and scalp hardly move with any axis; lids and lips do, and must be found to a pixel.
    care = face * (0.1 + 0.9 * (target.abs().amax(1) < 0.85) + 2 * (weight > 2))
    wrong = F.binary_cross_entropy_with_logits(found.logits[:, 1], label, reduction="none")
    moves = F.binary_cross_entropy_with_logits(found.logits[:, 0], face, reduction="none")
    inside = torch.stack(
        [
            material == _EYE_LEFT,
            material == _EYE_RIGHT,
            (material == _LOWER_TEETH) | (material == _UPPER_TEETH),
        ],
        1,
    ).float()
    hidden = F.binary_cross_entropy_with_logits(found.logits[:, 2:], inside, reduction="none")
    # Few pixels are eyes or teeth: those and their rims count most.
    rims = F.max_pool2d(inside, 5, 1, 2)
    share = 0.05 + rims
    return {
        "cell": 0.3 * _cell_loss(found.bins, target, care),
        "uv": 0.15 * (distance * care).sum() / care.sum().clamp_min(1),
        "face": (moves * (1 - inside.amax(1))).mean(),
        "below": 1.5 * (wrong * weight).sum() / weight.sum().clamp_min(1),
        "inside": 2 * (hidden * share).sum() / share.sum(),
    }
