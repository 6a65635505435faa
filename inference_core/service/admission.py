# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request must look like to be let in, checked before its blobs are read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from inference_core.protocol.consent import CONSENTS
from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import (
    DTYPES,
    MAX_FRAMES,
    MAX_PORTRAIT_BYTES,
    MAX_VOICE_BYTES,
)
from inference_core.protocol.version import PROTOCOL_VERSION

MAX_FPS = 240
MAX_CHANNELS = 8
MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_SEED = 2**63 - 1
MAX_ID = 2**53 - 1
MAX_SIZE = 4096
MIN_SIDE, MAX_SIDE = 16, 1024

_KEY = re.compile(r"[0-9a-f]{64}")

Layout = Sequence[tuple[str, tuple[int, ...]]]


def _is_int(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_number(value: object, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high  # type: ignore[operator]


def _bad(reason: str) -> SpeakError:
    return SpeakError("bad_request", reason=reason)


def _key(name: str) -> Callable[[object], None]:
    def check(value: object) -> None:
        if not (isinstance(value, str) and _KEY.fullmatch(value)):
            raise _bad(f"{name} is not a key")

    return check


def _number(name: str, low: float, high: float) -> Callable[[object], None]:
    def check(value: object) -> None:
        if not _is_number(value, low, high):
            raise _bad(f"{name} is not a number from {low:g} to {high:g}")

    return check


def _integer(name: str, low: int, high: int) -> Callable[[object], None]:
    def check(value: object) -> None:
        if not _is_int(value, low, high):
            raise _bad(f"{name} is not a whole number from {low} to {high}")

    return check


def _mark(value: object) -> None:
    if type(value) is not bool:
        raise _bad("mark is neither true nor false")


def _consent(value: object) -> None:
    if not (isinstance(value, str) and value in CONSENTS):
        raise _bad(f"consent is none of {', '.join(CONSENTS)}")


def _face(value: object) -> None:
    if value is not None and not _is_int(value, 0, 1000):
        raise _bad("face is not a number of a face")


def _voice(value: object) -> None:
    if value is not None:
        _key("voice")(value)


def _box(value: object) -> None:
    if value is None:
        return
    if not (isinstance(value, list) and len(value) == 4):
        raise _bad("box is not four numbers")
    if not all(_is_number(number, -1e6, 1e6) for number in value):
        raise _bad("box is not four numbers")


def _fps(value: object) -> None:
    if not (isinstance(value, list) and len(value) == 2 and all(type(v) is int for v in value)):
        raise _bad("fps is not a pair of whole numbers")
    top, bottom = value
    if not (0 < bottom <= 10**9 and bottom <= top <= MAX_FPS * bottom):
        rate = f"{top / bottom:g}" if bottom and abs(top) < 10**15 else f"{top}/{bottom}"[:40]
        raise SpeakError("bad_fps", fps=rate)


def _frames(value: object) -> None:
    if type(value) is not int:
        raise _bad("frames is not a whole number")
    check_frames(value)


def _rate(value: object) -> None:
    if type(value) is not int:
        raise _bad("rate is not a whole number")
    if not MIN_RATE <= value <= MAX_RATE:
        raise SpeakError("voice_rate", rate=str(value)[:20], minimum=MIN_RATE, maximum=MAX_RATE)


def check_frames(count: int) -> None:
    """Raises no_frames or too_many_frames."""
    if count < 1:
        raise SpeakError("no_frames")
    if count > MAX_FRAMES:
        raise SpeakError("too_many_frames", frames=str(count)[:20], limit=MAX_FRAMES)


def _no_blobs(layout: Layout) -> None:
    if layout:
        raise _bad("blobs where none belong")


def _file(layout: Layout) -> None:
    if len(layout) != 1 or layout[0][0] != "uint8" or len(layout[0][1]) != 1:
        raise _bad("a portrait is one blob of bytes")
    _limit("The portrait", layout[0], MAX_PORTRAIT_BYTES)


def _samples(layout: Layout) -> None:
    if len(layout) != 1 or layout[0][0] != "int16" or len(layout[0][1]) > 2:
        raise _bad("a voice is one blob of int16 samples")
    shape = layout[0][1]
    if len(shape) == 2 and not 1 <= shape[1] <= MAX_CHANNELS:
        raise SpeakError("voice_channels", channels=shape[1], limit=MAX_CHANNELS)
    _limit("The voice", layout[0], MAX_VOICE_BYTES)


def _limit(what: str, blob: tuple[str, tuple[int, ...]], limit: int) -> None:
    size = DTYPES[blob[0]] * prod(blob[1])
    if size > limit:
        raise SpeakError("too_large", what=what, size=size, limit=limit)


def _track(layout: Layout) -> None:
    if len(layout) != 1 or layout[0][0] != "float32":
        raise _bad("curves are one blob of float32")
    shape = layout[0][1]
    if len(shape) != 2 or shape[1] != COUNT:
        raise SpeakError("controls_shape", shape=" x ".join(map(str, shape)), count=COUNT)
    check_frames(shape[0])


def _track_and_indices(layout: Layout) -> None:
    _track(layout[:1])
    if len(layout) > 2:
        raise _bad("more than two blobs")
    if len(layout) == 2:
        dtype, shape = layout[1]
        if dtype != "int32" or len(shape) != 1:
            raise _bad("indices are one blob of int32")
        check_frames(shape[0])


def _row(layout: Layout) -> None:
    _track(layout)
    if layout[0][1][0] != 1:
        raise _bad("a preview is of one frame")


@dataclass(frozen=True, slots=True)
class _Shape:
    fields: Mapping[str, Callable[[object], None]] = field(default_factory=dict)
    blobs: Callable[[Layout], None] = _no_blobs


_SHOT: dict[str, Callable[[object], None]] = {
    "portrait": _key("portrait"),
    "voice": _voice,
    "fps": _fps,
    "seed": _integer("seed", 0, MAX_SEED),
    "start": _number("start", -1e6, 1e6),
}
_MOMENT = {
    "portrait": _SHOT["portrait"],
    "voice": _SHOT["voice"],
    "fps": _SHOT["fps"],
    "start": _SHOT["start"],
    "side": _integer("side", MIN_SIDE, MAX_SIDE),
    "index": _integer("index", 0, MAX_FRAMES),
}
_SIZED = {**_SHOT, "size": _integer("size", 1, MAX_SIZE), "mark": _mark}

REQUESTS: dict[str, _Shape] = {
    "ping": _Shape(),
    "describe": _Shape(),
    "cancel": _Shape(),
    "prepare": _Shape({"face": _face, "box": _box}, _file),
    "listen": _Shape({"rate": _rate}, _samples),
    "propose": _Shape({**_SHOT, "frames": _frames, "amount": _number("amount", 0, 10)}),
    "keys": _Shape(_SIZED, _track),
    "preview": _Shape(_MOMENT, _row),
    "generate": _Shape({**_SIZED, "consent": _consent}, _track_and_indices),
}


def request_id(header: Mapping[str, object]) -> int | None:
    """The id of a request, or None when it has none that can be answered."""
    value = header.get("id")
    return value if type(value) is int and 1 <= value <= MAX_ID else None


def check(header: Mapping[str, object], layout: Layout) -> None:
    """Raises SpeakError unless type, fields and blobs are exactly those of a request."""
    kind = header.get("type")
    shape = REQUESTS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise _bad(f"{_short(kind)} is not a request of version {PROTOCOL_VERSION} of the link")
    if request_id(header) is None:
        raise _bad("the id is not a whole number from 1")
    given = set(header) - {"id", "type", "blobs"}
    unknown, missing = given - set(shape.fields), set(shape.fields) - given
    if unknown:
        names = ", ".join(sorted(_short(name) for name in unknown)[:5])
        raise _bad(f"{kind} has no field {names} in version {PROTOCOL_VERSION} of the link")
    if missing:
        raise _bad(f"{kind} needs {', '.join(sorted(missing))}")
    for name, check_field in shape.fields.items():
        check_field(header[name])
    shape.blobs(layout)


def check_content(header: Mapping[str, object], blobs: Sequence[memoryview]) -> None:
    """What can only be seen in the blobs: indices outside of the curves. Raises bad_index."""
    if header["type"] != "generate" or len(blobs) < 2:
        return
    frames = blobs[0].nbytes // (4 * COUNT)
    indices = blobs[1].cast("B").cast("i")
    for index in (min(indices), max(indices)):
        if not 0 <= index < frames:
            raise SpeakError("bad_index", index=index, frames=frames)


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, str) else value
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 40 else text[:37] + "..."
