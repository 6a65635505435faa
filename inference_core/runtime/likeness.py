# SPDX-License-Identifier: GPL-3.0-or-later
"""The experiment of `verify`: finds the face by the default pack, and compares what is around it.

It is here and not beside `verify` since it needs the networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference_core.protocol.errors import SpeakError
from inference_core.provenance.look import CannotLookError
from inference_core.provenance.origin import Alike, alike

from .pack import DEFAULT, Pack
from .portrait import square_of

SMALLEST = 96  # pixels of a face's square; below, there is too little left to compare


class Likeness:
    """Compares files one after the other; the pack is opened at the first."""

    def __init__(self, folder: Path = DEFAULT) -> None:
        """`folder`: of the pack that finds faces."""
        self._folder = folder
        self._pack: Pack | None = None

    def __call__(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> Alike:
        """How alike pictures [h, w, 3] that follow each other are to what SPEAK makes.

        CannotLookError where there is no face, or nothing to find it with.
        """
        try:
            self._pack = self._pack or Pack(self._folder)
            square = square_of(self._pack, Image.fromarray(pictures[0]))
        except SpeakError as error:
            raise CannotLookError(error.sentence) from error
        if square is None or square.side < SMALLEST:
            raise CannotLookError("no face that is large enough was found")
        return alike(pictures, square)
