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

from .deform import Moved
from .expression import EMOTIONS, EYES
from .geometry import Seen, rotation
from .identity import Portrait
from .layers import grid, resize, sample
from .template import PLATE_HALF, Template

_GAZE_X = 2 * len(EMOTIONS) + EYES.index("gaze_x")
# An eyeball of 12 mm radius turned by the 25 and 20 degrees of a full gaze, half-widths.
_GAZE_REACH = (0.029, -0.023)
_CAVITY = (0.10, 0.035, 0.03)
_TINT = 0.7  # of the colour of a face's tone that its teeth share
_WHITE = 1  # grid pixels of eyeball below where the map sees its rim
_STILL = 0.25  # grid pixels: what moves less is left as it is in the portrait


class Layers(NamedTuple):
    """What the frames of a batch are put together from, on the grid.

    seen: of the rigid head; upper, lower [B,2,g,g] where in the portrait the skin past the upper
    and the lower rims is; hidden [B,2,g,g] where what lies inside of eyes and mouth is; open
    [B,1,g,g] 1: neither skin is there; parts [B,3,g,g] the portrait's masks: its skin past upper
    rims, past lower ones, and its eyes and mouth inside; plate [B,2,g,g] where on the mouth plate;
    plates [B,3,h,w] that plate for each frame; eye [B,1,g,g] 1: nearer to an eye than to the mouth;
    head [B,1,g,g] how much of what is there turns with the head; moved [B,1,g,g]; behind, eyes,
    fills [B,3,g,g] colours past the portrait's own: of the background, of eyeballs, and of the
    person; alpha [B,1,g,g] the portrait's matte.
    """

    seen: Seen
    upper: Tensor
    lower: Tensor
    hidden: Tensor
    open: Tensor
    parts: Tensor
    plate: Tensor
    plates: Tensor
    eye: Tensor
    head: Tensor
    moved: Tensor
    behind: Tensor
    eyes: Tensor
    fills: Tensor
    alpha: Tensor


def layers(
    portrait: Portrait,
    template: Template,
    seen: Seen,
    moved: Moved,
    change: Tensor,
    own_pose: Tensor,
) -> Layers:
    """portrait: one for each of B frames (expanded); seen and moved: of the rigid head, and of the
    face within its picture; change [B,AXES]; own_pose [B,3]."""
    g = seen.where.shape[-1]
    upper, lower = sample(torch.cat([moved.upper, moved.lower], 1), seen.where).chunk(2, 1)
    offset = seen.where[:, None] - portrait.anchors[..., :2, None, None]  # [B,3,2,g,g]
    distance = offset.square().sum(2)
    eye = (distance[:, :2].amin(1, keepdim=True) < distance[:, 2:]).float()
    gaze = change[:, _GAZE_X : _GAZE_X + 2].clamp(-1.5, 1.5) * change.new_tensor(_GAZE_REACH)
    tilt = rotation(own_pose)[:, :2, :2]
    turned = torch.bmm(tilt, gaze[..., None])[..., None]
    hidden = seen.where - turned * eye
    inside = _whites(portrait.inside).sum(1, keepdim=True).clamp(0, 1)
    parts = torch.cat(
        [(1 - inside) * (1 - portrait.below), (1 - inside) * portrait.below, inside], 1
    )
    # The mouth's plate stands upright in the head: from the portrait's picture back to a front.
    plate = torch.bmm(tilt.transpose(1, 2), offset[:, 2].flatten(2)).view(-1, 2, g, g)
    plate = plate / change.new_tensor(PLATE_HALF)[:, None, None]
    skin = _covered(parts, upper, lower)
    here = grid(g, g, seen.where)
    # Nothing is to be learnt from it: a root has no slope at 0.
    still = torch.stack([upper - here, lower - here, hidden - here], 1).detach().square().sum(2)
    away = still.amax(1, keepdim=True).sqrt() * (g / 2)
    # At a fold, where rounding is felt most, what moves may by chance land on its own place: only
    # what is still all around stays.
    away = F.max_pool2d(away, 3, 1, 1)
    return Layers(
        seen=seen,
        upper=upper,
        lower=lower,
        hidden=hidden,
        open=1 - skin.sum(1, keepdim=True),
        parts=parts,
        plate=plate,
        plates=mouth(template, change, portrait.tone),
        eye=eye,
        head=sample(portrait.turn, seen.where),
        moved=((away - _STILL) / _STILL).clamp(0, 1),
        behind=portrait.fills[:, 3:6],
        eyes=portrait.fills[:, 6:9],
        fills=portrait.fills[:, :3],
        alpha=portrait.alpha,
    )


def _whites(inside: Tensor) -> Tensor:
    """inside [B,3,g,g] with eyeballs down to their last line of white, which the map gives to the
    lower lid: an upper lid would stop short of it."""
    balls = inside[:, :2]
    lower = F.pad(balls, (0, 0, _WHITE, 0))[..., : balls.shape[2], :]
    return torch.cat([torch.maximum(balls, lower), inside[:, 2:]], 1)


def _covered(parts: Tensor, upper: Tensor, lower: Tensor, gain: float = 1.0) -> Tensor:
    """[B,2,h,w]: how much of each place the skin past the upper rims covers, and past the lower."""
    under = sample(parts[:, 1:2], lower)
    above = torch.minimum(sample(parts[:, :1], upper), 1 - under)
    both = above + under
    # What lies between two skins is open when it is more hollow than skin.
    return torch.cat([above, under], 1) * (_crisp(both, gain) / both.clamp_min(1e-4))


def mouth(template: Template, change: Tensor, tone: Tensor) -> Tensor:
    """[B,3,h,w]: tongue, lower and upper teeth, each where its motion takes it, in the dark."""
    batch = change.shape[0]
    shift = torch.einsum("ba,kad->bkd", change, template.motions)  # half-widths of the crop
    shift = shift / change.new_tensor(PLATE_HALF)
    h, w = template.plates.shape[-2:]
    here = grid(h, w, change)
    picture = change.new_tensor(_CAVITY)[None, :, None, None].expand(batch, -1, h, w)
    for k in range(template.plates.shape[0]):
        part = template.plates[k : k + 1].expand(batch, -1, -1, -1)
        part = F.grid_sample(
            part,
            (here - shift[:, k, :, None, None]).permute(0, 2, 3, 1),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        picture = picture + (part[:, :3] - picture) * part[:, 3:]
    # Teeth are of nearly the same colour in every face; the rest of a tone is the light.
    grey = tone.mean(1, keepdim=True)
    return picture * (grey + _TINT * (tone - grey))[:, :, None, None]


def finer(places: Tensor, size: int) -> Tensor:
    """[B,2,g,g] places for a finer grid. Motion is interpolated: places would shrink at borders."""
    g = places.shape[-1]
    return grid(size, size, places) + resize(places - grid(g, g, places), size)


def _crisp(x: Tensor, gain: float) -> Tensor:
    return ((x - 0.5) * gain + 0.5).clamp(0, 1)


class Mixture(NamedTuple):
    """A frame as `drawn` [B,1,h,w] times the portrait where `places` and `choice` [B,2,h,w] say
    (`chosen`), plus `kept` [B,1,h,w] times the portrait in place, plus `other` [B,3,h,w]."""

    places: tuple[Tensor, Tensor, Tensor]
    choice: Tensor
    drawn: Tensor
    kept: Tensor
    other: Tensor


def chosen(places: tuple[Tensor, Tensor, Tensor], choice: Tensor) -> Tensor:
    """[B,2,h,w]: the place past the upper rims, past the lower ones or inside; choice: by how much
    the first covers more than the second, and both more than the third. A mean of two would lie
    between them: on the white of an eye that is closed."""
    upper, lower, hidden = places
    skin = torch.where(choice[:, :1] >= 0, upper, lower)
    return torch.where(choice[:, 1:] >= 0, skin, hidden)


def mixture(found: Layers, size: int) -> Mixture:
    """What a frame is made of, at a resolution of `size`."""
    gain = size / found.alpha.shape[-1]
    places = finer(found.upper, size), finer(found.lower, size), finer(found.hidden, size)
    covered = _covered(found.parts, places[0], places[1], gain)
    shown = 1 - covered.sum(1, keepdim=True)
    above = covered[:, :1] - covered[:, 1:]
    skin = chosen(places, torch.cat([above, torch.ones_like(above)], 1))
    alpha, inside = sample(found.alpha, skin), sample(found.parts[:, 2:3], places[2])
    # Colours past an edge are smooth: the grid will do.
    fills, eyes = sample(found.fills, found.upper), sample(found.eyes, found.hidden)
    light = F.avg_pool2d(found.open, 5, 1, 2)
    coarse = [found.eye, light, found.alpha, found.seen.person, found.moved, found.behind]
    maps = resize(torch.cat([*coarse, fills, eyes], 1), size)
    eye, light, free, matte, moved, behind, fills, eyes = maps.split([1, 1, 1, 1, 1, 3, 3, 3], 1)
    # At the person's very edge the portrait is half background, which must not be taken along.
    outside = _crisp(alpha - 0.25, 2 * gain) * (1 - shown)
    inner = _crisp(inside, gain) * shown
    # Light falls into a mouth as far as it is open; lids throw no shadow here.
    teeth = sample(found.plates, resize(found.plate, size)) * (0.35 + 0.65 * light)
    fill = fills * (1 - shown - outside) + (eyes * eye + teeth * (1 - eye)) * (shown - inner)
    free = (1 - 2.5 * free).clamp(0, 1)
    person = _crisp(matte, gain) * moved
    ground = moved - person
    # What does not move is the portrait, to the last digit.
    return Mixture(
        places=places,
        choice=torch.cat([above, outside - inner], 1),
        drawn=person * (outside + inner),
        kept=1 - moved + ground * free,
        other=person * fill + ground * (1 - free) * behind,
    )


def composite(picture: Tensor, found: Layers, busy: Tensor | None = None) -> Tensor:
    """[B,3,S,S] from picture [B,3,S,S]. Its parts are put together at twice the grid; the portrait
    itself is read at its full size. busy [B,1,1,1]: the frame's share, 1 when it is not given; the
    rest is the picture."""
    size, fine = picture.shape[-1], 2 * found.alpha.shape[-1]
    mix = mixture(found, fine)
    parts = torch.cat([mix.drawn, mix.kept, mix.other], 1)
    if busy is not None:
        parts = torch.cat([mix.drawn, mix.kept - 1, mix.other], 1) * busy
        parts = parts + parts.new_tensor([0, 1, 0, 0, 0])[:, None, None]
    shares = resize(torch.cat([parts, mix.choice], 1), size)
    upper, lower, hidden = (finer(place, size) for place in mix.places)
    where = chosen((upper, lower, hidden), shares[:, 5:])
    return shares[:, :1] * sample(picture, where) + shares[:, 1:2] * picture + shares[:, 2:5]
