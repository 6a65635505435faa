# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether mouths move with what is said, and when: a witness compares the mouths of a talking clip
with its content at shifts to either side, as SyncNet's evaluation does with sound (Chung and
Zisserman 2016; Prajwal et al. 2020). SyncNet's own weights are not free.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..runtime.align import CROP_CENTRE, CROP_SIDE, Square, canonical, cut
from ..runtime.mouth import viseme_weights
from ..runtime.pack import Pack
from ..runtime.phones import INDEX as PHONE
from ..runtime.portrait import LANDMARK_SIZE, tensor
from ..training.mouth_crop import DROP, HEIGHT, REACH, WIDTH
from .bench import CONTENT_RATE, FPS, Bench, Row, Strip, Subject, unavailable
from .clips import talking
from .witnesses import SyncWitness, facts

FRAMES = 75  # of talking, at 25 per second
PEOPLE = 6  # that talk
SHIFTS = 15  # frames to either side
# Of the true clips' own confidence. The paper's Sync_conf on MEAD is 3.99 where the truth has 5.41.
GOAL = 0.74
TEXT = f"offset 0, confidence > {GOAL:.0%} of the true clips' own"
WHAT = "mouths against what is said: offset, confidence, distance"
FOLDER = "speech"  # of the rendered clips, beside the others

_LANDMARKS = 0.85  # side of the square that the landmark network knows faces in, of the crop's
_CONSONANTS = "pbmfvθðtdkɡʃszln"
_VOWELS = "iɪeɛəæaɑʌɔoʊu"

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """offset: frames by which the mouth comes late; confidence: how far the median of the mean
    distances over all shifts lies above the smallest (LSE-C); distance: the smallest (LSE-D)."""

    offset: int
    confidence: float
    distance: float


def babble(rng: np.random.Generator, frames: int) -> Floats:
    """Content [frames, 15] at FPS of somebody who says words of no language: syllables of usual
    length with pauses between some of the words."""
    rows: list[tuple[float, float, int]] = []
    at = 0.0

    def say(phone: str, low: float, high: float) -> None:
        nonlocal at
        rows.append((at, at + float(rng.uniform(low, high)), PHONE[phone]))
        at = rows[-1][1]

    say("sil", 0.1, 0.25)
    while at < frames / float(FPS):
        for _ in range(int(rng.integers(1, 4))):
            say(str(rng.choice(list(_CONSONANTS))), 0.06, 0.12)
            say(str(rng.choice(list(_VOWELS))), 0.09, 0.2)
        if rng.random() < 0.3:
            say("sil", 0.15, 0.35)
    step = CONTENT_RATE // int(FPS)
    return viseme_weights(np.array(rows), frames * step)[::step].copy()


def speech(seed: int) -> tuple[Floats, Floats]:
    """Controls [FRAMES, 19] and content [FRAMES, 15] of the clip of a seed."""
    rng = np.random.default_rng([seed, 1618])
    track, _ = talking(rng, FRAMES)
    return track, babble(rng, FRAMES)


def mouth_square(face: Square) -> Square:
    """The square whose middle rows are the mouth crop, from a face's canonical one."""
    distance = face.side / CROP_SIDE
    down = (1 - CROP_CENTRE + DROP) * distance
    return replace(
        face,
        x=face.x - down * face.right_y,
        y=face.y + down * face.right_x,
        side=2 * REACH * distance,
    )


def mouths(pack: Pack, pictures: Bytes, near: Square) -> Bytes:
    """The mouth [n, 48, 64, 3] in each of the pictures [n, h, w, 3], by the pack's own landmarks;
    near: the canonical square of the portrait, from which the face does not move far."""
    known = replace(near, side=near.side * _LANDMARKS)
    edge = (WIDTH - HEIGHT) // 2
    found, face = [], near
    for picture in pictures:
        image = Image.fromarray(picture)
        feed = {"image": tensor(cut(image, known, LANDMARK_SIZE))}
        points = pack.session("landmarks.onnx").run(["points"], feed)[0][0]
        with suppress(ValueError):  # no face is seen: where the last one was
            face = canonical(known.to_picture(points))
        crop = np.asarray(cut(image, mouth_square(face), WIDTH))
        found.append(crop[edge : edge + HEIGHT])
    return np.stack(found)


def distances(seen: Floats, heard: Floats) -> Doubles:
    """Mean distance [2 SHIFTS + 1] of codes of mouths [n, 64] from those of what is said [n, 64]
    `shift` frames earlier, over the frames that have both; from -SHIFTS to SHIFTS.

    ValueError for clips that are not longer than SHIFTS.
    """
    n = len(seen)
    if n <= SHIFTS:
        raise ValueError(f"a clip of {n} frames is too short for shifts of {SHIFTS}")
    means = []
    for shift in range(-SHIFTS, SHIFTS + 1):
        a = seen[max(shift, 0) : n + min(shift, 0)]
        b = heard[max(-shift, 0) : n - max(shift, 0)]
        means.append(np.linalg.norm(a - b, axis=1).mean())
    return np.array(means, np.float64)


def scores(seen: Floats, heard: Floats) -> Scores:
    """Of one clip, from codes as in `distances`."""
    mean = distances(seen, heard)
    smallest = float(mean.min())
    return Scores(int(mean.argmin()) - SHIFTS, float(np.median(mean)) - smallest, smallest)


def measure(bench: Bench) -> list[Row]:
    """A row for people never trained on, beside their true clips, and one for the samples."""
    if bench.sync is None:
        return [unavailable(WHAT, "speech", TEXT, "witnesses/sync.onnx")]
    rendered = [person for person in bench.rendered if person.speech is not None]
    rows = []
    if not bench.quick and not rendered:
        needs = "clips in --data or avatars by --assets"
        rows.append(unavailable(WHAT, "unseen people", TEXT, needs))
    for people, kind in ((rendered, "unseen people"), (bench.samples, "sample portraits")):
        if people:
            rows.append(_row(bench, bench.sync, people[: 1 if bench.quick else None], kind))
    return rows


def _row(bench: Bench, witness: SyncWitness, people: list[Subject], kind: str) -> Row:
    made, true = [], []
    for number, person in enumerate(people):
        track, content = speech(number)
        if person.speech is not None:
            track, content = person.speech.controls[1:], person.speech.content[1:]
        heard, near = witness.sounds(content), person.portrait.square
        pictures = bench.frames(person, track, content)
        shown = mouths(bench.engine.pack, pictures, near)
        made.append(scores(witness.mouths(shown), heard))
        if person.speech is not None:
            truth = mouths(bench.engine.pack, person.speech.pictures[1:], near)
            true.append(scores(witness.mouths(truth), heard))
            shown = np.concatenate([truth, shown], 2)
        if number < 2:
            title = f"mouth of {person.name}" + (", true render beside it" if true else "")
            bench.strips.append(Strip(title, shown, moving=True))
    known = facts()["sync"]
    figure = _in_words(made)
    if true:
        figure += f"; the true clips: {_in_words(true)}"
    figure += (
        f" (the witness ranks {known['pairs']:.0%} of a person's other sounds behind the one that "
        "is said; chance 50%)"
    )
    still = all(one.offset == 0 for one in made)
    own = np.mean([one.confidence for one in true]) if true else float("nan")
    sure = bool(np.mean([one.confidence for one in made]) > GOAL * own)
    numbers = {"made": [vars(one) for one in made], "true": [vars(one) for one in true]}
    on = f"{len(people)} {kind}, {FRAMES} frames each"
    return Row(WHAT, on, figure, TEXT, still and sure if true else None, numbers)


def _in_words(found: list[Scores]) -> str:
    right = sum(one.offset == 0 for one in found)
    means = [np.mean([getattr(one, name) for one in found]) for name in ("confidence", "distance")]
    return f"offset 0 for {right} of {len(found)}, {means[0]:.3f}, {means[1]:.3f}"
