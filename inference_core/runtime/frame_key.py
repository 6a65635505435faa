# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of a frame: a hash of everything that it depends on, and of nothing else.

The same key always stands for the same bytes but for the manifest, whose signature is random (on
one machine; another processor may round the last bit of a pixel differently). Where the curves and
the voice are as they were, so is the key, and the frame need not be made again.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import numpy.typing as npt

# Raised whenever the way from network to PNG changes, so that old frames are not taken for new.
METHOD = 4


def frame_keys(
    pack: str,
    portrait: str,
    size: int,
    content: npt.NDArray[np.float32],
    controls: npt.NDArray[np.float32],
    seed: int,
    mark: bool = True,
) -> list[str]:
    """SHA-256 hex of each frame.

    `pack` and `portrait` are their own keys, `content` [N, 15] and `controls` [N, 19] what each
    frame uses, `mark` whether it gets the watermark. The frame's number is not part of it: equal
    frames are equal wherever they stand.
    """
    head = hashlib.sha256()
    for text in (pack, portrait):
        head.update(struct.pack("<I", len(text)) + text.encode("ascii"))
    head.update(struct.pack("<IIq?", METHOD, size, seed, mark))
    keys = []
    # -0.0 and 0.0 are the same value in other bytes; adding 0.0 makes them one.
    rows = np.concatenate([content, controls], 1).astype("<f4") + np.float32(0)
    for row in rows:
        key = head.copy()
        key.update(row.tobytes())
        keys.append(key.hexdigest())
    return keys
