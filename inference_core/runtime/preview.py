# SPDX-License-Identifier: GPL-3.0-or-later
"""A small picture of one moment, for somebody who is dragging a slider.

The same network makes it as makes the frames, at its smallest size; the picture that it is pasted
into is scaled down first, nothing is read back and no file is written. So it is not marked.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from .align import Square
from .pack import Pack
from .painter import Painter
from .png import Pixels, pixels
from .portrait import Floats, Portrait


class Previewer:
    """Shows one portrait in a picture whose longer side has at most `side` pixels."""

    def __init__(
        self, pack: Pack, portrait: Portrait, side: int, identity: dict[str, Floats]
    ) -> None:
        small = reduced(portrait, side)
        self._painter = Painter(pack, small, min(pack.sizes), identity, mark=False)
        self._whole = pixels(small.rgb, small.alpha)

    def picture(self, controls: Floats, content: Floats) -> Pixels:
        """uint8 [h, w, 3 or 4] of one moment: controls [1, 19], content [1, 15]."""
        plates = self._painter.crops(controls, content)
        left, top, right, bottom = self._painter.box
        shown = self._whole.copy()
        shown[top:bottom, left:right] = self._painter.region([plate[0] for plate in plates])
        return shown


def reduced(portrait: Portrait, side: int) -> Portrait:
    """The portrait with at most `side` pixels on its longer side, its face where it was."""
    scale = side / max(portrait.width, portrait.height)
    if scale >= 1:
        return portrait
    width = max(1, round(portrait.width * scale))
    height = max(1, round(portrait.height * scale))

    def shrunk(image: Image.Image) -> Image.Image:
        return image.resize((width, height), Image.Resampling.BOX)

    square = portrait.square
    return replace(
        portrait,
        width=width,
        height=height,
        rgb=shrunk(portrait.rgb),
        alpha=None if portrait.alpha is None else shrunk(portrait.alpha),
        points=portrait.points * scale,
        square=Square(
            square.x * scale, square.y * scale, square.side * scale, square.right_x, square.right_y
        ),
    )
