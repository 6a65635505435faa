# SPDX-License-Identifier: GPL-3.0-or-later
"""What the watermark survives, as a table: `docs/provenance.md` holds the last one.

python -m inference_core.bench.attacks --portraits FOLDER --voice FILE [--voice FILE] --out OUT

Every portrait speaks with every voice, with and without the mark; both go through the same attack,
so that a codec alone can never make the difference. The detector was not trained on anything, so
there is nothing to split off; intervals are drawn by portrait.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from ..protocol.errors import SpeakError
from ..provenance.detector import THRESHOLD, find
from ..provenance.look import IMAGES
from ..runtime.audio_file import read_audio
from ..runtime.engine import Engine
from ..runtime.pack import DEFAULT
from .roc import auc, eer, interval_by_group, limit_for

Pictures = list[Image.Image]
Attack = Callable[[Pictures], Pictures]

FPS = Fraction(25)
FRAMES = 25
LOOKED_AT = 3  # frames of a clip, spread over it
SIZE = 256


def each(change: Callable[[Image.Image], Image.Image]) -> Attack:
    """An attack that knows single pictures only."""
    return lambda pictures: [change(picture) for picture in pictures]


def jpeg(quality: int) -> Attack:
    """Saved as JPEG."""

    def change(picture: Image.Image) -> Image.Image:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        return Image.open(io.BytesIO(out.getvalue())).convert("RGB")

    return each(change)


def x264(crf: int) -> Attack:
    """Encoded by x264 with its defaults, as a movie, and decoded."""

    def change(pictures: Pictures) -> Pictures:
        import av

        width, height = (side // 2 * 2 for side in pictures[0].size)
        out = io.BytesIO()
        with av.open(out, "w", format="mp4") as movie:
            stream = movie.add_stream("libx264", rate=25, options={"crf": str(crf)})
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuv420p"
            for picture in pictures:
                even = picture.crop((0, 0, width, height))
                movie.mux(stream.encode(av.VideoFrame.from_image(even)))
            movie.mux(stream.encode())
        out.seek(0)
        with av.open(out, "r") as movie:
            return [frame.to_image() for frame in movie.decode(video=0)]

    return change


def scaled(factor: float) -> Attack:
    """Resampled (Lanczos)."""

    def change(picture: Image.Image) -> Image.Image:
        size = (round(picture.width * factor), round(picture.height * factor))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return each(change)


def cropped(picture: Image.Image) -> Image.Image:
    """A middle part, off the pattern's grid."""
    width, height = picture.size
    return picture.crop((width // 5 + 3, height // 10 + 5, width * 9 // 10, height * 4 // 5))


def graded(picture: Image.Image) -> Image.Image:
    """Warmer, more contrast, more colour, a lighter gamma."""
    bright = picture.point([round(255 * (value / 255) ** 0.85) for value in range(256)] * 3)
    red, green, blue = (
        ImageEnhance.Contrast(ImageEnhance.Color(bright).enhance(1.2)).enhance(1.15).split()
    )
    return Image.merge("RGB", (red.point(lambda v: min(255, v * 1.05)), green, blue))


def then(*attacks: Attack) -> Attack:
    """One after the other."""

    def change(pictures: Pictures) -> Pictures:
        for attack in attacks:
            pictures = attack(pictures)
        return pictures

    return change


ATTACKS: dict[str, Attack] = {
    "none": lambda pictures: pictures,
    "JPEG 90": jpeg(90),
    "JPEG 75": jpeg(75),
    "JPEG 50": jpeg(50),
    "half size": scaled(0.5),
    "crop": each(cropped),
    "x264 crf 18": x264(18),
    "x264 crf 23": x264(23),
    "x264 crf 28": x264(28),
    "x264 crf 32": x264(32),
    "rendered at 1.5 x, crf 18": then(scaled(1.5), x264(18)),
    "colour grade": each(graded),
    "turned by 1 degree": each(lambda one: one.rotate(1, Image.Resampling.BICUBIC)),
    "mirrored": each(lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}


@dataclass(frozen=True)
class Outcome:
    """One attack: the scores of frames and clips with and without the mark."""

    attack: str
    people: list[str]
    marked: list[list[float]]
    unmarked: list[list[float]]

    def line(self) -> list[str]:
        """The table's row: AUC of frames and clips, EER, clips found, with their interval."""
        frames = [np.concatenate(part) for part in (self.unmarked, self.marked)]
        clips = [np.array([max(one) for one in part]) for part in (self.unmarked, self.marked)]
        found = (clips[1] >= THRESHOLD).astype(float)
        low, high = interval_by_group(self.people, found, lambda x: float(x.mean()))
        rates = [f"{(frames[1] >= limit_for(frames[0], rate)).mean():.1%}" for rate in (1e-3, 1e-6)]
        return [
            self.attack,
            f"{auc(*frames):.4f}",
            f"{auc(*clips):.4f}",
            f"{eer(*clips):.1%}",
            *rates,
            f"{found.mean():.1%} [{low:.0%}, {high:.0%}]",
            f"{clips[1].min():.1f}",
            f"{max(map(max, self.unmarked)):.1f}",
        ]


COLUMNS = (
    "attack", "AUC frames", "AUC clips", "EER clips", "TPR frames at FPR 1e-3",
    "TPR frames at FPR 1e-6", f"clips found (from {THRESHOLD:g})", "lowest marked clip",
    "highest unmarked frame",
)  # fmt: skip


def speaking(
    engine: Engine, portraits: Sequence[Path], voices: Sequence[Path], frames: int
) -> list[tuple[str, Pictures, Pictures]]:
    """Each portrait with each voice: its name, its frames with the mark and without."""
    heard = [engine.listen(*read_audio(path)) for path in voices]
    clips = []
    for path in portraits:
        try:
            portrait = engine.prepare(path.read_bytes())
        except SpeakError as error:
            print(f"{path.name} is left out: {error.sentence}", file=sys.stderr)
            continue
        for number, voice in enumerate(heard):
            track = engine.propose(portrait, voice, FPS, frames, seed=number)
            both = []
            for mark in (True, False):
                made = engine.generate(portrait, voice, FPS, track, SIZE, mark=mark)
                pictures = [Image.open(io.BytesIO(frame.png)).convert("RGB") for frame in made]
                both.append(pictures)
            clips.append((path.stem, both[0], both[1]))
    return clips


def scores(pictures: Pictures) -> list[float]:
    """Scores of a few frames of a clip."""
    at = np.linspace(0, len(pictures) - 1, min(LOOKED_AT, len(pictures))).round().astype(int)
    return [find(pictures[n]).score for n in at]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the clips, attack them, write attacks.md and attacks.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--portraits", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--voice", type=Path, required=True, action="append")
    parser.add_argument("--frames", type=int, default=FRAMES, help="of each clip")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    portraits = [one for one in sorted(options.portraits.iterdir()) if one.suffix.lower() in IMAGES]
    clips = speaking(Engine(DEFAULT), portraits, options.voice, options.frames)
    people = [name for name, _, _ in clips]
    print(f"{len(clips)} clips of {len(set(people))} portraits", file=sys.stderr, flush=True)
    outcomes = []
    for name, attack in ATTACKS.items():
        marked = [scores(attack(with_mark)) for _, with_mark, _ in clips]
        unmarked = [scores(attack(without)) for _, _, without in clips]
        outcomes.append(Outcome(name, people, marked, unmarked))
        print(" | ".join(outcomes[-1].line()), file=sys.stderr, flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(one.line()) + " |" for one in outcomes]
    (options.out / "attacks.md").write_text("\n".join(lines) + "\n", "utf-8")
    text = json.dumps([asdict(one) for one in outcomes], indent=1)
    (options.out / "attacks.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
