# SPDX-License-Identifier: GPL-3.0-or-later
"""Find frontal faces with a Haar cascade (Viola and Jones 2001) in plain NumPy.

The cascade slides a window of 20 x 20 pixels over shrinking copies of the picture. All windows of
one copy are tested together: every stage works on the windows that the stage before left over, so
that the hundreds of trees behind the first stages see a few dozen windows. The numbers come from
`detector.npz` (see `scripts/convert_cascade.py` for its arrays), so nothing here depends on
OpenCV.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

WORK_SIDE = 360  # pixels of the longer side searched
SMALLEST_FACE = 1 / 16  # of the longer side; smaller ones would be a blur in the frames anyway
SCALE_STEP = 1.1
FINE_SCALE = 2.0  # below this shrinking the windows go two pixels at a time, as in OpenCV
CHUNK = 40_000  # windows times trees evaluated together; what fits the processor's cache is fastest
MIN_HITS = 3  # windows that must agree on one face
MOST_HITS = 4000  # a crowd; only a picture made to do so has more
SAME_FACE = 0.2  # of a box: hits whose edges differ by less belong to one face
ANGLES = (0.0, 20.0, -20.0, 40.0, -40.0)  # degrees, in the order tried

Hits = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FaceBox:
    """A square around a face, in pixels of the picture: centre, side, and how far it is turned.

    `angle` is in degrees, positive = clockwise in the image. `hits` counts the windows that agreed.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    hits: int = 0

    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the box, its turn left out."""
        return self.x - self.side / 2, self.y - self.side / 2, self.side, self.side


class Cascade:
    """The arrays of `detector.npz`, and the evaluation of many windows at once."""

    def __init__(self, arrays: Any) -> None:
        """`arrays`: as `scripts/convert_cascade.py` names them. KeyError when one lacks."""
        self.window = int(arrays["window"][0])
        self.stage_end = [int(v) for v in arrays["stage_end"]]
        self.stage_threshold = np.asarray(arrays["stage_threshold"], np.float64)
        self.node_feature = np.asarray(arrays["node_feature"], np.int64)
        self.node_threshold = np.asarray(arrays["node_threshold"], np.float64)
        self.node_left = np.asarray(arrays["node_left"], np.int64)
        self.node_right = np.asarray(arrays["node_right"], np.int64)
        self.leaf = np.asarray(arrays["leaf"], np.float64)
        self.rectangle = np.asarray(arrays["rectangle"], np.int64)
        self.weight = np.asarray(arrays["weight"], np.float64)

    @classmethod
    def from_bytes(cls, data: bytes) -> Cascade:
        """Read the content of `detector.npz`. ValueError or KeyError when it is not one."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls({name: arrays[name] for name in arrays.files if name != "licence"})

    def windows(
        self, levels: Sequence[npt.NDArray[np.uint8]], steps: Sequence[int]
    ) -> list[npt.NDArray[np.int64]]:
        """Left-top corners (x, y) of the windows that pass all stages, one array [n, 2] per level.

        `levels` are grey pictures [H, W], `steps` the pixels from one window to the next in each.
        The levels are stacked into one sheet, so that the stages run once over the windows of all
        of them: behind the first stages the windows are so few that the calls would cost more than
        the sums.
        """
        side = self.window
        stride = max(level.shape[1] for level in levels) + 1
        tops = np.cumsum([0] + [level.shape[0] + 1 for level in levels])
        # int32 is enough for sums (480 x 480 x 255 is far from 2**31), the squares need 64 bits.
        total = np.zeros((int(tops[-1]), stride), np.int32)
        squares = np.zeros((int(tops[-1]), stride), np.int64)
        starts = []
        for level, top, step in zip(levels, tops, steps, strict=False):
            height, width = level.shape
            here = slice(top + 1, top + 1 + height), slice(1, 1 + width)
            total[here] = level.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32)
            squares[here] = np.square(level, dtype=np.int64).cumsum(0).cumsum(1)
            ys, xs = np.mgrid[0 : height - side + 1 : step, 0 : width - side + 1 : step]
            starts.append(((ys + top) * stride + xs).ravel())
        at = np.concatenate(starts)
        flat = total.ravel()

        # Brightness and contrast of each window, over its inside without the outermost pixels.
        inner = np.array([[1, 1, side - 2, side - 2]])
        area = float((side - 2) ** 2)
        mean = _rectangle_sums(flat, at, inner, stride)[:, 0].astype(np.float64)
        power = _rectangle_sums(squares.ravel(), at, inner, stride)[:, 0].astype(np.float64)
        spread = area * power - mean * mean
        norm = np.where(spread > 0, 1 / np.sqrt(np.maximum(spread, 1e-9)), 1.0)

        first = 0
        for end, threshold in zip(self.stage_end, self.stage_threshold, strict=True):
            chunk = max(1, CHUNK // (end - first))
            score = np.concatenate(
                [
                    self._stage(
                        slice(first, end), flat, at[i : i + chunk], norm[i : i + chunk], stride
                    )
                    for i in range(0, max(1, len(at)), chunk)
                ]
            )
            keep = score >= threshold - 1e-5
            at, norm = at[keep], norm[keep]
            first = end
        row, x = at // stride, at % stride
        level_of = np.searchsorted(tops, row, side="right") - 1
        return [
            np.stack([x[level_of == n], row[level_of == n] - tops[n]], 1)
            for n in range(len(levels))
        ]

    def _stage(
        self,
        trees: slice,
        flat: npt.NDArray[Any],
        at: npt.NDArray[np.int64],
        norm: npt.NDArray[np.float64],
        stride: int,
    ) -> npt.NDArray[np.float64]:
        """The sum of the leaf values [n] that each window reaches in the trees of one stage."""
        feature = self.node_feature[trees].ravel()  # two nodes per tree, flat
        value = np.zeros((len(at), len(feature)))
        for number in range(self.rectangle.shape[1]):
            weight = self.weight[feature, number]
            used = np.flatnonzero(weight)
            rectangles = self.rectangle[feature[used], number]
            value[:, used] += weight[used] * _rectangle_sums(flat, at, rectangles, stride)
        shape = (len(at), len(feature) // 2, 2)
        below = (value * norm[:, None]).reshape(shape) < self.node_threshold[trees]
        goes = np.where(below, self.node_left[trees], self.node_right[trees])  # [n, trees, 2]
        leaf = np.where(goes[:, :, 0] > 0, -goes[:, :, 1], -goes[:, :, 0])
        leaves = np.broadcast_to(self.leaf[trees], (len(at), *self.leaf[trees].shape))
        return np.take_along_axis(leaves, leaf[:, :, None], 2)[:, :, 0].sum(1)


def _rectangle_sums(
    flat: npt.NDArray[Any],
    at: npt.NDArray[np.int64],
    rectangles: npt.NDArray[np.int64],
    stride: int,
) -> npt.NDArray[Any]:
    """Sums of R rectangles (x, y, width, height) in the n windows at `at`, shape [n, R]."""
    x, y, width, height = rectangles.T
    top = at[:, None] + (y * stride + x)
    bottom = top + height * stride
    return flat[bottom + width] - flat[bottom] - flat[top + width] + flat[top]


def find_faces(image: Image.Image, cascade: Cascade) -> list[FaceBox]:
    """The faces of a picture from left to right; turned heads only where no upright one is.

    The picture is searched on a reduced grey copy (longer side WORK_SIDE). When nothing is found,
    copies turned by the angles in ANGLES are searched and the angle with the most agreement is
    taken.
    """
    return next((found for found in searches(image, cascade) if found), [])


def searches(image: Image.Image, cascade: Cascade) -> Iterator[list[FaceBox]]:
    """What each search finds: first the upright one, then all turned ones, best angle first.

    A caller that rejects all of one search's boxes goes on to the next, and pays for no more than
    it uses.
    """
    shrink = max(1.0, max(image.size) / WORK_SIDE)
    small_size = (
        max(1, round(image.width / shrink)),
        max(1, round(image.height / shrink)),
    )
    # The reducing gap lets Pillow average whole pixels first: an 8K picture costs 0.1 s, not 1 s.
    small = image.convert("L").resize(small_size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    yield _in_angle(small, cascade, 0.0, shrink)
    turned = [_in_angle(small, cascade, angle, shrink) for angle in ANGLES[1:]]
    yield from sorted(turned, key=lambda boxes: -max((b.hits for b in boxes), default=0))


def _in_angle(small: Image.Image, cascade: Cascade, angle: float, shrink: float) -> list[FaceBox]:
    """The faces in `small` that stand upright after turning it by -`angle`, in full-size pixels."""
    # Image.rotate turns against the clock, and a head turned clockwise needs just that.
    turned = small.rotate(angle, Image.Resampling.BILINEAR, expand=True) if angle else small
    radians = math.radians(angle)
    cos, sin = math.cos(radians), math.sin(radians)
    boxes = []
    for x, y, side, hits in _upright(np.asarray(turned, np.uint8), cascade):
        dx, dy = x - turned.width / 2, y - turned.height / 2
        back_x = small.width / 2 + cos * dx - sin * dy
        back_y = small.height / 2 + sin * dx + cos * dy
        if 0 <= back_x <= small.width and 0 <= back_y <= small.height:
            boxes.append(FaceBox(back_x * shrink, back_y * shrink, side * shrink, angle, int(hits)))
    return sorted(boxes, key=lambda box: box.x)


def _upright(
    grey: npt.NDArray[np.uint8], cascade: Cascade
) -> Iterable[tuple[float, float, float, int]]:
    """Upright faces (centre x, centre y, side, hits) in a grey picture [H, W]."""
    height, width = grey.shape
    side = cascade.window
    scale = max(1.0, max(height, width) * SMALLEST_FACE / side)
    picture = Image.fromarray(grey)
    scales: list[float] = []
    while min(height, width) / scale >= side:
        scales.append(scale)
        scale *= SCALE_STEP
    if not scales:
        return []
    levels = []
    for scale in scales:
        size = (max(side, round(width / scale)), max(side, round(height / scale)))
        copy = picture.resize(size, Image.Resampling.BILINEAR) if scale > 1 else picture
        levels.append(np.asarray(copy, np.uint8))
    found = cascade.windows(levels, [1 if scale >= FINE_SCALE else 2 for scale in scales])
    hits = [
        np.column_stack([(corners + side / 2) * scale, np.full(len(corners), side * scale)])
        for corners, scale in zip(found, scales, strict=True)
    ]
    return group(np.concatenate(hits))


def group(hits: Hits) -> list[tuple[float, float, float, int]]:
    """Merge overlapping hits [n, (x, y, side)] into faces (x, y, side, number of hits).

    Two hits are one face when centre and size differ by less than SAME_FACE of the smaller box;
    chains count (as in OpenCV's grouping). Groups of fewer than MIN_HITS are dropped, and so is a
    group that lies inside a better one: a cascade likes to see a second face in a collar or a fold.
    """
    if not len(hits):
        return []
    hits = hits[:: 1 + len(hits) // MOST_HITS]  # the comparison below takes hits squared
    x, y, side = hits.T
    smaller = np.minimum(side[:, None], side[None, :]) * SAME_FACE
    near = (
        (np.abs(x[:, None] - x) <= smaller)
        & (np.abs(y[:, None] - y) <= smaller)
        & (np.abs(side[:, None] - side) <= smaller)
    )
    label = np.arange(len(hits))
    while True:  # each hit takes the lowest label of its neighbours until nothing changes
        lowest = np.where(near, label[None, :], len(hits)).min(1)
        if np.array_equal(lowest, label):
            break
        label = lowest
    faces = []
    for name in np.unique(label):
        members = hits[label == name]
        if len(members) >= MIN_HITS:
            mean = members.mean(0)
            faces.append((float(mean[0]), float(mean[1]), float(mean[2]), len(members)))
    faces.sort(key=lambda face: -face[3])
    kept: list[tuple[float, float, float, int]] = []
    for face in faces:
        if not any(_inside(face, better) for better in kept):
            kept.append(face)
    return kept


def _inside(face: tuple[float, float, float, int], better: tuple[float, float, float, int]) -> bool:
    """Whether the centre of one lies in the box of the other, either way."""
    reach = max(face[2], better[2]) / 2
    return abs(face[0] - better[0]) < reach and abs(face[1] - better[1]) < reach
