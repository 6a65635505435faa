# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut the upright square around a face out of the portrait, and paste a generated one back.

A `Square` is any square in the picture, turned as the head is. Coordinates are continuous pixels:
x right, y down, (0, 0) the outer corner of the first pixel, so that (0.5, 0.5) is its centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from .face_detector import FaceBox

BOX_IN_SQUARE = 0.6  # side of the detected box in the square that the landmark network sees
CROP_SIDE = 5.0  # of the distance from the eyes to the mouth: hair, chin and some shoulder
CROP_CENTRE = 0.3  # of the way from the eyes to the mouth
BORDER = 0.2  # of half the side: over this the pasted square fades into the portrait
MARGIN = 4  # pixels kept around a region so that bicubic sampling never meets its edge

Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Square:
    """Centre and side in pixels; (`right_x`, `right_y`) is the unit vector along its upper edge."""

    x: float
    y: float
    side: float
    right_x: float = 1.0
    right_y: float = 0.0

    def to_picture(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Points [..., 2] in -1..1 of the square (x right, y down) as pixels of the picture."""
        u, v = np.moveaxis(np.asarray(points, np.float64), -1, 0) * (self.side / 2)
        x = self.x + u * self.right_x - v * self.right_y
        y = self.y + u * self.right_y + v * self.right_x
        return np.stack([x, y], -1)

    def from_picture(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Pixels of the picture [..., 2] in -1..1 of the square."""
        x, y = np.moveaxis(np.asarray(points, np.float64), -1, 0)
        dx, dy = x - self.x, y - self.y
        u = dx * self.right_x + dy * self.right_y
        v = dy * self.right_x - dx * self.right_y
        return np.stack([u, v], -1) / (self.side / 2)

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the upright rectangle that holds the square."""
        reach = (abs(self.right_x) + abs(self.right_y)) * self.side / 2
        return self.x - reach, self.y - reach, self.x + reach, self.y + reach


def around(box: FaceBox) -> Square:
    """The square that the landmark network sees for a detected face."""
    angle = math.radians(box.angle)
    return Square(box.x, box.y, box.side / BOX_IN_SQUARE, math.cos(angle), math.sin(angle))


def canonical(points: npt.NDArray[np.float64]) -> Square:
    """The crop for the six landmarks [6, 2] in pixels (two eyes, nose, two mouth corners, chin).

    With E between the eyes and M between the mouth corners, d = |M - E|: centre E + 0.3 (M - E),
    side 5 d, turned so that E to M points straight down. ValueError when the points are no face.
    """
    eyes = (points[0] + points[1]) / 2
    mouth = (points[3] + points[4]) / 2
    axis = mouth - eyes
    distance = float(np.hypot(*axis))
    across = float(np.hypot(*(points[1] - points[0])))
    if not math.isfinite(distance + across) or distance < 2 or across > 6 * distance:
        raise ValueError("these landmarks are no face")
    centre = eyes + CROP_CENTRE * axis
    down_x, down_y = (axis / distance).tolist()
    return Square(float(centre[0]), float(centre[1]), CROP_SIDE * distance, down_y, -down_x)


def cut(image: Image.Image, square: Square, size: int) -> Image.Image:
    """The content of the square as `size` x `size` pixels, without aliasing.

    What lies outside of the picture is filled with its edge colours, blurred. `image` is RGB or L.
    """
    shrink = max(1, int(square.side / (2 * size)))
    left, top, right, bottom = _with_margin(square, shrink)
    inside = (max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ValueError("the square lies outside of the picture")
    region = image.reduce(shrink, box=inside) if shrink > 1 else image.crop(inside)
    pads = (inside[0] - left, inside[1] - top, right - inside[2], bottom - inside[3])
    before_x, before_y, after_x, after_y = (math.ceil(pad / shrink) for pad in pads)
    if max(before_x, before_y, after_x, after_y) > 0:
        region = _padded(region, (before_x, before_y, after_x, after_y))
    step = square.side / size / shrink  # pixels of the region per pixel of the crop
    origin = square.to_picture([-1.0, -1.0]) - inside[:2]
    start_x, start_y = origin / shrink + (before_x, before_y)
    coefficients = (
        step * square.right_x,
        -step * square.right_y,
        float(start_x),
        step * square.right_y,
        step * square.right_x,
        float(start_y),
    )
    return _sampled(region, coefficients, size)


def _with_margin(square: Square, shrink: int) -> tuple[int, int, int, int]:
    """Whole pixels around the square, with room for sampling a copy shrunk `shrink` times."""
    left, top, right, bottom = square.bounds()
    margin = MARGIN * shrink
    return (
        math.floor(left) - margin,
        math.floor(top) - margin,
        math.ceil(right) + margin,
        math.ceil(bottom) + margin,
    )


def _padded(region: Image.Image, pads: tuple[int, int, int, int]) -> Image.Image:
    """`region` with pads (left, top, right, bottom) of its edge colours, softer further outside."""
    left, top, right, bottom = pads
    values = np.asarray(region)
    widths = [(top, bottom), (left, right)] + [(0, 0)] * (values.ndim - 2)
    wide = np.pad(values, widths, mode="edge")
    radius = max(2.0, max(region.size) / 24)
    # Edge pixels drawn out are streaks; blurred at an eighth of the size they are a soft backdrop.
    streaks = Image.fromarray(wide)
    small_size = (max(1, streaks.width // 8), max(1, streaks.height // 8))
    small = streaks.resize(small_size, Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(radius / 8)).resize(
        streaks.size, Image.Resampling.BICUBIC
    )
    ramp_x = _distance_outside(values.shape[1], left, right)
    ramp_y = _distance_outside(values.shape[0], top, bottom)
    outside = np.hypot(ramp_x[None, :], ramp_y[:, None])
    weight = np.minimum(outside * (255 / radius), 255).astype(np.uint8)
    return Image.composite(soft, streaks, Image.fromarray(weight))


def _distance_outside(length: int, before: int, after: int) -> npt.NDArray[np.float32]:
    """How far each pixel of a padded row lies outside of the row's own `length` pixels."""
    at = np.arange(-before, length + after, dtype=np.float32)
    return np.maximum(np.maximum(-at, at - (length - 1)), 0)


def _sampled(image: Image.Image, coefficients: Affine, size: int) -> Image.Image:
    """Sample `image` at `size` x `size` pixels: bicubic, twice as fine where it is shrunk.

    Band by band in float: Pillow cuts the fractions off 8-bit results, half a level on average.
    """
    a, b, c, d, e, f = coefficients
    fine = 2 if math.hypot(a, d) > 1 else 1
    stepped = (a / fine, b / fine, c, d / fine, e / fine, f)
    bands = []
    for band in image.split():
        values = band.convert("F").transform(
            (size * fine, size * fine),
            Image.Transform.AFFINE,
            stepped,
            Image.Resampling.BICUBIC,
        )
        bands.append(Image.fromarray(to_bytes(np.asarray(values.reduce(fine)))))
    return Image.merge(image.mode, bands)


def to_bytes(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Values in 0..255 rounded to 8 bits."""
    return np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8)


class Paste:
    """Puts generated crops of one size back into one picture; made once per portrait and size."""

    def __init__(self, square: Square, crop: int, picture: tuple[int, int]) -> None:
        """`crop` = side of the generated squares in pixels, `picture` = (width, height)."""
        left, top, right, bottom = square.bounds()
        self.box = (
            max(math.floor(left), 0),
            max(math.floor(top), 0),
            min(math.ceil(right), picture[0]),
            min(math.ceil(bottom), picture[1]),
        )
        self.size = (self.box[2] - self.box[0], self.box[3] - self.box[1])
        # Turning is the dear part. Linear samples where the crop has a bit more pixels than its
        # place are as sharp as bicubic ones for half the time; Pillow's separable resize, which
        # is cheap, sees to it that it has. Far more would alias, and just as many would blur.
        step = crop / square.side  # crop pixels per pixel of the picture
        equal = 0.8 < step < 1.2
        self._method = Image.Resampling.BICUBIC if equal else Image.Resampling.BILINEAR
        self._grain = (
            crop if 0.8 < step < 2.4 else 2 * crop if step < 1 else round(1.5 * square.side)
        )
        step = self._grain / square.side
        start = (square.from_picture(self.box[:2]) + 1) / 2 * self._grain + MARGIN
        self._coefficients: Affine = (
            step * square.right_x,
            step * square.right_y,
            float(start[0]),
            -step * square.right_y,
            step * square.right_x,
            float(start[1]),
        )
        self._weight = self._fade(square)

    def _fade(self, square: Square) -> npt.NDArray[np.float32]:
        """How much of the generated square shows [h, w]: 0 at its edge, 1 inside of BORDER."""
        x = np.arange(self.box[0], self.box[2], dtype=np.float32) + np.float32(0.5 - square.x)
        y = np.arange(self.box[1], self.box[3], dtype=np.float32) + np.float32(0.5 - square.y)
        half = np.float32(square.side / 2)
        right_x, right_y = np.float32(square.right_x), np.float32(square.right_y)
        weight = np.ones((len(y), len(x)), np.float32)
        for along_x, along_y in ((right_x, right_y), (-right_y, right_x)):
            away = np.abs(y[:, None] * along_y + x[None, :] * along_x)
            ramp = np.clip((1 - away / half) / np.float32(BORDER), 0, 1)
            weight *= ramp * ramp * (3 - 2 * ramp)
        return weight

    def _placed(self, band: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """One band [S, S] of the square turned and scaled to `box` [h, w], without its fade."""
        image = Image.fromarray(band)
        if image.width != self._grain:
            image = image.resize((self._grain, self._grain), Image.Resampling.BICUBIC)
        # Samples at the very edge have no neighbour outside; repeating it keeps black out.
        framed = Image.fromarray(np.pad(np.asarray(image), MARGIN, mode="edge"))
        placed = framed.transform(
            self.size, Image.Transform.AFFINE, self._coefficients, self._method
        )
        return np.asarray(placed)

    def blend(
        self, base: npt.NDArray[np.uint8], crop: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.uint8]:
        """`base` [h, w, C], the portrait's content in `box`, with the generated square over it.

        `crop` is float32 [C or fewer, S, S] in 0..255; further bands of `base` stay as they are.
        """
        result = base.copy()
        for band, values in enumerate(crop):  # one at a time: at 8K a band in float is 60 MB
            below = base[:, :, band].astype(np.float32)
            over = self._placed(values)
            over = (over - below) * self._weight + below
            result[:, :, band] = to_bytes(over)
        return result
