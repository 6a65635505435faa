# SPDX-License-Identifier: GPL-3.0-or-later
"""The bulky side of a job, which the state does not hold: pixels, samples and tracks."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..inference_core.protocol.controls import COUNT
from .baseline import Baseline, Sources
from .frame_time import FrameRange
from .layers import DEFAULTS, Track
from .shot_folder import ShotFolder
from .take_store import TakeStore


@dataclass(frozen=True)
class Speaker:
    """Who speaks, what and when: all that a shot's frames share.

    portrait: the bytes of the image file. samples: int16 [n] at `rate`. start: seconds into the
    samples of the first frame.
    """

    sources: Sources
    portrait: bytes
    face: int | None
    samples: npt.NDArray[np.int16]
    rate: int
    start: float
    fps: Fraction
    frames: FrameRange
    seed: int
    auto_amount: float


@dataclass
class JobData:
    """What one Generate needs, taken from the scene once, and what comes back.

    The names are for people to read. edit [frames, 19], weights [frames, 4].
    """

    speaker: Speaker
    shot: str
    folder: ShotFolder
    folder_name: str
    portrait_name: str
    voice_name: str
    fps_stored: tuple[int, float]
    size: int
    mark: bool
    consent: str
    use_auto: bool
    edit: Track
    weights: Track
    own: Track = field(default_factory=lambda: DEFAULTS.copy())
    auto: Track | None = None
    auto_keys: Track | None = None  # [k, 4]: control, frame, value, slope
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

    # Curves and settings as they were then, for the take; see `curve_data`.
    kept: dict[str, Any] = field(default_factory=dict)
    # The frames that takes need, by key, as they were when the job began.
    needed: frozenset[str] = frozenset()

    @property
    def takes(self) -> TakeStore:
        """The shot's takes."""
        return TakeStore(self.folder.path)

    @property
    def frames(self) -> FrameRange:
        """The frames of the shot on the scene's timeline."""
        return self.speaker.frames

    def baseline(self) -> Baseline | None:
        """What the frames are made from now; None when it never came to frames."""
        if not self.keys:
            return None
        keys = tuple(key if index in self.there else None for index, key in enumerate(self.keys))
        auto = self.auto if self.use_auto else None
        return Baseline(self.speaker.sources, self.own, auto, self.controls, keys)
