# SPDX-License-Identifier: GPL-3.0-or-later
"""The two textures of a face's motion: apart between the lips, one skin in the mouth's corners."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy", reason="made with requirements/train.txt")

from inference_core.model.template import MOUTH, TEXTURE, UV_CENTRE, UV_HALF
from inference_core.training.data.rig import EXPRESSIONS
from inference_core.training.data.template import skin_textures


def textures():
    """A skin of points of which all below the closed lips goes down by 0.2 on one axis."""
    u, v = np.meshgrid(np.linspace(0.08, 0.6, 140), np.linspace(0.05, 0.53, 140))
    uv = np.stack([u.ravel(), v.ravel()], 1)
    bank: Any = SimpleNamespace(
        body_vertices=len(uv), uv=uv, head_weight=np.ones(len(uv), np.float32)
    )
    moved = np.zeros((len(EXPRESSIONS), len(uv), 3), np.float32)
    moved[0, uv[:, 1] > MOUTH.row, 1] = 0.2
    return skin_textures(bank, moved)


def row_of(texture, away, v):
    """What the texture says of the second axis, `away` from the mouth's middle, on row v."""
    x, y = (
        round(((p - c) / h + 1) * TEXTURE / 2 - 0.5)
        for p, c, h in zip((MOUTH.u + away, v), UV_CENTRE, UV_HALF, strict=True)
    )
    return texture[1, y, x]


def test_lips_part_in_the_middle_and_are_one_skin_in_the_corners():
    upper, lower = textures()
    at = MOUTH.row
    assert row_of(lower, 0, at) - row_of(upper, 0, at) == pytest.approx(0.2, abs=0.01)
    corner = 0.5 * (MOUTH.joined + MOUTH.half)
    assert row_of(lower, corner, at) == pytest.approx(row_of(upper, corner, at), abs=1e-6)
    # One skin is stretched evenly, or the place of what is seen between could not be found.
    column = np.array([row_of(upper, corner, at + d) for d in np.linspace(-0.016, 0.016, 9)])
    assert column[0] < 0.02
    assert column[-1] > 0.18
    assert (np.diff(column) >= 0).all()
    assert np.diff(column).max() < 0.09
    # Away from the mouth both are the skin that there is.
    assert np.allclose(upper[:, -20:], lower[:, -20:])
