# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes finished frames of one portrait at one size: network, alpha, paste, PNG."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from .align import Paste
from .pack import Pack
from .png import FrameEncoder, pixels
from .portrait import DARK, LIGHT, READ_SIZE, Floats, Portrait, read, tensor

GPU_BATCH = 8  # a GPU starves on single frames; a processor gains nothing from more than one
WRITING_BYTES = 256 << 20  # memory for files in the making
FAINT = 1 / 32  # alpha below which a pixel's own colour cannot be told any more

Bytes = npt.NDArray[np.uint8]


class Painter:
    """Holds what all frames of a portrait and size share; nothing changes from frame to frame."""

    def __init__(
        self, pack: Pack, portrait: Portrait, size: int, identity: Mapping[str, Floats]
    ) -> None:
        """`size` = side of the generated crop, `identity` = outputs of identity.onnx."""
        self._pack = pack
        self._session = pack.session("frame.onnx")
        self._paste = Paste(portrait.square, size, (portrait.width, portrait.height))
        self._rgb = portrait.rgb.crop(self._paste.box)
        self._alpha = portrait.alpha.crop(self._paste.box) if portrait.alpha else None
        self._encoder = FrameEncoder(pixels(portrait.rgb, portrait.alpha), self._paste.box)
        # Where the crop has no transparent pixel, none can move into it: one picture does.
        opaque = self._alpha is None or self._alpha.getextrema() == (255, 255)
        backdrops = (DARK,) if opaque else (DARK, LIGHT)
        self._portraits = [tensor(portrait.crop(size, grey)) for grey in backdrops]
        wanted = {entry.name for entry in self._session.get_inputs()}
        self._shared = {name: value for name, value in identity.items() if name in wanted}
        self._shared["own"] = portrait.own[None]
        self._shared["own_content"] = portrait.own_content[None]
        self.batch = self._batch()
        # A file in the making takes four copies of its box; large ones are made one by one.
        copies = 4 * 4 * self._rgb.width * self._rgb.height
        cores = os.cpu_count() or 1
        self.writers = max(1, min(8, cores, WRITING_BYTES // copies))

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
        """The controls [n, 19] that are seen in generated crops."""
        frames = [
            tensor(Image.fromarray(_bytes(crop)).reduce(crop.shape[-1] // READ_SIZE))
            for crop in crops[0]
        ]
        # One by one, for the same reason as in `crops`.
        return np.concatenate([read(self._pack, frame)[0] for frame in frames])

    def png(self, crops: list[Floats], key: str) -> bytes:
        """The finished file of one frame, from its crops [3, S, S] on each backdrop."""
        if len(crops) == 1:
            rgb = self._paste.blend(self._rgb, Image.fromarray(_bytes(crops[0])))
            return self._encoder.encode(pixels(rgb, self._alpha), key)
        colour, alpha = matte(*crops)
        rgb = self._paste.blend(self._rgb, Image.fromarray(_bytes(colour)))
        assert self._alpha is not None  # two backdrops only where there is alpha
        soft = self._paste.blend(self._alpha, Image.fromarray(_bytes(alpha[None])[:, :, 0]))
        return self._encoder.encode(pixels(rgb, soft), key)


def matte(dark: Floats, light: Floats) -> tuple[Floats, Floats]:
    """Colour [3, S, S] and alpha [S, S] from the same frame over two backdrops.

    Triangulation matting (Smith and Blinn 1996): what differs is the backdrop showing through.
    """
    through = np.clip((light - dark).mean(0) * np.float32(255 / (LIGHT - DARK)), 0, 1)
    alpha = 1 - through
    colour = (dark - through * np.float32(DARK / 255)) / np.maximum(alpha, np.float32(FAINT))
    return np.clip(colour, 0, 1), alpha


def _bytes(crop: Floats) -> Bytes:
    """Values [C, S, S] in 0..1 as uint8 [S, S, C]; what is not a number becomes black."""
    # Adding a half and truncating rounds; going through the transposed view keeps one copy.
    values = np.nan_to_num(crop).transpose(1, 2, 0) * np.float32(255) + np.float32(0.5)
    return np.ascontiguousarray(np.clip(values, 0, 255).astype(np.uint8))
