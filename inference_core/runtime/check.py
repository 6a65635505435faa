# SPDX-License-Identifier: GPL-3.0-or-later
"""Test an installation: versions, the pack's files, and every network once on made-up input."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import PIL

from inference_core import __version__
from inference_core.protocol.controls import DEFAULTS, VISEMES
from inference_core.protocol.errors import SpeakError

from .engine import Engine
from .pack import VOICE
from .portrait import LANDMARK_SIZE, READ_SIZE, read

Floats = np.ndarray


def check(folder: Path, threads: int | None = None) -> Iterator[str]:
    """Lines that say what works, each as soon as it is known. SpeakError on the first that does
    not.
    """
    yield f"SPEAK core {__version__}, Python {platform.python_version()} on {platform.platform()}"
    yield (
        f"numpy {np.__version__}, onnxruntime {onnxruntime.__version__}, Pillow {PIL.__version__}"
    )
    engine = Engine(folder, threads)
    facts = engine.describe()
    yield f"pack {facts['pack']} {facts['version']}: every file is as it should be"
    yield f"networks run on {', '.join(facts['providers'])} with {facts['threads']} threads"
    pack = engine.pack
    pack.detector()
    grey = np.full((1, 3, LANDMARK_SIZE, LANDMARK_SIZE), 0.5, np.float32)
    pack.session("landmarks.onnx").run(["points", "confidence"], {"image": grey})
    crop = np.full((1, 3, READ_SIZE, READ_SIZE), 0.5, np.float32)
    read(pack, crop)
    yield "face detector, landmarks and reading networks answer"
    identity = pack.session("identity.onnx")
    names = [output.name for output in identity.get_outputs()]
    shared = dict(zip(names, identity.run(names, {"portrait": crop}), strict=True))
    frame = pack.session("frame.onnx")
    rest = np.zeros((1, len(VISEMES)), np.float32)
    rest[0, 0] = 1
    own = np.array([DEFAULTS], np.float32)
    wanted = {entry.name for entry in frame.get_inputs()}
    for size in facts["sizes"]:
        feed = {name: value for name, value in shared.items() if name in wanted}
        feed |= {"own": own, "own_content": rest, "controls": own, "content": rest}
        feed["portrait"] = np.full((1, 3, size, size), 0.5, np.float32)
        frame.run(["rgb"], feed)
        begin = time.perf_counter()
        (rgb,) = frame.run(["rgb"], feed)
        seconds = time.perf_counter() - begin
        if rgb.shape != (1, 3, size, size) or not np.isfinite(rgb).all():
            reason = f"it answers {size} pixels with {list(rgb.shape)}"
            raise SpeakError("pack_shape", name="frame.onnx", reason=reason)
        yield f"a frame of {size} pixels takes {seconds * 1000:.0f} ms"
    if facts["has_voice"]:
        pack.session(VOICE)
        heard = engine.listen(np.sin(np.arange(16000) / 9).astype(np.float32) * 0.1, 16000)
        yield f"voice encoder answers ({len(heard.content)} rows for a second)"
    else:
        yield SpeakError("pack_no_voice").sentence
    yield "Everything works."
