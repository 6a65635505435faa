# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known exactly about a drawn picture: what each pixel shows, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_NEARER = 0.004  # metres: more than a pixel's slope on a cheek, less than a nose or a lip
TRACKED = 8  # targets that one tracking pass follows


@dataclass(frozen=True)
class Labels:
    """What each pixel of a picture shows, rows from the top.

    material float32 [g,g]: -1 background, 0 skin and cloth (and the lashes, which move as the skin
    of their lid does), 1 the eyeball at the image's right, 2 at its left, 3..4 caruncles, 5 lower
    teeth and tongue, 6 upper teeth, 7 hair that is a mesh (wigs, loose strands), 8 worn and rigid
    with the head (glasses, hats), 9 held before the face, which does not move with it. Through
    lenses that are clear or lightly tinted the label is that of what is seen behind. uv float32
    [2,g,g]: texture coordinates on the chart of the material, 0 for loose strands, 8 and 9.
    depth float32 [g,g]: distance to the camera in metres, 0 on the background.
    """

    material: np.ndarray
    uv: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class Tracks:
    """Exact labels of the portrait's own pixels, rows from the top.

    flow float32 [targets,2,g,g]: displacement of the point seen at each pixel, in half-widths of
    the crop, x right, y down; 0 on the background. depth float32 [g,g]: distance to the camera in
    metres (0 = background). material and uv: of the point that is seen, as in Labels. reached
    float32 [targets,g,g]: distance to the camera, in metres, of the point seen here when it is in
    the target; `visible` compares it with what the target shows there.
    """

    flow: np.ndarray
    reached: np.ndarray
    depth: np.ndarray
    material: np.ndarray
    uv: np.ndarray


def visible(tracks: Tracks, targets: Sequence[Labels]) -> np.ndarray:
    """bool [targets,g,g]: whether each of the portrait's points is to be seen in each target.

    A point is seen if one of the four pixels around its place there shows its material, no nearer
    than the point by more than _NEARER: lids lie so close to the eyes that depth does not tell.
    """
    g = tracks.material.shape[0]
    centre = (np.arange(g) + 0.5) * 2 / g - 1
    here = np.stack(np.meshgrid(centre, centre))
    found = np.zeros((len(targets), g, g), bool)
    for k, target in enumerate(targets):
        place = (here + tracks.flow[k] + 1) * g / 2 - 0.5
        within = (place >= -0.5).all(0) & (place <= g - 0.5).all(0)
        x, y = np.clip(np.floor(place), 0, g - 2).astype(int)
        for dy in (0, 1):
            for dx in (0, 1):
                shown = target.depth[y + dy, x + dx] > tracks.reached[k] - _NEARER
                found[k] |= shown & (target.material[y + dy, x + dx] == tracks.material)
        found[k] &= within & (tracks.material >= 0)
    return found
