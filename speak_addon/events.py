# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can happen, as frozen dataclasses. Times are seconds of a monotonic clock.

Events that answer a request carry its id; answers to a request that the job no longer waits for
are stale and change nothing.
"""

from dataclasses import dataclass

from .state import CoreFacts, Note, Stage


@dataclass(frozen=True, slots=True)
class GenerateAsked:
    """The user pressed Generate.

    gathered: whether the effect runner has the data of job `job` already; else `Gathered` follows.
    """

    job: int
    shot: str
    frames: int
    auto: bool
    now: float
    notices: tuple[Note, ...] = ()
    gathered: bool = True


@dataclass(frozen=True, slots=True)
class Gathering:
    """What a job needs is being taken from the scene: so much of a stage is done, 0 to 1."""

    job: int
    stage: Stage
    share: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """The voice is mixed down, the curves are read, and the effect runner has the job's data."""

    job: int
    frames: int
    notices: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Generate could not even start for this shot."""

    shot: str
    error: Note


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """The user pressed Cancel or Escape."""

    now: float


@dataclass(frozen=True, slots=True)
class CheckAsked:
    """The user wants to know whether the core starts; it also lets a broken one try again."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Another file is about to be loaded, or the extension is being disabled."""

    now: float


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed."""

    now: float


@dataclass(frozen=True, slots=True)
class CoreReady:
    """The core has proved the token and told about itself."""

    facts: CoreFacts


@dataclass(frozen=True, slots=True)
class CoreLost:
    """The core could not start, or the connection to it ended without our doing.

    crashed: whether it counts against a core that stops again and again; one that refuses its
    pack does not, it says why each time.
    """

    error: Note
    now: float
    crashed: bool = True


@dataclass(frozen=True, slots=True)
class RequestSent:
    """The effect runner sent the request that moves the job on."""

    job: int
    request: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """The core has something to say though the work goes on."""

    request: int
    notice: Note


@dataclass(frozen=True, slots=True)
class Prepared:
    """The portrait is known to the core; `own` is float32 [19] as bytes."""

    request: int
    portrait: str
    own: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """The voice is known to the core."""

    request: int
    voice: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """The auto layer, float32 [frames, 19], and its keys, float32 [k, 4], as bytes."""

    request: int
    auto: bytes
    keys: bytes


@dataclass(frozen=True, slots=True)
class Keyed:
    """One key per frame."""

    request: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """The folder was compared with the keys: so many frames have to be made."""

    job: int
    to_make: int


@dataclass(frozen=True, slots=True)
class FrameMade:
    """A finished frame: PNG bytes and the controls measured on it, float32 [19] as bytes."""

    request: int
    index: int
    key: str
    png: bytes
    measured: bytes
    now: float


@dataclass(frozen=True, slots=True)
class Progressed:
    """The core's own estimate."""

    request: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class AllMade:
    """`generate` ended well."""

    request: int
    now: float


@dataclass(frozen=True, slots=True)
class RequestCancelled:
    """The core stopped a request because it was asked to."""

    request: int
    now: float


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """The core could not do what was asked."""

    request: int
    error: Note
    now: float


@dataclass(frozen=True, slots=True)
class Previewed:
    """One moment as a picture: uint8 [height, width, channels] as bytes, the top row first."""

    request: int
    shape: tuple[int, int, int]
    pixels: bytes


@dataclass(frozen=True, slots=True)
class FolderClosed:
    """shot.json names every frame of the finished job."""

    job: int
    now: float


@dataclass(frozen=True, slots=True)
class JobObstructed:
    """The shot's folder refused a file."""

    job: int
    error: Note
    now: float


Event = (
    GenerateAsked | Gathering | Gathered | Refused | CancelAsked | CheckAsked | Closing | Ticked
    | CoreReady | CoreLost | RequestSent | Noticed | Prepared | Heard | Proposed | Keyed | Planned
    | FrameMade | Progressed | AllMade | RequestCancelled | RequestFailed | FolderClosed
    | Previewed | JobObstructed
)  # fmt: skip
