# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes finished frames of one portrait at one size: network, alpha, paste, PNG."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from PIL import Image

from inference_core.provenance.statement import XMP
from inference_core.provenance.watermark import Watermark

from .align import Paste, to_bytes
from .pack import Pack
from .png import FrameEncoder, Pixels, pixels
from .portrait import DARK, LIGHT, READ_SIZE, Floats, Portrait, read, tensor

GPU_BATCH = 8  # a GPU starves on single frames; a processor gains nothing from more than one
WRITING_BYTES = 256 << 20  # memory for files in the making
FAINT = 1 / 32  # alpha below which a pixel's own colour cannot be told any more


class Painter:
    """Holds what all frames of a portrait and size share; nothing changes from frame to frame."""

    def __init__(
        self,
        pack: Pack,
        portrait: Portrait,
        size: int,
        identity: Mapping[str, Floats],
        mark: bool = True,
    ) -> None:
        """`size` = side of the generated crop, `identity` = outputs of identity.onnx, `mark` =
        whether the frames get the watermark.
        """
        self._pack = pack
        self._session = pack.session("frame.onnx")
        self._paste = Paste(portrait.square, size, (portrait.width, portrait.height))
        whole = pixels(portrait.rgb, portrait.alpha)
        left, top, right, bottom = self._paste.box
        self._base = whole[top:bottom, left:right]
        self._watermark: Watermark | None = None
        if mark:
            # What lies around the box is marked once; the box joins it in every frame.
            whole = whole.copy()
            Watermark(0, 0, portrait.width, portrait.height).mark(whole)
            self._watermark = Watermark(left, top, *self._paste.size)
        self._encoder = FrameEncoder(whole, self._paste.box, XMP if mark else None)
        # Where the crop has no transparent pixel, none can move into it: one picture does.
        opaque = portrait.alpha is None or bool((self._base[:, :, 3] == 255).all())
        backdrops = (DARK,) if opaque else (DARK, LIGHT)
        self._portraits = [tensor(portrait.crop(size, grey)) for grey in backdrops]
        wanted = {entry.name for entry in self._session.get_inputs()}
        self._shared = {name: value for name, value in identity.items() if name in wanted}
        self._shared["own"] = portrait.own[None]
        self._shared["own_content"] = portrait.own_content[None]
        self.batch = self._batch()
        # A file in the making takes four copies of its box; large ones are made one by one.
        copies = 16 * self._paste.size[0] * self._paste.size[1]
        cores = os.cpu_count() or 1
        self.writers = max(1, min(8, cores, WRITING_BYTES // copies))
        # How many frames are in the making: on a processor one on each thread that was granted.
        self.at_once = self.writers if pack.on_gpu else min(pack.threads, self.writers)

    def _batch(self) -> int:
        """Frames per run: what the network demands, else what its processor likes."""
        for entry in self._session.get_inputs():
            if entry.name == "controls" and isinstance(entry.shape[0], int):
                return entry.shape[0]
        return GPU_BATCH if self._pack.on_gpu else 1

    def crops(self, controls: Floats, content: Floats) -> list[Floats]:
        """Generated crops [n, 3, S, S] for n <= batch frames, one array per backdrop.

        A run always has `batch` rows, the last one repeated when there are fewer: libraries choose
        their method by the batch, and another method rounds otherwise. So a frame's bytes do not
        depend on which frames were asked for with it.
        """
        count = len(controls)
        filler = self.batch - count
        feed = dict(self._shared)
        feed["controls"] = np.concatenate([controls, np.repeat(controls[-1:], filler, 0)])
        feed["content"] = np.concatenate([content, np.repeat(content[-1:], filler, 0)])
        crops: list[Floats] = []
        for portrait in self._portraits:
            feed["portrait"] = portrait
            crops.append(self._session.run(["rgb"], feed)[0][:count])
        return crops

    def measured(self, crops: list[Floats]) -> Floats:
        """The controls [19] seen in the crops [3, S, S] of one frame, in 8 bits as filed."""
        seen = to_bytes(np.nan_to_num(crops[0]).transpose(1, 2, 0) * np.float32(255))
        small = Image.fromarray(seen).reduce(seen.shape[0] // READ_SIZE)
        controls: Floats = read(self._pack, tensor(small))[0][0]
        return controls

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what changes, in pixels of the portrait."""
        return self._paste.box

    def png(self, crops: list[Floats], key: str) -> bytes:
        """The finished file of one frame, from its crops [3, S, S] on each backdrop."""
        return self._encoder.encode(self.region(crops), key)

    def region(self, crops: list[Floats]) -> Pixels:
        """What stands in `box` of one frame, uint8 [h, w, 3 or 4], from its crops [3, S, S]."""
        colour = np.nan_to_num(crops[0])  # what is not a number becomes black
        if len(crops) == 2:
            colour, alpha = matte(colour, np.nan_to_num(crops[1]))
            colour = np.concatenate([colour, alpha[None]])
        result = self._paste.blend(self._base, colour * np.float32(255))
        if self._watermark is not None:
            self._watermark.mark(result)
        return result


def matte(dark: Floats, light: Floats) -> tuple[Floats, Floats]:
    """Colour [3, S, S] and alpha [S, S] from the same frame over two backdrops.

    Triangulation matting (Smith and Blinn 1996): what differs is the backdrop showing through.
    """
    through = np.clip((light - dark).mean(0) * np.float32(255 / (LIGHT - DARK)), 0, 1)
    alpha = 1 - through
    colour = (dark - through * np.float32(DARK / 255)) / np.maximum(alpha, np.float32(FAINT))
    return np.clip(colour, 0, 1), alpha
