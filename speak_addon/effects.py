# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is to be done, as frozen dataclasses; `effect_runner` does it."""

from dataclasses import dataclass

from .state import CoreFacts


@dataclass(frozen=True, slots=True)
class StartCore:
    """Start the core process; CoreReady or CoreLost follows."""


@dataclass(frozen=True, slots=True)
class StopCore:
    """End the core process, however busy it is."""


@dataclass(frozen=True, slots=True)
class SendPrepare:
    """Send the job's portrait."""

    job: int


@dataclass(frozen=True, slots=True)
class SendListen:
    """Send the job's voice."""

    job: int


@dataclass(frozen=True, slots=True)
class SendPropose:
    """Ask for the auto layer."""

    job: int
    portrait: str
    voice: str


@dataclass(frozen=True, slots=True)
class SendKeys:
    """Blend the layers and ask for the keys of all frames."""

    job: int
    portrait: str
    voice: str


@dataclass(frozen=True, slots=True)
class SendGenerate:
    """Ask for the frames that are missing."""

    job: int
    portrait: str
    voice: str


@dataclass(frozen=True, slots=True)
class SendCancel:
    """Ask the core to stop a request."""

    request: int


@dataclass(frozen=True, slots=True)
class KeepOwn:
    """Keep the portrait's rest state with the job's data."""

    job: int
    own: bytes


@dataclass(frozen=True, slots=True)
class KeepAuto:
    """Keep the auto layer and its keys with the job's data."""

    job: int
    auto: bytes
    keys: bytes


@dataclass(frozen=True, slots=True)
class PlanFrames:
    """Compare the folder with the keys; Planned or JobObstructed follows."""

    job: int
    keys: tuple[str, ...]
    core: CoreFacts | None


@dataclass(frozen=True, slots=True)
class WriteFrame:
    """Write one frame to the shot's folder."""

    job: int
    index: int
    key: str
    png: bytes
    measured: bytes


@dataclass(frozen=True, slots=True)
class CloseFolder:
    """The job is over: write down which frames are there; FolderClosed or JobObstructed follows."""

    job: int


@dataclass(frozen=True, slots=True)
class Redraw:
    """The panels show something new."""


Effect = (
    StartCore | StopCore | SendPrepare | SendListen | SendPropose | SendKeys | SendGenerate
    | SendCancel | KeepOwn | KeepAuto | PlanFrames | WriteFrame | CloseFolder | Redraw
)  # fmt: skip
