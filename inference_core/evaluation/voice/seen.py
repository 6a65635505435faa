# SPDX-License-Identifier: GPL-3.0-or-later
"""What finished frames show of a recording: the lips as an independent landmark model sees them."""

import io
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference_core.protocol.controls import INDEX
from inference_core.runtime.tracks import defaults

from ..bench import Bench, Bytes, Subject
from ..judge import MOUTH
from ..metrics import landmark_distance
from .recordings import Recording

FPS = Fraction(25)
# Of the way from the gap at rest to the widest: below it lips count as shut.
SHUT = 0.12

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording said by a portrait: gap [t] between the lips over the face's height, mouth
    [t, 20, 2] in pixels, pictures [t, h, w, 3] of the mouth's surroundings; at 25 per second.
    """

    gap: Doubles
    mouth: Doubles
    pictures: Bytes
    rest: float
    wide: float

    @property
    def opening(self) -> Doubles:
        """0 at rest, 1 where the mouth is widest."""
        return (self.gap - self.rest) / max(self.wide - self.rest, 1e-9)

    @property
    def shut(self) -> NDArray[np.bool_]:
        """Whether the lips meet, per frame."""
        return np.nan_to_num(self.opening, nan=1.0) < SHUT


def speak(
    bench: Bench,
    subject: Subject,
    recording: Recording,
    state: dict[str, float],
    like: Spoken | None,
) -> Spoken:
    """Let `subject` say `recording` with some controls set; `like` gives the scale of the gap."""
    assert bench.judge is not None
    voice = bench.engine.listen(recording.samples, 16_000)
    count = int(len(recording.samples) / 16_000 * FPS)
    track = np.tile(defaults(1)[0], (count, 1)).astype(np.float32)
    for name in ("yaw", "pitch", "roll", "shift_x", "shift_y", "zoom"):
        track[:, INDEX[name]] = subject.portrait.own[INDEX[name]]
    for name, value in state.items():
        track[:, INDEX[name]] = value
    made = bench.engine.generate(subject.portrait, voice, FPS, track, 256)
    pictures = np.stack(
        [np.asarray(Image.open(io.BytesIO(frame.png)).convert("RGB")) for frame in made]
    )
    crops = bench.crops(subject, pictures)
    seen = bench.judge.look(crops)
    gap = seen.jaw()
    rest = like.rest if like else float(np.nanpercentile(gap, 5))
    wide = like.wide if like else float(np.nanpercentile(gap, 97))
    return Spoken(gap, seen.flat(MOUTH), crops[:, 96:], rest, wide)


def bent(one: Spoken, other: Spoken) -> tuple[float, float]:
    """(M-LMD between the two mouths' motion, M-LMD of the first against itself a frame later).

    Emotion moves the mouth as a whole; what is compared is how it moves around its own mean.
    """
    moves = [s.mouth - np.nanmean(s.mouth, axis=0) for s in (one, other)]
    return (
        landmark_distance(moves[0], moves[1]),
        landmark_distance(moves[0][1:], moves[0][:-1]),
    )


def best_shift(asked: Doubles, seen: Doubles, most: int = 6) -> tuple[int, float]:
    """(frames by which `seen` [t] comes late, Pearson's r there), tried up to `most` either way."""
    found = (0, -1.0)
    for shift in range(-most, most + 1):
        a = asked[max(-shift, 0) : len(asked) - max(shift, 0)]
        b = seen[max(shift, 0) : len(seen) - max(-shift, 0)]
        there = np.isfinite(a) & np.isfinite(b)
        if there.sum() > 8 and np.ptp(a[there]) > 0 and np.ptp(b[there]) > 0:
            r = float(np.corrcoef(a[there], b[there])[0, 1])
            found = (shift, r) if r > found[1] else found
    return found
