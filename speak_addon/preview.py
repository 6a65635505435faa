# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame at the playhead, asked of the core while the user drags. Without bpy.

At most one request is on its way. What is wanted meanwhile replaces what was wanted before, so
only the newest is ever answered. The core learns portrait and voice once; then a moment is one
row of controls.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..inference_core.protocol import messages
from ..inference_core.protocol.controls import COUNT
from ..inference_core.protocol.errors import SpeakError
from . import events as on
from . import requests
from .baseline import Sources
from .core_link import note
from .job_data import JobData, Speaker
from .layers import Track, blend
from .requests import track_bytes
from .state import Note

# Pixels of the picture's longer side: what the sidebar shows.
SIDE = 256


@dataclass(frozen=True, slots=True)
class Moment:
    """What is to be seen: a shot at its frame `index` with these layers, edit [19], weights [4]."""

    shot: str
    index: int
    sources: Sources
    use_auto: bool
    edit: tuple[float, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A speaker that the core knows; own [19], auto [frames, 19]."""

    sources: Sources
    speaker: Speaker
    portrait: str
    voice: str
    own: Track
    auto: Track


@dataclass(frozen=True, slots=True)
class Picture:
    """What came: uint8 [height, width, channels], the top row first."""

    moment: Moment
    shape: tuple[int, int, int]
    pixels: bytes


class Preview:
    """Asks for the newest moment, one at a time.

    send gives a request to the core and raises SpeakError when it cannot; introduce takes the
    speaker of a shot from the scene, is None while its voice is not mixed yet, and raises
    SpeakError.
    """

    def __init__(
        self,
        send: Callable[[messages.Request], int],
        introduce: Callable[[str], Speaker | None],
    ) -> None:
        self._send = send
        self._introduce = introduce
        self._known: dict[str, Known] = {}
        self._wanted: Moment | None = None
        self._asked: Moment | None = None
        self._request: int | None = None
        self._meeting: tuple[Speaker, str, str, Track] | None = None
        self._failed: Sources | None = None
        self._waiting = False
        self.picture: Picture | None = None
        self.trouble: Note | None = None
        self.fresh = False

    @property
    def busy(self) -> bool:
        """Whether an answer is on its way, or what has to come before it."""
        return self._request is not None or self._waiting

    def want(self, moment: Moment) -> None:
        """Show this as soon as can be; what was wanted before and not asked yet is forgotten."""
        if moment.sources == self._failed:
            return
        self._wanted = moment

    def learn(self, data: JobData) -> None:
        """A job has made its speaker known to the core."""
        if data.portrait_key and data.voice_key and data.auto is not None:
            speaker = data.speaker
            self._known[data.shot] = Known(
                speaker.sources, speaker, data.portrait_key, data.voice_key, data.own, data.auto
            )

    def forget(self) -> None:
        """The core is gone, and what it knew with it."""
        self._known.clear()
        self._wanted = self._asked = self._request = self._meeting = self._failed = None
        self._waiting = False
        self.trouble = None

    def advance(self) -> None:
        """Ask for what is wanted if nothing is on its way."""
        if self._request is not None or self._wanted is None:
            return
        self._asked, self._wanted = self._wanted, None
        try:
            known = self._known.get(self._asked.shot)
            if known is not None and known.sources == self._asked.sources:
                self._request = self._send(_request(known, self._asked))
            else:
                speaker = self._introduce(self._asked.shot)
                self._waiting = speaker is None
                if speaker is None:
                    self._wanted, self._asked = self._asked, None
                    return
                self._meeting = speaker, "", "", np.zeros(COUNT, np.float32)
                self._request = self._send(requests.prepare(speaker))
        except SpeakError as error:
            self._give_up(note(error))

    def take(self, event: on.Event) -> bool:
        """Whether an event answers a request of the preview; it has then been dealt with."""
        if self._request is None or getattr(event, "request", None) != self._request:
            return False
        if isinstance(event, on.Noticed | on.Progressed):
            return True
        try:
            self._answered(event)
        except SpeakError as error:
            self._give_up(note(error))
        return True

    def _answered(self, event: on.Event) -> None:
        asked, self._request = self._asked, None
        assert asked is not None
        match event:
            case on.Previewed(_, shape, pixels):
                self.picture, self.fresh = Picture(asked, shape, pixels), True
                self.trouble = None
            case on.RequestFailed(_, error, _):
                self._known.pop(asked.shot, None)
                # What the core has forgotten it is told again; anything else would fail again.
                if error.code in ("unknown_portrait", "unknown_voice"):
                    self._wanted = self._wanted or asked
                else:
                    self._give_up(error)
            case on.Prepared(_, portrait, own):
                assert self._meeting is not None
                speaker = self._meeting[0]
                self._meeting = speaker, portrait, "", np.frombuffer(own, "<f4").copy()
                self._request = self._send(requests.listen(speaker))
            case on.Heard(_, voice):
                assert self._meeting is not None
                speaker, portrait, _, kept = self._meeting
                self._meeting = speaker, portrait, voice, kept
                self._request = self._send(requests.propose(speaker, portrait, voice))
            case on.Proposed(_, auto):
                assert self._meeting is not None
                speaker, portrait, voice, kept = self._meeting
                track = np.frombuffer(auto, "<f4").reshape(-1, COUNT).copy()
                self._known[asked.shot] = Known(
                    speaker.sources, speaker, portrait, voice, kept, track
                )
                self._meeting = None
                self._wanted = self._wanted or asked

    def _give_up(self, trouble: Note) -> None:
        """Say why there is no picture, and do not try again with the same portrait and voice."""
        if self._asked is not None:
            self._failed = self._asked.sources
        self._waiting = False
        self._asked = self._request = self._meeting = None
        self.trouble, self.fresh = trouble, True


def _request(known: Known, moment: Moment) -> messages.Request:
    index = min(moment.index, len(known.auto) - 1)
    auto = known.auto[index : index + 1] if moment.use_auto else None
    edit = np.array([moment.edit], np.float32)
    weights = np.array([moment.weights], np.float32)
    row = blend(known.own, auto, edit, weights)
    speaker = known.speaker
    return messages.preview(
        known.portrait, known.voice, speaker.fps, track_bytes(row), SIDE, speaker.start,
        moment.index,
    )  # fmt: skip
