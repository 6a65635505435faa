# SPDX-License-Identifier: GPL-3.0-or-later
"""Films of rendered people, true and made: the same portrait filmed, and spoken by a pack.

python -m inference_core.training.origin.films --assets FOLDER --voice FILE [--voice FILE] \\
    --out FOLDER --people 0:200 [--held-out | --clips FOLDER]

Nothing made carries a mark, so what is learned from them is evidence of its own. A film follows
from its seed, whether its people are held out, the voices and the pack.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...evaluation.clips import file_of, filmed, talking
from ...evaluation.clips import load as load_clip
from ...protocol.errors import SpeakError
from ...runtime.audio_file import read_audio
from ...runtime.engine import Engine, Voice
from ...runtime.pack import DEFAULT

FRAMES = 8
SIDES = (384, 512)  # pixels of a picture
REACH = (1.2, 2.3)  # its side in squares of the face
FPS = Fraction(25)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Film:
    """`true` and `made` [FRAMES, s, s, 3] of one person; `size`: of the generated squares."""

    true: Bytes
    made: Bytes
    size: int

    def save(self, path: Path) -> None:
        """Write it; the file is there whole or not at all."""
        part = path.with_suffix(".part.npz")
        np.savez(part, **asdict(self))
        part.replace(path)


def load(path: Path) -> Film:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return Film(archive["true"], archive["made"], int(archive["size"]))


class Camera:
    """What a camera does to every picture it takes: blur, noise of its own for each, JPEG."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._soft = rng.uniform(0.6, 1.0) if rng.random() < 0.5 else 1.0
        self._noise = rng.uniform(0.5, 6) if rng.random() < 0.8 else 0.0
        self._grain = rng.uniform(0, 0.8)  # how far the noise of neighbours is alike
        self._quality = int(rng.integers(70, 99)) if rng.random() < 0.5 else 0

    def take(self, picture: Bytes) -> Bytes:
        """The picture [h, w, 3] as the camera keeps it."""
        image = Image.fromarray(picture)
        if self._soft < 1:
            small = (round(image.width * self._soft), round(image.height * self._soft))
            image = image.resize(small, Image.Resampling.LANCZOS).resize(
                (picture.shape[1], picture.shape[0]), Image.Resampling.BICUBIC
            )
        noise = self._rng.normal(0, 1, picture.shape)
        for axis in (0, 1):
            noise = noise + self._grain * np.roll(noise, 1, axis)
        noise *= self._noise / max(noise.std(), 1e-9)
        result = np.clip(np.asarray(image) + noise, 0, 255).round().astype(np.uint8)
        if not self._quality:
            return result
        out = io.BytesIO()
        Image.fromarray(result).save(out, "JPEG", quality=self._quality)
        return np.asarray(Image.open(out))


def film(
    bank: Any, renderers: Sequence[Any], engine: Engine, voices: Sequence[Voice], seed: int,
    held_out: bool,
) -> Film:  # fmt: skip
    """One person, rendered and made. SpeakError where the aligner finds no face."""
    rng = np.random.default_rng([seed, int(held_out), 815])
    renderer = renderers[rng.integers(len(renderers))]
    reach = float(rng.uniform(*REACH))
    clip = filmed(bank, renderer, rng, FRAMES, evaluation=held_out, reach=reach)
    return taken(clip.pictures, engine, voices, seed, rng)


def taken(
    pictures: Bytes, engine: Engine, voices: Sequence[Voice], seed: int, rng: np.random.Generator
) -> Film:
    """The portrait pictures[0] and the frames after it as a camera takes them, and the portrait as
    the engine makes it speak. SpeakError where the aligner finds no face.
    """
    camera = Camera(rng)
    seen = [camera.take(picture) for picture in pictures[: 1 + FRAMES]]
    out = io.BytesIO()
    Image.fromarray(seen[0]).save(out, "PNG")
    portrait = engine.prepare(out.getvalue())
    voice = voices[rng.integers(len(voices))]
    start = float(rng.uniform(0, max(voice.seconds - FRAMES / FPS, 0)))
    if rng.random() < 0.5:
        track = engine.propose(portrait, voice, FPS, FRAMES, seed=seed, start=start)
    else:
        track = talking(rng, FRAMES)[0]
    size = int(rng.choice(engine.pack.sizes))
    frames = engine.generate(portrait, voice, FPS, track, size, start=start, mark=False)
    made = [np.asarray(Image.open(io.BytesIO(one.png)).convert("RGB")) for one in frames]
    return Film(np.stack(seen[1:]), np.stack(made), size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the films that are not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--assets", type=Path, help="folder with geo.npz, to render people")
    add("--clips", type=Path, help="folder of evaluation.clips, instead: people never trained on")
    add("--voice", type=Path, required=True, action="append")
    add("--out", type=Path, required=True)
    add("--people", default="0:200", help="half-open range of seeds")
    add("--held-out", action="store_true", help="render people never trained on")
    options = parser.parse_args(arguments)
    engine = Engine(DEFAULT)
    voices = [engine.listen(*read_audio(path)) for path in options.voice]
    options.out.mkdir(parents=True, exist_ok=True)
    if options.clips:
        names = "clip"

        def made(seed: int) -> Film:
            rng = np.random.default_rng([seed, 2, 815])
            clip = load_clip(file_of(options.clips, seed))
            return taken(clip.pictures, engine, voices, seed, rng)

    else:
        from ..data.assets import AvatarBank
        from ..data.renderer import Renderer

        names = "held" if options.held_out else "film"
        bank, renderers = AvatarBank(options.assets), [Renderer(side, 2) for side in SIDES]

        def made(seed: int) -> Film:
            return film(bank, renderers, engine, voices, seed, options.held_out)

    first, last = (int(part) for part in options.people.split(":"))
    for seed in range(first, last):
        path = options.out / f"{names}_{seed:04d}.npz"
        if path.exists():
            continue
        try:
            made(seed).save(path)
        except SpeakError as error:
            print(f"{path.name} is left out: {error.sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
