# SPDX-License-Identifier: GPL-3.0-or-later
"""What every row of the evaluation shares: the pack, the people, frames made as users get them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..protocol.controls import INDEX, VISEMES
from ..protocol.errors import SpeakError
from ..runtime.align import cut
from ..runtime.engine import Engine, Voice
from ..runtime.portrait import Portrait, read
from ..runtime.tracks import defaults
from .clips import CROP, SIDE, Clip
from .emotion_witness import EmotionWitness
from .judge import Judge
from .witnesses import IdentityWitness, SyncWitness

FPS = Fraction(25)
CONTENT_RATE = 50  # rows of content per second, as the voice encoder gives them
ROW = 1 / CONTENT_RATE  # seconds

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """A person to be moved: a name, the found portrait, and where it was rendered its clip and the
    same person rendered in the states that `leak` asks for, and talking as `lip_sync` asks for."""

    name: str
    portrait: Portrait
    clip: Clip | None = None
    states: Clip | None = None
    speech: Clip | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table. `met`: whether the goal is reached, None where that cannot be told."""

    what: str
    on: str
    figure: str
    goal: str
    met: bool | None
    numbers: dict[str, Any] = field(default_factory=dict)


def unavailable(what: str, on: str, goal: str, needs: str) -> Row:
    """The line of a measurement that lacks something."""
    return Row(what, on, f"unavailable (needs {needs})", goal, None)


@dataclass
class Strip:
    """Pictures [n, h, w, 3] for the report, shown side by side or, as a clip, one after another."""

    title: str
    pictures: Bytes
    labels: list[str] = field(default_factory=list)
    moving: bool = False


@dataclass
class Bench:
    """Everything a row may ask; rows leave pictures in `strips`."""

    engine: Engine
    rendered: list[Subject]
    samples: list[Subject]
    judge: Judge | None
    emotion: EmotionWitness | None
    identity: IdentityWitness | None
    sync: SyncWitness | None = None
    quick: bool = False
    strips: list[Strip] = field(default_factory=list)
    tables: list[tuple[str, list[list[str]]]] = field(default_factory=list)

    def frames(
        self, subject: Subject, controls: Floats, content: Floats | None = None, size: int = 256
    ) -> Bytes:
        """Finished pictures [n, h, w, 3] of the subject with controls [n, 19] and, where it speaks,
        content [n, 15]; through `Engine.generate`, so with the paste and its fade. Without the
        watermark: this measures the pack.
        """
        voice = None if content is None else _voice(content)
        made = self.engine.generate(
            subject.portrait, voice, FPS, controls, size, start=ROW, mark=False
        )
        pictures = [Image.open(io.BytesIO(frame.png)).convert("RGB") for frame in made]
        return np.stack([np.asarray(picture) for picture in pictures])

    def crops(self, subject: Subject, pictures: Bytes, size: int = 256) -> Bytes:
        """The upright crop around the face out of whole pictures, [n, size, size, 3]."""
        square = subject.portrait.square
        found = [cut(Image.fromarray(p), square, size) for p in pictures]
        return np.stack([np.asarray(crop) for crop in found])


def _voice(content: Floats) -> Voice:
    """A voice that says exactly `content` [n, 15] at the frames' times, counted from ROW.

    Row k of content lies around (k + 0.5) / 50 s: a frame one row after n / 25 s lies between two
    rows, and both hold its content.
    """
    rows = np.repeat(content, CONTENT_RATE // int(FPS), 0).astype(np.float32)
    quiet = np.zeros(len(rows), np.float32)
    return Voice("", len(rows) / CONTENT_RATE, rows, quiet, np.zeros(1, np.float32), [])


def states(*rows: dict[str, float], base: Floats | None = None) -> Floats:
    """Controls [n, 19]: the defaults, or `base` [19], with what each row names."""
    track = np.tile(defaults(1)[0] if base is None else base, (len(rows), 1))
    for state, row in zip(track, rows, strict=True):
        for name, value in row.items():
            state[INDEX[name]] = value
    return track.astype(np.float32)


def saying(*rows: dict[str, float]) -> Floats:
    """Content [n, 15]: each row's visemes, silence for what is left of 1."""
    content = np.zeros((len(rows), len(VISEMES)), np.float32)
    for said, row in zip(content, rows, strict=True):
        for name, value in row.items():
            said[VISEMES.index(name)] = value
        said[0] = 1 - said[1:].sum()
    return content


def subject_of(engine: Engine, name: str, data: bytes, *clips: Clip | None) -> Subject | None:
    """A portrait's bytes as a subject with its `clips` in the order of Subject; None when no face
    is found in it."""
    try:
        return Subject(name, engine.prepare(data), *clips)
    except SpeakError:
        return None


def rendered_subject(engine: Engine, name: str, clip: Clip, *others: Clip | None) -> Subject | None:
    """The portrait of a rendered clip as a subject, with `others` of its clips."""
    out = io.BytesIO()
    Image.fromarray(clip.pictures[0]).save(out, "PNG")
    return subject_of(engine, name, out.getvalue(), clip, *others)


def told(subject: Subject) -> Subject:
    """The same subject with its portrait's exact state instead of what the pack's reader sees."""
    clip = subject.clip
    assert clip is not None
    exact = replace(
        subject.portrait,
        key=f"told {subject.portrait.key}",
        own=clip.controls[0],
        own_content=clip.content[0],
    )
    return Subject(subject.name, exact, clip)


def measured(bench: Bench, subject: Subject, pictures: Bytes) -> Floats:
    """Controls [n, 19] that the pack's own readers, E_p and E_e, find in whole pictures [n, h, w,
    3], looked at in the crop of the subject's portrait."""
    crops = bench.crops(subject, pictures)
    frames = np.ascontiguousarray(crops.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    return read(bench.engine.pack, frames)[0]


def middle(pictures: Bytes) -> Bytes:
    """The CROP x CROP pixels in the middle of a clip's pictures."""
    edge = (SIDE - CROP) // 2
    return pictures[:, edge : edge + CROP, edge : edge + CROP]


def read_portraits(engine: Engine, folder: Path | None, fallback: Path) -> list[Subject]:
    """The portraits in a folder, or the one that comes with the project."""
    kinds = {".png", ".jpg", ".jpeg", ".webp"}
    files = [fallback] if fallback.exists() else []
    if folder is not None:
        files += sorted(path for path in folder.iterdir() if path.suffix.lower() in kinds)
    found = [subject_of(engine, path.stem, path.read_bytes()) for path in files]
    return [subject for subject in found if subject is not None]
