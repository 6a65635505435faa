# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays that may be larger than memory should hold."""

import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# 64 MB in memory are 17 minutes at 16 kHz: no shot is longer, a two-hour voice is.
IN_MEMORY_BYTES = 64 << 20


def new_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros of `shape`: in memory when small, else mapped from a temporary file without a name.

    The file goes when the array does, and the system may write its pages out at any time, so
    hours of sound cost no memory.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return np.memmap(file, dtype, "r+", shape=shape)
