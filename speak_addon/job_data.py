# SPDX-License-Identifier: GPL-3.0-or-later
"""The bulky side of a job, which the state does not hold: pixels, samples and tracks."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.controls import COUNT
from .frame_time import FrameRange
from .layers import DEFAULTS, Track
from .shot_folder import ShotFolder


@dataclass
class JobData:
    """What one Generate needs, taken from the scene once, and what comes back.

    portrait: the bytes of the image file; the names are for people to read. samples: int16 [n] at
    `rate`. start: seconds into the
    samples of the first frame. edit [frames, 19], weights [frames, 4].
    """

    shot: str
    folder: ShotFolder
    folder_name: str
    portrait: bytes
    portrait_name: str
    face: int | None
    voice_name: str
    samples: npt.NDArray[np.int16]
    rate: int
    start: float
    fps: Fraction
    fps_stored: tuple[int, float]
    frames: FrameRange
    size: int
    seed: int
    use_auto: bool
    auto_amount: float
    edit: Track
    weights: Track
    own: Track = field(default_factory=lambda: DEFAULTS.copy())
    auto: Track | None = None
    controls: Track = field(default_factory=lambda: np.empty((0, COUNT), np.float32))
    keys: tuple[str, ...] = ()
    # The pack that the frames are made with, and what the core calls portrait and voice.
    pack: dict[str, str] = field(default_factory=dict)
    portrait_key: str = ""
    voice_key: str = ""
    indices: tuple[int, ...] = ()
    # NaN where a frame has not been read back; `there` are the frames whose file is finished.
    measured: Track = field(default_factory=lambda: np.empty((0, COUNT), np.float32))
    there: set[int] = field(default_factory=set)
