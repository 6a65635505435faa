# SPDX-License-Identifier: GPL-3.0-or-later
"""From the layers to the controls that are generated.

`auto` is what the core proposes from the voice, `edit` the animator's offsets from each control's
default. Per group a weight blends `auto` with the portrait's own rest state:

    generated = clamp(own + weight * (auto - own) + (edit - default))
"""

import numpy as np
import numpy.typing as npt

from ..inference_core.protocol import controls as table

Track = npt.NDArray[np.float32]

DEFAULTS = np.array(table.DEFAULTS, np.float32)
MINIMA = np.array(table.MINIMA, np.float32)
MAXIMA = np.array(table.MAXIMA, np.float32)
GROUP_OF = np.array(
    [[g.name for g in table.GROUPS].index(c.group) for c in table.CONTROLS], np.intp
)


def clean(track: Track, fallback: Track) -> tuple[Track, npt.NDArray[np.bool_]]:
    """`track` held to the ranges of the table and where it had to move, both [frames, 19].

    A value that is not a number becomes that of `fallback` [19], an infinity the limit it names.
    """
    held = np.where(np.isnan(track), fallback, track)
    held = np.clip(held, MINIMA, MAXIMA).astype(np.float32)
    with np.errstate(invalid="ignore"):
        moved = ~((track >= MINIMA) & (track <= MAXIMA))
    return held, moved


def clean_edit(edit: Track) -> tuple[Track, int, list[str]]:
    """Edit curves [frames, 19] held to their ranges, how many values moved, in which controls."""
    held, moved = clean(edit, DEFAULTS)
    names = [name for name, any_ in zip(table.NAMES, moved.any(axis=0), strict=True) if any_]
    return held, int(moved.sum()), names


def blend(own: Track, auto: Track | None, edit: Track, weights: Track) -> Track:
    """The controls to generate, float32 [frames, 19].

    own [19] is the portrait's rest state, auto [frames, 19] or None without an auto layer,
    edit [frames, 19] cleaned, weights [frames, 4] per group in the order of the table.
    """
    base = np.broadcast_to(own, edit.shape)
    if auto is not None:
        weight = np.clip(np.nan_to_num(weights, nan=1.0), 0.0, 1.0)[:, GROUP_OF]
        base = base + weight * (auto - base)
    held, _ = clean((base + (edit - DEFAULTS)).astype(np.float32), DEFAULTS)
    return held
