# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame out of layers, before anything is invented: background, person, eyes and mouth.

The person is the portrait, sampled where the geometry says. Behind it is the background, carried on
where the person stood. Where lids or lips are open one sees eyeballs, turned by the gaze, and the
portrait's own mouth or, past it, the template's teeth and tongue. All of it is sampled from the
portrait at its full size, so that nothing is softer than the picture was.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .expression import EMOTIONS, EYES
from .geometry import Seen, rigid_places
from .identity import Portrait
from .layers import grid, resize, sample
from .template import PLATE_HALF, Template

_GAZE_X = 2 * len(EMOTIONS) + EYES.index("gaze_x")
# An eyeball of 12 mm radius turned by the 25 and 20 degrees of a full gaze, half-widths.
_GAZE_REACH = (0.029, -0.023)
_CAVITY = (0.10, 0.035, 0.03)
_STILL = 0.25  # grid pixels: what moves less is left as it is in the portrait


class Layers(NamedTuple):
    """What the frames of a batch are put together from, on the grid.

    seen: of the skin; source [B,2,g,g] where in the portrait what lies inside of eyes and mouth is;
    plate [B,2,g,g] where on the mouth plate; plates [B,3,h,w] that plate for each frame; own
    [B,1,g,g] 1: the portrait shows this inside itself; eye [B,1,g,g] 1: nearer to an eye than to
    the mouth; shade [B,1,g,g] light that falls in; moved [B,1,g,g].
    """

    seen: Seen
    source: Tensor
    plate: Tensor
    plates: Tensor
    own: Tensor
    eye: Tensor
    shade: Tensor
    moved: Tensor
    behind: Tensor
    fills: Tensor
    alpha: Tensor


def expand(x: Tensor, batch: int) -> Tensor:
    return x.expand(batch, *x.shape[1:])


def layers(
    portrait: Portrait,
    template: Template,
    seen: Seen,
    change: Tensor,
    own_pose: Tensor,
    pose: Tensor,
    plane: Tensor,
) -> Layers:
    """portrait: one for each of B frames (expanded); change [B,AXES]; poses [B,3]; plane [B,3]."""
    g = seen.where.shape[-1]
    places, back = rigid_places(portrait.anchors, portrait.frame, own_pose, pose, plane)
    here = grid(g, g, seen.where)
    offset = here[:, None] - places[..., None, None]  # [B,3,2,g,g]
    distance = offset.square().sum(2)
    nearest = (distance[:, :2] < distance[:, 2:]).float() * (
        distance[:, :2] <= distance[:, :2].amin(1, keepdim=True)
    )
    choice = torch.cat([nearest, 1 - nearest.sum(1, keepdim=True).clamp(0, 1)], 1)  # [B,3,g,g]
    inward = torch.einsum("bkij,bkjyx->bkiyx", back, offset)
    gaze = change[:, _GAZE_X : _GAZE_X + 2].clamp(-1.5, 1.5) * change.new_tensor(_GAZE_REACH)
    turned = torch.stack([gaze, gaze, torch.zeros_like(gaze)], 1)[..., None, None]
    source = portrait.anchors[..., :2, None, None] + inward - turned
    source = (source * choice[:, :, None]).sum(1)
    behind = torch.cat([portrait.inside.sum(1, keepdim=True), portrait.fills[:, 6:9]], 1)
    own, eyes = sample(behind, source).split([1, 3], 1)
    eye = choice[:, :2].sum(1, keepdim=True)
    plate = inward[:, 2] / change.new_tensor(PLATE_HALF)[:, None, None]
    shade = (0.35 + 0.65 * F.avg_pool2d(seen.open, 5, 1, 2)) * (1 - eye) + eye
    person, front = portrait.alpha, portrait.fills[:, :3]
    fronts = sample(torch.cat([person, front], 1), seen.where)
    away = (seen.where - here).square().sum(1, keepdim=True).sqrt() * (g / 2)
    return Layers(
        seen=seen,
        source=source,
        plate=plate,
        plates=mouth(template, change, portrait.tone),
        own=own,
        eye=eye,
        shade=shade,
        moved=((away - _STILL) / _STILL).clamp(0, 1),
        behind=portrait.fills[:, 3:6],
        fills=torch.cat([fronts, eyes], 1),
        alpha=person,
    )


def mouth(template: Template, change: Tensor, tone: Tensor) -> Tensor:
    """[B,3,h,w]: tongue, lower and upper teeth, each where its motion takes it, in the dark."""
    batch = change.shape[0]
    shift = torch.einsum("ba,kad->bkd", change, template.motions)  # half-widths of the crop
    shift = shift / change.new_tensor(PLATE_HALF)
    h, w = template.plates.shape[-2:]
    here = grid(h, w, change)
    picture = change.new_tensor(_CAVITY)[None, :, None, None].expand(batch, -1, h, w)
    for k in range(template.plates.shape[0]):
        part = expand(template.plates[k : k + 1], batch)
        part = F.grid_sample(
            part,
            (here - shift[:, k, :, None, None]).permute(0, 2, 3, 1),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        picture = picture + (part[:, :3] - picture) * part[:, 3:]
    return picture * tone[:, :, None, None]


def finer(places: Tensor, size: int) -> Tensor:
    """[B,2,g,g] places for a finer grid. Motion is interpolated: places would shrink at borders."""
    g = places.shape[-1]
    return grid(size, size, places) + resize(places - grid(g, g, places), size)


def _crisp(x: Tensor, gain: float) -> Tensor:
    return ((x - 0.5) * gain + 0.5).clamp(0, 1)


def composite(picture: Tensor, found: Layers, nudge: Tensor | None = None) -> Tensor:
    """[B,3,S,S] from picture [B,3,S,S]; nudge [B,2,g,g] is added to where the skin is seen."""
    size = picture.shape[-1]
    gain = size / found.alpha.shape[-1]
    where = found.seen.where if nudge is None else found.seen.where + nudge
    skin = sample(picture, finer(where, size))
    fills = resize(found.fills, size)
    mine = _crisp(fills[:, :1], 2 * gain)
    skin = skin * mine + fills[:, 1:4] * (1 - mine)
    masks = resize(torch.cat([found.own, found.eye, found.shade, found.seen.open], 1), size)
    own, eye = _crisp(masks[:, :1], gain), masks[:, 1:2]
    teeth = sample(found.plates, resize(found.plate, size)) * masks[:, 2:3]
    other = fills[:, 4:7] * eye + teeth * (1 - eye)
    inner = sample(picture, resize(found.source, size))
    inner = inner * own + other * (1 - own)
    shown = _crisp(masks[:, 3:4], gain)
    person = skin + (inner - skin) * shown
    edges = resize(torch.cat([found.alpha, found.seen.person, found.moved], 1), size)
    free = (1 - 2.5 * edges[:, :1]).clamp(0, 1)
    ground = picture * free + resize(found.behind, size) * (1 - free)
    matte = _crisp(edges[:, 1:2], gain)
    made = ground + (person - ground) * matte
    # What neither moves nor opens is the portrait, to the last digit.
    busy = torch.maximum(edges[:, 2:], shown)
    return picture + (made - picture) * busy
