# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core bench`: the field's metrics on clips of any system, side by side.

What a metric lacks is said in its place: never zero, never another metric under its name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..evaluation.judge import Judge, JudgeMissingError
from ..protocol.errors import SpeakError
from ..provenance.look import IMAGES, MOVIES
from . import report
from .clips import MOST_FRAMES, Clip, ClipError, load
from .measures import Bench, Figure, joined, locality, measure
from .profiles import PROFILES


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m inference_core bench", description=__doc__)
    add = top.add_argument
    what = "a movie, a folder of pictures (with a WAV in it), or a folder of such clips"
    add("clips", type=Path, nargs="+", metavar="CLIP", help=what)
    add("--reference", type=Path, help="the true clip, or a folder of them with the same names")
    add("--before", type=Path, help="a shot's folder before an edit: measures edit locality")
    add("--profile", choices=sorted(PROFILES), default="eat", help="conventions (default eat)")
    add("--frames", type=int, default=MOST_FRAMES, help=f"at most (default {MOST_FRAMES})")
    add("--judge", type=Path, help="virtual environment with mediapipe==0.10.21, for landmarks")
    add("--weights", type=Path, help="folder with the files that the table names")
    words = "the goals of our own pack beside its figures instead; takes the options of evaluate"
    add("--our-pack", action="store_true", help=words)
    add("--out", type=Path, help="folder for bench.html, bench.md and bench.json")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 with a sentence when a clip cannot be read."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--our-pack" in words:
        from ..evaluation.command import main as evaluate

        return evaluate([word for word in words if word != "--our-pack"])
    options = parser().parse_args(words)
    try:
        systems = run(options)
    except ClipError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except SpeakError as error:
        print(f"error: {error.sentence} {error.hint}", file=sys.stderr)
        return 1
    print(report.as_text(systems), end="")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        about = {"profile": options.profile, "reference": str(options.reference or "")}
        data = {"about": about, "systems": report.as_data(systems)}
        text = json.dumps(data, indent=1, allow_nan=False) + "\n"
        (options.out / "bench.json").write_text(text, "utf-8")
        (options.out / "bench.md").write_text(report.as_markdown(systems), "utf-8")
        title = " beside ".join(one.name for one in systems)
        (options.out / "bench.html").write_text(report.as_html(systems, title), "utf-8")
    return 0


def run(options: argparse.Namespace) -> list[report.System]:
    """The figures of each system. ClipError, SpeakError."""
    try:
        judge = Judge(options.judge) if options.judge else None
    except JudgeMissingError as error:
        raise ClipError(f"--judge: {error}.") from error
    bench = Bench(PROFILES[options.profile], judge, options.weights)
    references = found(options.reference) if options.reference else {}
    systems = []
    for path in options.clips:
        each: list[list[Figure]] = []
        first: Clip | None = None
        for name, one in found(path).items():
            clip = load(one, options.frames)
            first = first or clip
            other = references.get(name) or (
                next(iter(references.values())) if len(references) == 1 else None
            )
            truth = load(other, options.frames) if other else None
            figures = measure(bench, clip, truth)
            if options.before:
                figures.append(locality(load(options.before, options.frames), clip))
            each.append(figures)
            print(f"{path.name} {name}: measured", file=sys.stderr, flush=True)
        assert first is not None
        rows = [joined([figures[n] for figures in each]) for n in range(len(each[0]))]
        systems.append(report.System(path.stem or str(path), rows, first.pictures))
    return systems


def found(path: Path) -> dict[str, Path]:
    """The clips in a path by name: one of its own, or those in a folder of movies or folders."""
    if not path.exists():
        raise ClipError(f"There is no {path}.")
    if not path.is_dir():
        return {"": path}
    inside = sorted(path.iterdir())
    movies = {one.stem: one for one in inside if one.suffix.lower() in MOVIES}
    if movies:
        return movies
    if any(one.suffix.lower() in IMAGES for one in inside):
        return {"": path}
    folders = {one.name: one for one in inside if one.is_dir()}
    if not folders:
        raise ClipError(f"{path} has neither pictures nor movies.")
    return folders
