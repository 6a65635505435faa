# SPDX-License-Identifier: GPL-3.0-or-later
"""What landmarks tell: mouth and face distance, pose, expression, blinks, lips against the sound.

Landmarks come from the judge of `evaluation` (MediaPipe Face Mesh, 68 of them in the order of
iBUG 300-W), not from dlib or 3DMM regressors, whose weights may not be used commercially. So M-LMD
and F-LMD are EAT's formula on other landmarks, and pose and expression are named for what they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..evaluation.judge import FACE, MOUTH, Seen
from ..evaluation.metrics import landmark_distance

Doubles = npt.NDArray[np.float64]

BLINK = 0.2  # eye aspect ratio under which an eye is closed (Soukupova and Cech 2016)
_EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
_INNER_EYES = (33, 263)


def lmd(one: Seen, other: Seen, which: str) -> list[float]:
    """Distance of the mouth's or face's landmarks in pixels, per frame, each set's mean point taken
    away, no scale and no rotation (EAT, test_lmd.py). NaN where a face was not seen.
    """
    points = MOUTH if which == "M-LMD" else FACE
    a, b = one.flat(points), other.flat(points)
    count = min(len(a), len(b))
    return [landmark_distance(a[n : n + 1], b[n : n + 1]) for n in range(count)]


def between_eyes(seen: Seen) -> float:
    """Mean distance of the outer eye corners in pixels: what LMD is divided by to compare sizes."""
    a, b = seen.points[:, _INNER_EYES[0], :2], seen.points[:, _INNER_EYES[1], :2]
    return float(np.nanmean(np.linalg.norm(a - b, axis=1)))


def pose_distance(one: Seen, other: Seen) -> list[float]:
    """Angle in degrees between the rotations of two heads, each against its own first frame."""
    a, b = one.pose(), other.pose()
    count = min(len(a), len(b))
    return [_angle(a[n], b[n]) for n in range(count)]


def _angle(one: Doubles, other: Doubles) -> float:
    from scipy.spatial.transform import Rotation

    if not np.isfinite([one, other]).all():
        return float("nan")
    turns = [Rotation.from_euler("YXZ", row, degrees=True) for row in (one, other)]
    return float(np.degrees((turns[0].inv() * turns[1]).magnitude()))


def expression_distance(one: Seen, other: Seen) -> list[float]:
    """Mean distance of the 68 landmarks after size, place and rotation are taken away (Procrustes),
    in hundredths of the distance of the eyes.
    """
    a, b = one.points[:, FACE], other.points[:, FACE]
    count = min(len(a), len(b))
    return [_shape_distance(a[n], b[n]) for n in range(count)]


def _shape_distance(one: Doubles, other: Doubles) -> float:
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("nan")
    # The eyes' outer corners are the 37th and 46th of the 68.
    a, b = ((x - x.mean(0)) / np.linalg.norm(x[36] - x[45]) for x in (one, other))
    u, _, vt = np.linalg.svd(b.T @ a)
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return float(100 * np.linalg.norm(b @ turn - a, axis=1).mean())


def openness(seen: Seen) -> Doubles:
    """Eye aspect ratio [n], mean of both eyes: (|p2 p6| + |p3 p5|) / (2 |p1 p4|)."""
    ratios = []
    for p1, p2, p3, p4, p5, p6 in _EYES:
        points = seen.points[:, :, :2]

        def gap(a: int, b: int, points: Doubles = points) -> Doubles:
            distance: Doubles = np.linalg.norm(points[:, a] - points[:, b], axis=1)
            return distance

        ratios.append((gap(p2, p6) + gap(p3, p5)) / (2 * gap(p1, p4)))
    mean: Doubles = np.mean(ratios, 0)
    return mean


def blinks(ratio: npt.ArrayLike, fps: float) -> tuple[int, float]:
    """How many times the eyes close, and how often that is per minute."""
    closed = np.asarray(ratio) < BLINK
    count = int((closed & ~np.concatenate([[False], closed[:-1]])).sum())
    return count, count / (len(closed) / fps) * 60
