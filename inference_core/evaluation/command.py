# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core evaluate`: one table with the goals beside the figures, and a page of
pictures and clips. What a row lacks is said in its place, and the other rows are measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ..protocol.errors import SpeakError
from ..runtime.engine import Engine
from ..runtime.pack import DEFAULT
from . import asked, clips, emotion, leak, lip_sync, reenactment, report, rest, steadiness
from .bench import Bench, Row, Subject, read_portraits, rendered_subject
from .emotion_witness import EmotionWitness
from .judge import Judge, JudgeMissingError
from .voice import rows as voice_rows
from .witnesses import IdentityWitness, SyncWitness

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "portrait.png"
QUICK_PEOPLE = 2

W = TypeVar("W")
Measure = Callable[[Bench], list[Row]]
MEASURES: tuple[tuple[str, Measure], ...] = (
    ("reenactment", reenactment.measure),
    ("pose and face", asked.measure),
    ("rest", rest.measure),
    ("emotion", emotion.measure),
    ("leak", leak.measure),
    ("steadiness", steadiness.measure),
    ("mouths", lip_sync.measure),
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m inference_core evaluate", description=__doc__)
    add = top.add_argument
    add("--out", type=Path, required=True, help="folder for report.html, table.md, figures.json")
    add("--data", type=Path, help="folder of rendered clips; they are rendered when missing")
    add("--assets", type=Path, help="folder of the avatars, to render clips from")
    add("--portraits", type=Path, help="folder of more sample portraits")
    add("--judge", type=Path, help="virtual environment with mediapipe==0.10.21")
    voice_options(top)
    add("--pack", type=Path, default=DEFAULT, help="folder of another model pack")
    add("--threads", type=int, help="processor cores to use (default: all)")
    add("--quick", action="store_true", help="a few people and frames only, under a minute")
    return top


def voice_options(parser: argparse.ArgumentParser) -> None:
    """The recordings that the voice is measured on."""
    add = parser.add_argument
    add("--speech", type=Path, help="recording of a person, for the voice's table")
    add("--words", help="what is said in --speech")
    add("--prompts", type=Path, help="folder of G.722 prompts by another person; needs ffmpeg")
    add("--texts", type=Path, help="their words, a line of `name: words` each, .gz or plain")
    what = "folder with another lip-sync tool, as in evaluation/voice/speed.py; may be repeated"
    add("--lip-sync", type=Path, action="append", default=[], help=what)


def voice_material(options: argparse.Namespace) -> voice_rows.Material | None:
    """The recordings, aligned; None without PocketSphinx."""
    try:
        return voice_rows.material(
            options.speech,
            options.words,
            options.prompts,
            options.texts,
            options.quick,
            options.lip_sync,
        )
    except ImportError:
        return None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _rendered(options: argparse.Namespace, engine: Engine) -> list[Subject]:
    """The people of the rendered clips, those that can be read; renders what is missing."""
    if options.data is None:
        return []
    seeds = range(QUICK_PEOPLE if options.quick else clips.PEOPLE)
    if clips.missing(options.data, seeds) and options.assets:
        _say(f"rendering clips into {options.data}")
        clips.render(seeds, options.assets, options.data)
    states, asked_of = options.data / clips.STATES, seeds[: leak.PEOPLE]
    if clips.missing(states, asked_of) and options.assets and not options.quick:
        _say(f"rendering states into {states}")
        clips.render_asked(asked_of, options.assets, states, lambda _: leak.asked())
    speech, talkers = options.data / lip_sync.FOLDER, seeds[: lip_sync.PEOPLE]
    if clips.missing(speech, talkers) and options.assets and not options.quick:
        _say(f"rendering speech into {speech}")
        clips.render_asked(talkers, options.assets, speech, lip_sync.speech)
    found = []
    for seed in seeds:
        path = clips.file_of(options.data, seed)
        beside = (clips.file_of(folder, seed) for folder in (states, speech))
        others = [clips.load(other) if other.exists() else None for other in beside]
        person = path.exists() and rendered_subject(engine, path.stem, clips.load(path), *others)
        if person:
            found.append(person)
        elif path.exists():
            _say(f"no face is found in the portrait of {path.name}; it is left out")
    return found


def judge_in(folder: Path | None) -> Judge | None:
    """The judge in an environment, or None where there is none."""
    try:
        return Judge(folder)
    except JudgeMissingError:
        return None


def _witness(make: Callable[[], W]) -> W | None:
    try:
        return make()
    except Exception as error:  # ONNX Runtime has exceptions of its own
        _say(f"a witness is missing: {str(error).splitlines()[0]}")
        return None


def run(options: argparse.Namespace) -> list[Row]:
    """Measure, write the three files, and return the rows."""
    begun = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    engine = Engine(options.pack, options.threads)
    samples = read_portraits(engine, options.portraits, SAMPLE)
    judge = judge_in(options.judge)
    bench = Bench(
        engine,
        _rendered(options, engine),
        samples[: 1 if options.quick else None],
        judge,
        _witness(lambda: EmotionWitness(judge)) if judge else None,
        _witness(IdentityWitness),
        _witness(SyncWitness),
        options.quick,
    )
    rows: list[Row] = []
    for name, measure in MEASURES:
        start = time.monotonic()
        rows += measure(bench)
        _say(f"{name}: {time.monotonic() - start:.0f} s")
    start = time.monotonic()
    rows += voice_rows.measure(bench, voice_material(options), options.out)
    _say(f"voice: {time.monotonic() - start:.0f} s")
    asked.pictures(bench)
    about = {
        "pack": f"{engine.pack.id} {engine.pack.version}",
        "sha256": engine.pack.sha256[:16],
        "seconds": round(time.monotonic() - begun),
        "threads": engine.pack.threads,
    }
    (options.out / "table.md").write_text(report.as_markdown(rows), "utf-8")
    (options.out / "figures.json").write_text(report.as_json(rows, about), "utf-8")
    (options.out / "report.html").write_text(report.as_html(rows, bench, about), "utf-8")
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    options = parser().parse_args(argv)
    try:
        rows = run(options)
    except (SpeakError, OSError, ImportError) as error:
        hint = f" {error.hint}" if isinstance(error, SpeakError) else ""
        _say(f"error: {error}{hint}")
        return 1
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    print(report.as_text(rows), end="")
    print(f"pictures: {options.out / 'report.html'}")
    return 0
