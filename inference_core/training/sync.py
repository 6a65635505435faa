# SPDX-License-Identifier: GPL-3.0-or-later
"""An expert on whether a mouth makes a sound, and the loss that asks it about generated frames.

Mouths and sounds go into one space and meet there (Chung and Zisserman 2016, SyncNet; contrasted
over a batch as in van den Oord et al. 2018, InfoNCE). A sound is what the editing module gets: 15
visemes of one instant, so one frame is judged at a time. Trained by `train_sync` on renders alone.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.expression import AXES, BLINK_LEFT, EMOTIONS, JAW, VISEMES
from . import checkpoint
from .mouth_crop import DROP, HEIGHT, REACH, WIDTH

CODE = 64
WIDER = 1.5  # of the crops that training keeps, so that they can be displaced
ALIKE = 0.3  # sounds whose weights differ by less in sum are no mistake for each other
_SHARPEST = 30.0
_MOUTH_AXES = (*range(len(EMOTIONS), BLINK_LEFT), *range(JAW, AXES))


def spoken(expression: Tensor) -> Tensor:
    """[...,15]: the sounds in expression vectors [...,AXES], silence for what is left of 1, as
    data.truth says them. A jaw that is opened by hand is no sound."""
    said = expression[..., JAW + 1 :]
    return torch.cat([(1 - said.sum(-1, keepdim=True)).clamp(0, 1), said], -1)


def mouth_crops(pictures: Tensor, points: Tensor, wider: float = 1.0) -> Tensor:
    """[B,3,HEIGHT,WIDTH]: upright mouths out of pictures [B,3,S,S] by the six points [B,6,2] in
    -1..1 (eyes, nose tip, mouth corners, chin; y down). Gradients reach the pictures. wider: crops
    so many times as large in pixels, of so much more of the face."""
    points = points.float()
    eyes, mouth = points[:, :2].mean(1), points[:, 3:5].mean(1)
    distance = (mouth - eyes).norm(dim=1, keepdim=True).clamp_min(1e-3)
    down = (mouth - eyes) / distance
    right = torch.stack([down[:, 1], -down[:, 0]], 1)
    half = wider * REACH * distance
    centre = mouth + DROP * distance * down
    theta = torch.stack([right * half, down * half * (HEIGHT / WIDTH), centre], 2)
    size = [len(points), 3, round(wider * HEIGHT), round(wider * WIDTH)]
    where = F.affine_grid(theta, size, align_corners=False)
    return F.grid_sample(pictures, where, padding_mode="border", align_corners=False)


def jittered(crops: Tensor, rng: torch.Generator) -> Tensor:
    """[B,3,HEIGHT,WIDTH] out of WIDER ones, displaced as aligners err, half of them mirrored."""
    count = len(crops)
    shift = torch.randn(count, 2, generator=rng) * 0.07
    scale = torch.exp(torch.randn(count, generator=rng) * 0.08) / WIDER
    turn = torch.randn(count, generator=rng) * 0.06
    mirror = 1 - 2 * (torch.rand(count, generator=rng) < 0.5).float()
    c, s, aspect = turn.cos() * scale, turn.sin() * scale, HEIGHT / WIDTH
    rows = [
        torch.stack([c * mirror, -s * aspect, shift[:, 0] / WIDER], 1),
        torch.stack([s * mirror / aspect, c, shift[:, 1] / WIDER], 1),
    ]
    size = [count, 3, HEIGHT, WIDTH]
    where = F.affine_grid(torch.stack(rows, 1), size, align_corners=False)
    return F.grid_sample(crops, where, padding_mode="border", align_corners=False)


class SyncExpert(nn.Module):
    """Unit vectors of mouths and of sounds; their product says how well they agree."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96, 128), dropout: float = 0.2) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for a, b in pairwise((3, *widths)):
            steps += [nn.Conv2d(a, b, 3, 2, 1), nn.GroupNorm(8, b), nn.SiLU()]
        self.look = nn.Sequential(*steps)
        size = widths[-1] * (HEIGHT >> len(widths)) * (WIDTH >> len(widths))
        self.leave = nn.Sequential(nn.Dropout(dropout), nn.Linear(size, CODE))
        self.hear = nn.Sequential(
            nn.Linear(len(VISEMES), 96),
            nn.SiLU(),
            nn.Linear(96, 96),
            nn.SiLU(),
            nn.Linear(96, CODE),
        )
        # What else a mouth does, told apart from the sound in training; nobody asks it later.
        self.tell = nn.Linear(size, len(_MOUTH_AXES))
        self.sharpness = nn.Parameter(torch.tensor(2.3))  # log of what cosines are multiplied by

    def mouths(self, crops: Tensor) -> Tensor:
        """crops [B,3,HEIGHT,WIDTH] 0..1 -> [B,CODE]."""
        return self.point(self.features(crops))

    def features(self, crops: Tensor) -> Tensor:
        """crops [B,3,HEIGHT,WIDTH] 0..1 -> [B,n]."""
        # Light and skin are no sound: every mouth gets the same mean and contrast.
        mean = crops.mean((1, 2, 3), keepdim=True)
        contrast = ((crops - mean).square().mean((1, 2, 3), keepdim=True) + 1e-6).sqrt()
        # Where something is matters, so nothing is pooled away.
        return self.look((crops - mean) / (contrast + 0.03)).flatten(1)

    def point(self, features: Tensor) -> Tensor:
        """[B,n] -> [B,CODE], of length 1."""
        return F.normalize(self.leave(features).float(), dim=1)

    def sounds(self, content: Tensor) -> Tensor:
        """content [B,15] -> [B,CODE]."""
        return F.normalize(self.hear(content).float(), dim=1)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by before they become probabilities."""
        return self.sharpness.clamp(max=torch.tensor(_SHARPEST).log().item()).exp()


def alike(one: Tensor, other: Tensor) -> Tensor:
    """bool [N,M]: sounds [N,15] and [M,15] that no mouth can be asked to tell apart."""
    return torch.cdist(one.float(), other.float(), p=1) < ALIKE


def agreement(expert: SyncExpert, crops: Tensor, content: Tensor, others: Tensor) -> Tensor:
    """[B] log of the probability that a mouth [B,3,HEIGHT,WIDTH] makes the sound content [B,15]
    and none of others [M,15]; those that are like it do not count."""
    seen = expert.mouths(crops)
    scale = expert.scale
    own = scale * (seen * expert.sounds(content)).sum(1, keepdim=True)
    rest = (scale * seen @ expert.sounds(others).t()).masked_fill(alike(content, others), -1e4)
    return own[:, 0] - torch.logsumexp(torch.cat([own, rest], 1), 1)


def sync_loss(
    expert: SyncExpert, pictures: Tensor, points: Tensor, content: Tensor, others: Tensor
) -> Tensor:
    """Mean of minus the log of the agreement; pictures [B,3,S,S] with faces at points [B,6,2] that
    are to say content [B,15], and not one of others [M,15]."""
    return -agreement(expert, mouth_crops(pictures, points), content, others).mean()


def contrast(
    expert: SyncExpert, crops: Tensor, expression: Tensor, more: Tensor
) -> dict[str, Tensor]:
    """The expert's own losses. crops [G,N,3,h,w] and expression [G,N,AXES] of the same faces, more
    [M,AXES]: expressions without pictures, whose sounds are only told from.

    heard: which sound a mouth makes; seen: which mouth makes a sound, over the batch; own: the same
    among the pictures of one face, where neither the person nor the light can help; axes: all that
    the mouth does, so that a smile is known from a sound early.
    """
    groups, n = expression.shape[:2]
    flat = expression.flatten(0, 1)
    said, more = spoken(flat), spoken(more)
    features = expert.features(crops.flatten(0, 1))
    seen, heard = expert.point(features), expert.sounds(said)
    scores = expert.scale * seen @ heard.t()
    same = alike(said, said)
    same.fill_diagonal_(False)
    scores = scores.masked_fill(same, -1e4)
    extra = (expert.scale * seen @ expert.sounds(more).t()).masked_fill(alike(said, more), -1e4)
    target = torch.arange(groups * n, device=said.device)
    blocks = scores.view(groups, n, groups, n).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    within = torch.arange(n, device=said.device).repeat(groups)
    return {
        "heard": F.cross_entropy(torch.cat([scores, extra], 1), target),
        "seen": F.cross_entropy(scores.t(), target),
        "own": F.cross_entropy(blocks.transpose(1, 2).flatten(0, 1), within),
        "axes": 30 * F.mse_loss(expert.tell(features).float(), flat[:, list(_MOUTH_AXES)]),
    }


def frozen(path: Path) -> SyncExpert:
    """The averaged expert of a run of `train_sync`, to ask and not to teach."""
    expert = SyncExpert()
    checkpoint.load_average(path, expert)
    return expert.eval().requires_grad_(False)
