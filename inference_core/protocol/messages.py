# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests and the events of the link.

A message is a header (JSON, at most 64 kB) and blobs (raw little-endian bytes of a declared
dtype and shape). A request has an id that its sender never uses again; every event carries the
id of the request that it answers. Each request ends with exactly one terminal event.

request    fields                                      blobs                      ends with
ping                                                                              pong
describe                                                                          described
prepare    face box                                    uint8 [bytes of a file]    prepared
listen     rate                                        int16 [n] or [n, ch]       heard
propose    portrait voice fps frames seed amount start                            proposed
keys       portrait voice fps size seed start mark     float32 [N, 19]            keyed
preview    portrait voice fps side start index         float32 [1, 19]            previewed
generate   portrait voice fps size seed start mark     float32 [N, 19]            done
           consent                                     and, for a part of the
                                                       frames, int32 [n] indices
cancel     its id is that of the request to stop                                  cancelled

Every request may end with `cancelled` or `failed` {code, args} instead; cancelling what has
already ended says nothing. On the way come `accepted`, `stage` {name}, `notice` {code, args},
`progress` {done, total, seconds_left} and `frame` {index, key} with two blobs: uint8 [PNG] and
float32 [19], the controls measured on that frame.

described {pack, version, sha256, providers, sizes, has_voice, controls_version, core}
prepared  {portrait, width, height, faces [[x, y, w, h], ...], chosen, notices} + float32 [19] own
heard     {voice, seconds, notices}
proposed  float32 [frames, 19] and its keys, float32 [k, 4]: control, frame, value, slope a frame
keyed     uint8 [N, 32], the sha256 of what each frame depends on
previewed uint8 [h, w, 3 or 4], the whole picture with at most `side` pixels on its longer side
done      {made, seconds}

`portrait` and `voice` are keys that the core made from the content; `notices` are
[{code, args}, ...]. `voice` may be null for a shot without one; `face` is a number from the list
of faces, `box` [x, y, width, height] in pixels of the portrait, and either may be null. `mark`
says whether the frames are marked as generated; `consent` is a word of `consent.CONSENTS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from struct import pack

from .consent import UNSTATED
from .controls import COUNT
from .errors import SpeakError

# How many bytes an element has. The order on the wire is little-endian, as on every machine that
# Blender runs on.
DTYPES: dict[str, int] = {"uint8": 1, "int16": 2, "int32": 4, "float32": 4}
MAX_DIMENSIONS = 3

MAX_FRAMES = 1_000_000  # nine hours at 30 frames per second
MAX_PORTRAIT_BYTES = 64 << 20
MAX_VOICE_BYTES = 256 << 20  # 46 minutes of mono at 48 kHz
MAX_QUEUE = 64

TERMINAL: frozenset[str] = frozenset(
    {
        "pong",
        "described",
        "prepared",
        "heard",
        "proposed",
        "keyed",
        "previewed",
        "done",
        "cancelled",
        "failed",
    }
)


@dataclass(frozen=True, slots=True)
class Blob:
    """Raw elements with their dtype and shape; `data` has exactly their bytes.

    `numpy.frombuffer(blob.data, blob.dtype).reshape(blob.shape)` makes an array without a copy.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes | bytearray | memoryview

    def __post_init__(self) -> None:
        size = DTYPES[self.dtype] * prod(self.shape)
        if memoryview(self.data).nbytes != size:
            raise ValueError(f"{self.dtype} {list(self.shape)} has {size} bytes, not those given")

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return memoryview(self.data).nbytes


@dataclass(frozen=True, slots=True)
class Request:
    """What `Connection.send` takes; make it with the functions below."""

    type: str
    fields: Mapping[str, object] = field(default_factory=dict)
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """What `Connection.poll` gives. `id` is the request's, or None for the connection itself."""

    id: int | None
    type: str
    fields: Mapping[str, object] = field(default_factory=dict)
    blobs: tuple[Blob, ...] = ()

    @property
    def terminal(self) -> bool:
        """Whether no further event of this id comes."""
        return self.type in TERMINAL

    @property
    def error(self) -> SpeakError | None:
        """The error of a `failed` event, with its sentence and hint."""
        if self.type != "failed":
            return None
        return received_error(self.fields.get("code"), self.fields.get("args"))


def received_error(code: object, args: object) -> SpeakError:
    """An error that came over the wire; a code this version does not know is kept as a reason."""
    if not isinstance(args, Mapping):
        args = {}
    plain = {str(k): v for k, v in args.items() if isinstance(v, str | int | float)}
    try:
        return SpeakError(str(code), **plain)
    except (ValueError, TypeError):
        return SpeakError("internal", reason=str(code))


def ping() -> Request:
    """Answered by the control process at once, whatever the worker does."""
    return Request("ping")


def describe() -> Request:
    """Loads the pack and tells about it."""
    return Request("describe")


def prepare(
    data: bytes | bytearray | memoryview,
    face: int | None = None,
    box: Sequence[float] | None = None,
) -> Request:
    """An image file's bytes (PNG, JPEG, ...), and which face is meant when not the largest."""
    size = memoryview(data).nbytes
    _limit("The portrait", size, MAX_PORTRAIT_BYTES)
    return Request(
        "prepare",
        {"face": face, "box": list(box) if box else None},
        (Blob("uint8", (size,), data),),
    )


def listen(samples: bytes | bytearray | memoryview, rate: int, channels: int = 1) -> Request:
    """The voice: interleaved int16 samples, `rate` of them per second and channel."""
    size = memoryview(samples).nbytes
    _limit("The voice", size, MAX_VOICE_BYTES)
    count = size // (2 * channels)
    shape = (count,) if channels == 1 else (count, channels)
    return Request("listen", {"rate": rate}, (Blob("int16", shape, samples),))


def propose(
    portrait: str,
    voice: str | None,
    fps: Fraction,
    frames: int,
    seed: int = 0,
    amount: float = 1.0,
    start: float = 0.0,
) -> Request:
    """The auto layer; `start` is the time in the voice of frame 0, in seconds."""
    fields = {"portrait": portrait, "voice": voice, "fps": _fps(fps), "frames": frames}
    return Request("propose", {**fields, "seed": seed, "amount": amount, "start": start})


def keys(
    portrait: str,
    voice: str | None,
    fps: Fraction,
    controls: bytes | bytearray | memoryview,
    size: int,
    seed: int = 0,
    start: float = 0.0,
    mark: bool = True,
) -> Request:
    """The key of every frame; `controls` are the bytes of float32 [frames, 19]."""
    fields = _shot(portrait, voice, fps, size, seed, start, mark)
    return Request("keys", fields, (_track(controls),))


def generate(
    portrait: str,
    voice: str | None,
    fps: Fraction,
    controls: bytes | bytearray | memoryview,
    size: int,
    seed: int = 0,
    start: float = 0.0,
    indices: Sequence[int] | None = None,
    mark: bool = True,
    consent: str = UNSTATED,
) -> Request:
    """Frames of the shot, all of them or those of `indices`, in the order asked for; marked as
    generated, with what was stated about the person in the portrait.
    """
    blobs = [_track(controls)]
    if indices is not None:
        blobs.append(Blob("int32", (len(indices),), pack(f"<{len(indices)}i", *indices)))
    fields = _shot(portrait, voice, fps, size, seed, start, mark)
    return Request("generate", {**fields, "consent": consent}, tuple(blobs))


def preview(
    portrait: str,
    voice: str | None,
    fps: Fraction,
    controls: bytes | bytearray | memoryview,
    side: int,
    start: float = 0.0,
    index: int = 0,
) -> Request:
    """One moment as a small picture; `controls` are the bytes of float32 [1, 19]."""
    fields = {"portrait": portrait, "voice": voice, "fps": _fps(fps)}
    return Request(
        "preview", {**fields, "side": side, "start": start, "index": index}, (_track(controls),)
    )


def frame_keys(event: Event) -> list[str]:
    """The keys in a `keyed` event, as hexadecimal text."""
    data = bytes(event.blobs[0].data)
    return [data[at : at + 32].hex() for at in range(0, len(data), 32)]


def _shot(
    portrait: str, voice: str | None, fps: Fraction, size: int, seed: int, start: float, mark: bool
) -> dict[str, object]:
    fields: dict[str, object] = {"portrait": portrait, "voice": voice, "fps": _fps(fps)}
    return {**fields, "size": size, "seed": seed, "start": start, "mark": mark}


def _fps(fps: Fraction) -> list[int]:
    return [fps.numerator, fps.denominator]


def _track(controls: bytes | bytearray | memoryview) -> Blob:
    return Blob("float32", (memoryview(controls).nbytes // (4 * COUNT), COUNT), controls)


def _limit(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise SpeakError("too_large", what=what, size=size, limit=limit)
