# SPDX-License-Identifier: GPL-3.0-or-later
"""An experiment: does a picture or film without a mark look as SPEAK makes them?

A linear model over `traces`, trained on films of rendered people (`training.origin`). It says how
alike something is to what one pack makes, with how often it is wrong, and nothing about whether
anything is real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .traces import Square, of_motion, of_picture

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("origin.npz")
LOOKED_AT = 3  # frames of a film, spread over those that follow each other
FARTHEST = 3.0  # spreads
FOLLOWING = 8  # frames of a film that follow each other


@dataclass(frozen=True)
class Model:
    """A logistic regression: `centre`, `spread`, `weights` [n], `bias`; `limit`: the score from
    which it is called alike.
    """

    centre: Floats
    spread: Floats
    weights: Floats
    bias: float
    limit: float

    def score(self, numbers: Floats) -> float:
        """Log odds [] of numbers [n]."""
        return float(standing(numbers, self.centre, self.spread) @ self.weights) + self.bias


def standing(numbers: Floats, centre: Floats, spread: Floats) -> Floats:
    """Numbers [..., n] in spreads from the centre. What is NaN (a region that is too small) says
    nothing, and what lies far beyond all that was learned from no more than its edge.
    """
    known: Floats = np.clip(np.nan_to_num((numbers - centre) / spread), -FARTHEST, FARTHEST)
    return known


@dataclass(frozen=True)
class Alike:
    """What came out: log odds, the limit, for how many pictures, and whose frames were learned."""

    score: float
    limit: float
    pictures: int
    pack: str = ""

    @property
    def alike(self) -> bool:
        """Whether it looks as this product makes them."""
        return self.score >= self.limit


def numbers_of(pictures: Sequence[Bytes], square: Square) -> Floats:
    """Numbers of a picture, or of frames [h, w, 3] that follow each other: those of a few pictures,
    averaged, and for films those of their motion.
    """
    at = sorted({round(n) for n in np.linspace(0, len(pictures) - 1, LOOKED_AT)})
    each = np.mean([of_picture(pictures[n], square) for n in at], 0)
    if len(pictures) == 1:
        return np.asarray(each, np.float32)
    return np.concatenate([each, of_motion(pictures, square)]).astype(np.float32)


def alike(pictures: Sequence[Bytes], square: Square) -> Alike:
    """Compare a picture, or frames of a film that follow each other, of one size, with what SPEAK
    makes; the face is in `square` in the first.
    """
    model = models()["film" if len(pictures) > 1 else "picture"]
    return Alike(model.score(numbers_of(pictures, square)), model.limit, len(pictures), pack())


@cache
def models() -> dict[str, Model]:
    """The model for single pictures and the one for films."""
    with np.load(WEIGHTS, allow_pickle=False) as file:
        return {
            kind: Model(
                *(file[f"{kind}_{name}"] for name in ("centre", "spread", "weights")),
                *(float(file[f"{kind}_{name}"]) for name in ("bias", "limit")),
            )
            for kind in ("picture", "film")
        }


@cache
def pack() -> str:
    """Name, version and the hash's first digits of the pack whose frames were learned."""
    with np.load(WEIGHTS, allow_pickle=False) as file:
        return str(file["pack"])
