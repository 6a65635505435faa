# SPDX-License-Identifier: GPL-3.0-or-later
"""Steadiness of a clip [n, h, w, 3]: flicker and how badly flow explains the next frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from .pixels import grey

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

STILL = 4.0  # levels: what differs by less over three frames is a still place
FLOW_SIDE = 256  # pixels: flow is found on pictures no larger


def flicker(pictures: Bytes) -> list[float]:
    """Mean second difference over time of the places that stand still, in levels, per frame."""
    values = grey(pictures)
    result = []
    for before, now, after in zip(values, values[1:], values[2:], strict=False):
        still = (np.abs(after - before) < STILL) & (np.abs(now - before) < STILL)
        result.append(float(np.abs(after - 2 * now + before)[still].mean()) if still.any() else 0.0)
    return result


def warp_error(pictures: Bytes) -> list[float]:
    """E_warp (Lai et al. 2018): mean squared difference, of values in 0..1, between each frame and
    the next one brought back along the flow, where both directions of the flow agree.

    Flow: scikit-image's iterative Lucas-Kanade, at most FLOW_SIDE pixels a side.
    """
    from skimage.registration import optical_flow_ilk
    from skimage.transform import resize

    small = []
    for picture in pictures:
        scale = min(1.0, FLOW_SIDE / max(picture.shape[:2]))
        shape = tuple(round(side * scale) for side in picture.shape[:2])
        small.append(resize(picture, (*shape, 3), anti_aliasing=True).astype(np.float32))
    result = []
    for one, other in pairwise(small):
        a, b = one.mean(2), other.mean(2)
        there = optical_flow_ilk(a, b, radius=7)
        back = optical_flow_ilk(b, a, radius=7)
        at = np.indices(a.shape) + there
        returned = np.stack([map_coordinates(part, at, order=1, mode="nearest") for part in back])
        # Occluded where going there and back ends elsewhere (Sundaram, Brox, Keutzer 2010).
        size = np.square(there).sum(0) + np.square(returned).sum(0)
        seen = np.square(there + returned).sum(0) <= 0.01 * size + 0.5
        brought = np.stack(
            [map_coordinates(other[..., c], at, order=1, mode="nearest") for c in range(3)], -1
        )
        result.append(float(np.square(brought - one).mean(2)[seen].mean()) if seen.any() else 0.0)
    return result
