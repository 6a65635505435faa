# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on knows: frozen, without bpy, changed only by `transitions`.

Two things vary on their own and so are two enums: the link to the core and the stage of the job.
Pixels, samples and tracks are not here; they stay with the effect runner, by job id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType


class Link(Enum):
    """The core process as the add-on sees it."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"


class Stage(Enum):
    """How far the job is; in this order. The core starts while the first two go on."""

    MIXING = "Mixing the voice down"
    READING = "Reading the curves"
    WAITING = "Starting the core"
    PREPARING = "Reading the portrait"
    LISTENING = "Listening to the voice"
    PROPOSING = "Proposing motion"
    KEYING = "Looking for finished frames"
    GENERATING = "Generating"
    FINISHED = "Finishing"


class Outcome(Enum):
    """How a job ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Note:
    """A code of the table of errors with its arguments: an error or a notice."""

    code: str
    args: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CoreFacts:
    """What the core said of itself and its pack."""

    pack: str
    pack_version: str
    pack_sha256: str
    sizes: tuple[int, ...]
    has_voice: bool
    providers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One press of Generate."""

    id: int
    shot: str
    auto: bool
    frames: int
    started: float
    stage: Stage = Stage.WAITING
    # How much of the stage is done, 0 to 1, where that is known.
    share: float = 0.0
    request: int | None = None
    portrait: str = ""
    voice: str = ""
    to_make: int = 0
    made: int = 0
    seconds_left: float | None = None
    notices: tuple[Note, ...] = ()
    cancelled_at: float | None = None
    # When the first and the last frame came, to tell the pace.
    first_at: float | None = None
    last_at: float | None = None
    # Set when the add-on itself had to stop the job, for instance because the disk is full:
    # the job then ends with this, not as cancelled.
    trouble: Note | None = None

    @property
    def pace(self) -> float | None:
        """Seconds per frame, once it can be told; the first frame pays for what all share."""
        if self.first_at is None or self.last_at is None or self.made < 3:
            return None
        return (self.last_at - self.first_at) / (self.made - 1)

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1; what comes before the first frame counts as a tenth."""
        before = list(Stage).index(Stage.GENERATING)
        if self.stage in (Stage.GENERATING, Stage.FINISHED):
            return 0.1 + 0.9 * (self.made / self.to_make if self.to_make else 1.0)
        return 0.1 * (list(Stage).index(self.stage) + self.share) / before


@dataclass(frozen=True, slots=True)
class Report:
    """How the last job of a shot ended; shown at the shot."""

    outcome: Outcome
    made: int = 0
    kept: int = 0
    seconds: float = 0.0
    error: Note | None = None
    notices: tuple[Note, ...] = ()
    pace: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Everything, at one moment."""

    link: Link = Link.STOPPED
    core: CoreFacts | None = None
    core_error: Note | None = None
    crashes: tuple[float, ...] = ()
    job: Job | None = None
    last_job: int = 0
    reports: Mapping[str, Report] = field(default_factory=lambda: MappingProxyType({}))
