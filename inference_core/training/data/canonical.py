# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical crop, as the runtime's aligner defines it, from six points of a face."""

from __future__ import annotations

import numpy as np

CROP_SIDE = 5.0  # side of the crop over the distance from the eyes to the mouth
CROP_DROP = 0.3  # centre of the crop: this far from the eyes towards the mouth


def canonical_crop(points: np.ndarray) -> tuple[np.ndarray, float, float]:
    """points [6,2] (eyes, nose tip, mouth corners, chin; y down) -> centre [2], half side, turn.

    turn: degrees clockwise by which the face is tilted in the picture.
    """
    eyes, mouth = points[:2].mean(0), points[3:5].mean(0)
    down = mouth - eyes
    distance = float(np.hypot(*down))
    turn = float(np.degrees(np.arctan2(-down[0], down[1])))
    return eyes + CROP_DROP * down, CROP_SIDE * distance / 2, turn
