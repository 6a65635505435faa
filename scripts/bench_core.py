# SPDX-License-Identifier: GPL-3.0-or-later
"""A core whose frames are ready before they are asked for, to time the link and nothing else.

`python -m scripts.bench_core serve` is the same control process, worker and wire as
`python -m inference_core serve`; only the engine behind them does no work.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from inference_core.protocol.controls import CONTROLS_VERSION, COUNT, DEFAULTS
from inference_core.service import worker
from inference_core.service.main import serve

SIDE = 512
FRAME_BYTES = SIDE * SIDE * 3
# As many different frames as no cache holds: real ones come from memory too.
DIFFERENT = 64


class ReadyFrames:
    """Stands for the engine: frames of as many bytes as the pixels of 512x512, one as another."""

    def __init__(self, pack: Path, threads: int | None = None) -> None:
        self._frames = [os.urandom(FRAME_BYTES) for _ in range(DIFFERENT)]
        self._measured = np.asarray(DEFAULTS, np.float32)

    def describe(self) -> dict[str, Any]:
        """What the protocol asks of every engine."""
        return {
            "pack": "bench", "version": "0", "sha256": "0" * 64, "providers": [], "threads": 1,
            "sizes": [SIDE], "has_voice": True, "controls_version": CONTROLS_VERSION,
        }  # fmt: skip

    def prepare(self, data: bytes, face: int | None = None, box: object = None) -> Any:
        """A portrait without looking at it."""
        key = hashlib.sha256(data).hexdigest()
        return SimpleNamespace(
            key=key, width=SIDE, height=SIDE, own=self._measured, faces=[], chosen=0, notices=[]
        )

    def listen(self, samples: Any, rate: int) -> Any:
        """A voice without listening to it."""
        key = hashlib.sha256(samples.tobytes()).hexdigest()
        return SimpleNamespace(key=key, seconds=len(samples) / rate, notices=[])

    def generate(
        self,
        portrait: Any,
        voice: Any,
        fps: Fraction,
        controls: Any,
        size: int,
        seed: int = 0,
        start: float = 0.0,
        indices: Sequence[int] | None = None,
        mark: bool = False,
    ) -> Iterator[Any]:
        """All frames at once."""
        assert controls.shape[1] == COUNT
        for index in range(len(controls)) if indices is None else indices:
            png = self._frames[index % DIFFERENT]
            yield SimpleNamespace(index=index, key="0" * 64, png=png, measured=self._measured)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        sys.exit(serve(sys.argv[2:], worker="scripts.bench_core"))
    worker.run(make=ReadyFrames)
