# SPDX-License-Identifier: GPL-3.0-or-later
"""What the watermark survives, as a table: `docs/provenance.md` holds the last one.

python -m inference_core.bench.attacks --portraits FOLDER --voice FILE [--voice FILE] --out OUT \\
    [--blender PYTHON]

Every portrait speaks with one of the voices, by turns, with and without the mark; both go through
the same attack, so that a codec alone can never make the difference. The detector was not trained
on anything, so there is nothing to split off; intervals are drawn by portrait. `--blender` names a
Python with bpy (or a Blender, with `--blender "blender -b -P"`), which renders the clips again.
Clips and rows are kept in OUT, so a run that was stopped goes on where it was; another pack wants
another OUT.
"""

from __future__ import annotations

import argparse
import io
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from ..protocol.errors import SpeakError
from ..provenance.detector import THRESHOLD, find
from ..provenance.look import IMAGES, MOVIE_LOOKS
from ..provenance.verify import THOROUGH
from ..provenance.watermark import Watermark
from ..runtime.align import Paste
from ..runtime.audio_file import read_audio
from ..runtime.engine import Engine
from ..runtime.pack import DEFAULT
from .roc import auc, eer, interval_by_group, limit_for

Pictures = list[Image.Image]
Bytes = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
Change = Callable[[Pictures], Pictures]

FPS = Fraction(25)
FRAMES = 50  # two seconds; shots in use are rarely shorter
SHORT = 12  # half a second: an encoder that plans less far ahead keeps less
LOOKED_AT = 2  # pictures of a clip that are attacked as pictures, spread over it
BLENDER = Path(__file__).resolve().parents[2] / "scripts" / "render_in_blender.py"


@dataclass(frozen=True)
class Attack:
    """`film`: it is done to a clip of `frames` as a film and not to each picture, so `verify`
    looks at it as at a film."""

    change: Change
    film: bool = False
    frames: int = FRAMES


def each(change: Callable[[Image.Image], Image.Image]) -> Change:
    """An attack that knows single pictures only."""
    return lambda pictures: [change(picture) for picture in pictures]


def jpeg(quality: int) -> Change:
    """Saved as JPEG."""

    def change(picture: Image.Image) -> Image.Image:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        return Image.open(io.BytesIO(out.getvalue())).convert("RGB")

    return each(change)


def x264(crf: int) -> Change:
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


def scaled(factor: float) -> Change:
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


def then(*changes: Change) -> Change:
    """One after the other."""

    def change(pictures: Pictures) -> Pictures:
        for one in changes:
            pictures = one(pictures)
        return pictures

    return change


def rendered(blender: str, transform: str) -> Change:
    """Rendered by Blender at 1.5 times the size, through its view transform and its H.264."""

    def change(pictures: Pictures) -> Pictures:
        import av

        width, height = (round(side * 1.5) // 2 * 2 for side in pictures[0].size)
        with tempfile.TemporaryDirectory() as folder:
            for number, picture in enumerate(pictures):
                picture.save(Path(folder) / f"{number:06d}.png", compress_level=1)
            movie = Path(folder) / "film.mp4"
            words = [folder, str(movie), str(width), str(height), transform]
            command = [*shlex.split(blender), str(BLENDER), "--", *words]
            subprocess.run(command, check=True, capture_output=True, timeout=600)
            with av.open(str(movie), "r") as film:
                return [frame.to_image() for frame in film.decode(video=0)]

    return change


def attacks(blender: str = "") -> dict[str, Attack]:
    """All of them by their names in the table; renders only where there is a Blender."""
    every = dict(ATTACKS)
    if blender:
        for transform in ("Standard", "AgX"):
            name = f"rendered in Blender at 1.5 x, {transform}"
            every[name] = Attack(rendered(blender, transform), film=True)
    return every


ATTACKS: dict[str, Attack] = {
    "none": Attack(lambda pictures: pictures),
    "JPEG 90": Attack(jpeg(90)),
    "JPEG 75": Attack(jpeg(75)),
    "JPEG 50": Attack(jpeg(50)),
    "half size": Attack(scaled(0.5)),
    "crop": Attack(each(cropped)),
    "x264 crf 18": Attack(x264(18), film=True),
    "x264 crf 23": Attack(x264(23), film=True),
    "x264 crf 28": Attack(x264(28), film=True),
    "x264 crf 32": Attack(x264(32), film=True),
    f"x264 crf 28, {SHORT} frames": Attack(x264(28), film=True, frames=SHORT),
    "rendered at 1.5 x, crf 18": Attack(then(scaled(1.5), x264(18)), film=True),
    "colour grade": Attack(each(graded)),
    "turned by 1 degree": Attack(each(lambda one: one.rotate(1, Image.Resampling.BICUBIC))),
    "mirrored": Attack(each(lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
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


@dataclass(frozen=True)
class Spoken:
    """A portrait [h, w, 3] that speaks, without a mark: its frames and the box that changes."""

    name: str
    portrait: Bytes
    frames: list[Bytes]
    box: Box

    def pictures(self, mark: bool) -> Pictures:
        """The frames as pictures; marked as `Painter` does it, frame by frame in the box."""
        if not mark:
            return [Image.fromarray(frame) for frame in self.frames]
        still = self.portrait.copy()
        Watermark(0, 0, still.shape[1], still.shape[0]).mark(still)
        left, top, right, bottom = self.box
        watermark = Watermark(left, top, right - left, bottom - top)
        result = []
        for frame in self.frames:
            whole, part = still.copy(), frame[top:bottom, left:right].copy()
            watermark.mark(part)
            whole[top:bottom, left:right] = part
            result.append(Image.fromarray(whole))
        return result


def speaking(
    engine: Engine, portraits: Sequence[Path], voices: Sequence[Path], frames: int, keep: Path
) -> list[Spoken]:
    """Each portrait with a voice; clips that lie in the folder `keep` are not made again."""
    heard = [engine.listen(*read_audio(path)) for path in voices]
    sizes = sorted(engine.pack.sizes, reverse=True)
    keep.mkdir(parents=True, exist_ok=True)
    clips = []
    for number, path in enumerate(portraits):
        try:
            portrait = engine.prepare(path.read_bytes())
        except SpeakError as error:
            print(f"{path.name} is left out: {error.sentence}", file=sys.stderr)
            continue
        size, voice = sizes[number % len(sizes)], heard[number % len(heard)]
        kept = keep / f"{path.stem}.npz"
        if not kept.exists():
            track = engine.propose(portrait, voice, FPS, frames, seed=number)
            made = engine.generate(portrait, voice, FPS, track, size, mark=False)
            pictures = [Image.open(io.BytesIO(one.png)).convert("RGB") for one in made]
            np.savez(kept, frames=np.stack([np.asarray(picture) for picture in pictures]))
        with np.load(kept, allow_pickle=False) as archive:
            pixels = list(archive["frames"][:frames])
        box = Paste(portrait.square, size, (portrait.width, portrait.height)).box
        clips.append(Spoken(path.stem, np.asarray(portrait.rgb), pixels, box))
    return clips


def scores(attack: Attack, pictures: Pictures) -> list[float]:
    """Scores of a few frames of a clip after an attack, looked at as `verify` would."""
    pictures = pictures[: attack.frames]
    looks = MOVIE_LOOKS if attack.film else LOOKED_AT
    some = sorted({len(pictures) * number // looks for number in range(looks)})
    if attack.film:
        pictures = attack.change(pictures)
        some = [at for at in some if at < len(pictures)]
        return [find(pictures[at], thorough=n < THOROUGH).score for n, at in enumerate(some)]
    return [find(one).score for one in attack.change([pictures[at] for at in some])]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the clips, attack them, write attacks.md and attacks.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--portraits", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--voice", type=Path, required=True, action="append")
    parser.add_argument("--frames", type=int, default=FRAMES, help="of each clip")
    parser.add_argument("--blender", default="", help="a Python with bpy, for the renders")
    parser.add_argument("--attack", action="append", help="only these, in this order")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    portraits = [one for one in sorted(options.portraits.iterdir()) if one.suffix.lower() in IMAGES]
    engine = Engine(DEFAULT)
    clips = speaking(engine, portraits, options.voice, options.frames, options.out / "clips")
    people = [one.name for one in clips]
    print(f"{len(clips)} clips of {len(set(people))} portraits", file=sys.stderr, flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    known = _known(options.out)
    every = attacks(options.blender)
    for name in options.attack or every:
        if name in known:
            continue
        marked = [scores(every[name], one.pictures(True)) for one in clips]
        unmarked = [scores(every[name], one.pictures(False)) for one in clips]
        known[name] = Outcome(name, people, marked, unmarked)
        print(" | ".join(known[name].line()), file=sys.stderr, flush=True)
        ordered = [known[one] for one in every if one in known]
        _write(ordered, options.out, f"{engine.pack.id} {engine.pack.version}")


def _known(out: Path) -> dict[str, Outcome]:
    """The rows of an earlier run."""
    path = out / "attacks.json"
    if not path.exists():
        return {}
    rows = json.loads(path.read_bytes())["outcomes"]
    return {row["attack"]: Outcome(**row) for row in rows}


def _write(outcomes: Sequence[Outcome], out: Path, pack: str) -> None:
    """What there is so far: a long run that is stopped keeps its rows."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(one.line()) + " |" for one in outcomes]
    (out / "attacks.md").write_text("\n".join(lines) + "\n", "utf-8")
    data = {"pack": pack, "outcomes": [asdict(one) for one in outcomes]}
    (out / "attacks.json").write_text(json.dumps(data, indent=1), "utf-8")


if __name__ == "__main__":
    main()
