# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: portrait, voice and control tracks in, finished frames out.

The service and the command line call this and nothing below it. A frame depends on its portrait,
the voice around its time, its own controls and the seed; so any frames may be made, in any order.
Not made for use from several threads at once.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from inference_core.protocol.consent import UNSTATED
from inference_core.protocol.controls import CONTROLS_VERSION, VISEMES
from inference_core.protocol.errors import SpeakError

from . import auto
from . import portrait as portraits
from . import voice as voices
from .audio_resample import RATE, check_rate, to_mono_16k
from .frame_key import frame_keys
from .mouth import on_a_face
from .notice import Notice
from .pack import VOICE, Pack
from .painter import Painter
from .png import Pixels
from .portrait import Floats, Portrait, tensor
from .preview import Previewer
from .seal import Seal
from .sparse_keys import keyed
from .tracks import MOST_FRAMES, clamped
from .voice import CONTENT_RATE

SHORTEST_VOICE = 0.1  # seconds; the shortest syllable is about that
LONGEST_VOICE = 3600.0
SLOWEST, FASTEST = Fraction(1), Fraction(240)  # frames per second
KEPT_PORTRAITS = 4  # identities in memory, a few MB each
KEPT_PAINTERS = 2  # a painter holds the whole portrait, up to 270 MB at 8K
BLOCK = 1 << 20  # samples looked at together

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Voice:
    """A voice as the encoder hears it: `content` [T, 15] and `loudness` [T] at 50 Hz."""

    key: str
    seconds: float
    content: Floats
    loudness: Floats
    samples: Floats  # [n], 16 kHz mono
    notices: list[Notice]


@dataclass(frozen=True)
class Frame:
    """One finished frame: its number in the track, its key, the file, what is seen in it [19]."""

    index: int
    key: str
    png: bytes
    measured: Floats


class Engine:
    """One pack, ready for portraits and voices."""

    def __init__(self, pack: Path, threads: int | None = None) -> None:
        """Open the pack in the folder `pack`. SpeakError: those of `Pack`."""
        self.pack = Pack(pack, threads)
        self._identities: OrderedDict[str, dict[str, Floats]] = OrderedDict()
        self._painters: OrderedDict[tuple[str, int, bool], Painter] = OrderedDict()
        self._previewers: OrderedDict[tuple[str, int], Previewer] = OrderedDict()

    def describe(self) -> dict[str, Any]:
        """What this engine is, in JSON's types."""
        return {
            "pack": self.pack.id,
            "version": self.pack.version,
            "sha256": self.pack.sha256,
            "providers": self.pack.providers(),
            "threads": self.pack.threads,
            "sizes": list(self.pack.sizes),
            "has_voice": self.pack.has_voice,
            "controls_version": CONTROLS_VERSION,
        }

    def check_size(self, size: int) -> None:
        """SpeakError bad_size for a size that the pack does not make."""
        if size not in self.pack.sizes:
            sizes = " or ".join(str(one) for one in self.pack.sizes)
            raise SpeakError("bad_size", size=size, sizes=sizes)

    def prepare(
        self,
        data: bytes,
        face: int | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Portrait:
        """Decode a portrait and find its face; `portrait.prepare` has faces, boxes, errors."""
        return portraits.prepare(self.pack, data, face, box)

    def listen(self, samples: npt.NDArray[Any], rate: int) -> Voice:
        """Hear a voice: int16 or float samples [n] or [n, channels] at `rate` Hz.

        SpeakError: voice_rate, voice_channels, voice_unreadable, voice_too_short, voice_too_long,
        those of the pack.
        """
        check_rate(rate)
        seconds = len(samples) / rate
        if seconds < SHORTEST_VOICE:
            raise SpeakError("voice_too_short", seconds=round(seconds, 3), limit=SHORTEST_VOICE)
        if seconds > LONGEST_VOICE:
            limit = round(LONGEST_VOICE)
            raise SpeakError("voice_too_long", seconds=round(seconds), limit=limit)
        notices = [] if _finite(samples) else [Notice("voice_not_finite")]
        mono = to_mono_16k(samples, rate)
        if self.pack.has_voice:
            content, loudness = voices.content_of(self.pack.session(VOICE), mono)
        else:
            notices.append(Notice("pack_no_voice"))
            loudness = voices.loudness_of(mono)
            content = _silence(len(loudness))
        if voices.level_of(loudness) < voices.QUIETEST:
            notices.append(Notice("voice_silent"))
        key = hashlib.sha256(f"{rate} {samples.dtype.str} {samples.shape}".encode())
        for start in range(0, len(samples), BLOCK):
            key.update(np.ascontiguousarray(samples[start : start + BLOCK]).tobytes())
        return Voice(key.hexdigest(), len(mono) / RATE, content, loudness, mono, notices)

    def propose(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        frames: int,
        seed: int = 0,
        amount: float = 1.0,
        start: float = 0.0,
    ) -> Floats:
        """The auto layer [frames, 19] as its keys play it: see `propose_keys`."""
        return self.propose_keys(portrait, voice, fps, frames, seed, amount, start)[0]

    def propose_keys(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        frames: int,
        seed: int = 0,
        amount: float = 1.0,
        start: float = 0.0,
    ) -> tuple[Floats, Floats]:
        """Head motion, blinks and emotion proposed from the voice, as few keys at its events.

        `amount` scales the motion (0 = the portrait's own pose), `start` is the time in the voice
        of frame 0, in seconds. Returns the auto layer [frames, 19] as the keys play it, and the
        keys [k, 4] as in `sparse_keys.keyed`. The keys are laid over the whole voice and cut, so
        another range of frames shows the same motion to the last digit.
        SpeakError: no_frames, too_many_frames, bad_fps.
        """
        check_fps(fps)
        if frames < 1:
            raise SpeakError("no_frames")
        if frames > MOST_FRAMES:
            raise SpeakError("too_many_frames", frames=frames, limit=MOST_FRAMES)
        heard = voice or _nothing_heard()
        lead = max(math.floor(start * fps), 0)
        spoken = math.ceil(len(heard.loudness) / CONTENT_RATE * fps)
        # Beyond the voice in steps of ten seconds, for the same reason.
        step = math.ceil(10 * fps)
        total = max(lead + frames - spoken, 0)
        track = auto.propose(
            heard.content,
            heard.loudness,
            heard.samples,
            portrait.own,
            fps,
            min(spoken + -(-total // step) * step, max(MOST_FRAMES, lead + frames)),
            seed,
            amount,
            start - float(lead / fps),
        )
        joints = range(spoken - 1, len(track), step)
        played, keys = keyed(clamped(track)[0], lead, lead + frames, joints)
        return clamped(played)[0], keys

    def keys(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        controls: npt.ArrayLike,
        size: int,
        seed: int = 0,
        start: float = 0.0,
        mark: bool = True,
    ) -> list[str]:
        """The key of every frame, SHA-256 hex. SpeakError as in `generate`."""
        track, content = self._inputs(voice, fps, controls, size, start)
        return frame_keys(self.pack.sha256, portrait.key, size, content, track, seed, mark)

    def generate(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        controls: npt.ArrayLike,
        size: int,
        seed: int = 0,
        start: float = 0.0,
        indices: Sequence[int] | None = None,
        mark: bool = True,
    ) -> Iterator[Frame]:
        """Make the frames in `indices` (None = all) of a track [N, 19], in that order; `mark` =
        whether they get the watermark.

        Values outside of their range are held to it (`tracks.clamped` gives the notice). Closing
        the iterator stops the work after the frame in hand. SpeakError at once: bad_size, bad_fps,
        bad_index, controls_shape, no_frames, too_many_frames; those of the pack.
        """
        track, content = self._inputs(voice, fps, controls, size, start)
        keys = frame_keys(self.pack.sha256, portrait.key, size, content, track, seed, mark)
        order = list(range(len(track))) if indices is None else [int(index) for index in indices]
        for index in order:
            if not 0 <= index < len(track):
                raise SpeakError("bad_index", index=index, frames=len(track))
        return self._frames(portrait, size, track, content, keys, order, mark)

    def seal(self, portrait: Portrait, consent: str = UNSTATED) -> Seal:
        """What signs the portrait's frames: kept apart from making them, since a signature is
        random and frames are not. `consent` is a word of `consent.CONSENTS`.
        """
        return Seal(self.describe(), portrait.sha256, consent)

    def preview(
        self,
        portrait: Portrait,
        voice: Voice | None,
        fps: Fraction,
        controls: npt.ArrayLike,
        side: int,
        start: float = 0.0,
        index: int = 0,
    ) -> Pixels:
        """One moment as a small picture, uint8 [h, w, 3 or 4], at most `side` pixels a side.

        `controls` is that frame's row [1, 19], `index` its number in the shot. SpeakError:
        bad_fps, controls_shape, those of the pack.
        """
        check_fps(fps)
        track, _ = clamped(controls)
        heard = voice or _nothing_heard()
        content = voices.at_frames(heard.content, fps, 1, start + float(index / fps))
        content = on_a_face(content)
        return self._previewer(portrait, side).picture(track[:1], content)

    def _previewer(self, portrait: Portrait, side: int) -> Previewer:
        return _kept(
            self._previewers,
            (portrait.key, side),
            KEPT_PAINTERS,
            lambda: Previewer(self.pack, portrait, side, self._known_identity(portrait)),
        )

    def _inputs(
        self,
        voice: Voice | None,
        fps: Fraction,
        controls: npt.ArrayLike,
        size: int,
        start: float,
    ) -> tuple[Floats, Floats]:
        """Controls [N, 19] held to their ranges and the voice's content [N, 15] at each frame."""
        check_fps(fps)
        self.check_size(size)
        track, _ = clamped(controls)
        heard = voice or _nothing_heard()
        return track, on_a_face(voices.at_frames(heard.content, fps, len(track), start))

    def _frames(
        self,
        portrait: Portrait,
        size: int,
        track: Floats,
        content: Floats,
        keys: list[str],
        order: list[int],
        mark: bool,
    ) -> Iterator[Frame]:
        if not order:
            return
        painter = self._painter(portrait, size, mark)
        waiting: deque[tuple[int, Future[tuple[bytes, Floats]]]] = deque()

        def finish(crops: list[Floats], key: str) -> tuple[bytes, Floats]:
            return painter.png(crops, key), painter.measured(crops)

        def make(index: int) -> tuple[bytes, Floats]:
            one = slice(index, index + 1)
            return finish(
                [plate[0] for plate in painter.crops(track[one], content[one])], keys[index]
            )

        # All of it leaves Python's lock. A processor makes one frame on each core; a GPU makes
        # batches here, and they are pasted, compressed and read beside the next.
        pool = ThreadPoolExecutor(painter.at_once, thread_name_prefix="frame")
        try:
            for first in range(0, len(order), painter.batch):
                some = order[first : first + painter.batch]
                if painter.batch == 1:
                    waiting.append((some[0], pool.submit(make, some[0])))
                else:
                    crops = painter.crops(track[some], content[some])
                    for n, index in enumerate(some):
                        job = pool.submit(finish, [plate[n] for plate in crops], keys[index])
                        waiting.append((index, job))
                # Finished files go out at once; slow writing may not let the queue grow.
                while waiting and (waiting[0][1].done() or len(waiting) > 2 * painter.at_once):
                    yield _finished(waiting, keys)
            while waiting:
                yield _finished(waiting, keys)
        finally:
            pool.shutdown(cancel_futures=True)

    def _painter(self, portrait: Portrait, size: int, mark: bool) -> Painter:
        def make() -> Painter:
            return Painter(self.pack, portrait, size, self._known_identity(portrait), mark)

        return _kept(self._painters, (portrait.key, size, mark), KEPT_PAINTERS, make)

    def _known_identity(self, portrait: Portrait) -> dict[str, Floats]:
        return _kept(
            self._identities, portrait.key, KEPT_PORTRAITS, lambda: self._identity(portrait)
        )

    def _identity(self, portrait: Portrait) -> dict[str, Floats]:
        """What the identity network makes of a portrait: once per portrait."""
        session = self.pack.session("identity.onnx")
        names = [output.name for output in session.get_outputs()]
        feed = {"portrait": tensor(portrait.crop(portraits.READ_SIZE))}
        return dict(zip(names, session.run(names, feed), strict=True))


def _finished(waiting: deque[tuple[int, Future[tuple[bytes, Floats]]]], keys: list[str]) -> Frame:
    index, job = waiting.popleft()
    png, measured = job.result()
    return Frame(index, keys[index], png, measured)


def _kept(cache: OrderedDict[K, V], key: K, limit: int, make: Callable[[], V]) -> V:
    """The cached value of `key`, made when there is none; the least recently used goes first."""
    if key not in cache:
        while len(cache) >= limit:
            cache.popitem(last=False)
        cache[key] = make()
    cache.move_to_end(key)
    return cache[key]


def check_fps(fps: Fraction) -> None:
    """SpeakError bad_fps for a rate that no film has."""
    if not SLOWEST <= fps <= FASTEST:
        raise SpeakError("bad_fps", fps=f"{float(fps):g}")


def _finite(samples: npt.NDArray[Any]) -> bool:
    """Whether all samples are numbers, looked at in blocks: they may be hours on disk."""
    if samples.dtype.kind != "f":
        return True
    blocks = range(0, len(samples), BLOCK)
    return all(bool(np.isfinite(samples[at : at + BLOCK]).all()) for at in blocks)


def _silence(rows: int) -> Floats:
    content = np.zeros((rows, len(VISEMES)), np.float32)
    content[:, 0] = 1
    return content


def _nothing_heard() -> Voice:
    """What stands for the voice where there is none."""
    quiet = np.zeros(1, np.float32)
    return Voice("", 0.0, _silence(1), quiet, np.zeros(voices.HOP, np.float32), [])
