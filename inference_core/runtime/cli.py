# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core`: the core from a command line, without Blender.

Results go to the folder that was named, words to stderr. Exit status: 0 done, 1 refused or failed
with a sentence, 2 wrong arguments, 130 cancelled.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_core import __version__
from inference_core.protocol.consent import CONSENTS, UNSTATED
from inference_core.protocol.controls import as_markdown
from inference_core.protocol.errors import SpeakError
from inference_core.provenance import command as marks

if TYPE_CHECKING:
    from .notice import Notice
    from .progress import Progress

CANCELLED = 130
LINE_SECONDS = 2.0  # between lines of progress where stderr is a file
# Rates that people write with three digits though they are n * 1000 / 1001.
NTSC = {f"{n * 1000 / 1001:.{digits}f}": Fraction(n * 1000, 1001)
        for n in (24, 30, 48, 60, 120) for digits in (2, 3)}  # fmt: skip


def fps(text: str) -> Fraction:
    """A frame rate: 25, 23.976 (exactly 24000/1001) or 30000/1001."""
    try:
        return NTSC.get(text) or Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no frame rate, such as 25 or 24000/1001"
        ) from None


def span(text: str) -> tuple[int | None, int | None]:
    """A half-open range of frames: 0:48, 10:, :48."""
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first) if first else None, int(last) if last else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range of frames, such as 0:48") from None


def box(text: str) -> tuple[float, float, float, float]:
    """A box in pixels: left,top,width,height."""
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no box, such as 120,80,200,200") from None
    return left, top, width, height


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m inference_core", description="The core of SPEAK.",
        epilog="In the source only: `evaluate` measures a pack, `bench` any clip.")  # fmt: skip
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True)

    make = commands.add_parser(
        "generate", help="make frames and curves of a portrait that speaks with a voice"
    )
    add = make.add_argument
    add("--portrait", type=Path, required=True, help="PNG, JPEG, WebP, TIFF or BMP")
    add("--voice", type=Path, required=True, help="WAV; FLAC, Ogg or MP3 where soundfile is there")
    add("--out", type=Path, required=True, help="folder for the frames; made when it is not there")
    add("--fps", type=fps, default=Fraction(25), help="25, 23.976 or 24000/1001 (default 25)")
    add("--size", type=int, default=256, help="pixels of the generated crop: 256 or 512")
    add("--controls", type=Path, help="CSV of the edit layer: `frame` and any control names")
    add(
        "--no-auto",
        dest="auto",
        action="store_false",
        help="leave the proposed motion out: the rows of --controls are what is generated",
    )
    add("--frames", type=span, default=(None, None), metavar="A:B",
        help="only these frames, half-open (default: as long as the voice)")  # fmt: skip
    add("--face", type=int, metavar="N",
        help="number of the face, counted from the left from 0 (default: the largest)")  # fmt: skip
    add("--face-box", type=box, metavar="X,Y,W,H", help="where the face is, when none is found")
    add("--pose-from", type=Path, metavar="CLIP",
        help="take the head's pose from this clip instead: a folder of pictures, a numbered "
        "sequence, an animated image, or a video where ffmpeg is installed")  # fmt: skip
    add("--emotion-from", type=Path, metavar="CLIP", help="take the emotion from this clip instead")
    add("--clip-fps", type=fps, help="pictures per second of the clips (default: as the file says, "
        "else --fps)")  # fmt: skip
    add("--seed", type=int, default=0, help="another number, other proposed motion")
    add("--amount", type=float, default=1.0, help="how much motion is proposed (default 1)")
    add("--start", type=float, default=0.0, help="seconds into the voice of frame 0")
    add(
        "--consent",
        choices=tuple(CONSENTS),
        default=UNSTATED,
        help="what you state about the person in the portrait; kept in the frames' manifests",
    )
    add(
        "--no-marks",
        dest="mark",
        action="store_false",
        help="no watermark, no manifest: only where the law allows it (docs/provenance.md)",
    )
    _engine_options(make)

    hear = commands.add_parser("voice", help="curves for a 3D or 2D rig from a voice")
    hear.add_argument("file", type=Path, help="WAV; FLAC, Ogg or MP3 where soundfile is there")
    hear.add_argument("--out", type=Path, required=True, help="CSV, JSON, or TSV of mouth cues")
    hear.add_argument("--format", choices=("csv", "json", "rhubarb"), help="default: by suffix")
    hear.add_argument("--fps", type=fps, default=Fraction(25), help="rows per second (default 25)")
    hear.add_argument("--gain", type=float, default=1.0, help="factor on every face shape")
    hear.add_argument("--network", type=Path, help="another encoder, as convert_voice.py writes it")
    _engine_options(hear)

    clip = commands.add_parser("read", help="pose and emotion curves read off a clip")
    clip.add_argument("clip", type=Path, help="as for generate --pose-from")
    clip.add_argument("--out", type=Path, required=True, help="CSV for generate --controls")
    clip.add_argument("--portrait", type=Path, help="write what differs from this portrait's own")
    clip.add_argument("--fps", type=fps, default=Fraction(25), help="rows per second (default 25)")
    clip.add_argument(
        "--clip-fps", type=fps, help="pictures per second (default: as the file says)"
    )
    _engine_options(clip)

    commands.add_parser("controls", help="print the table of controls")
    check = commands.add_parser("check", help="test this installation and the model pack")
    _engine_options(check)
    marks.add_parsers(commands)
    serve = commands.add_parser("serve", help="serve Blender; started by the add-on")
    serve.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return top


def _engine_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--pack", type=Path, help="folder of another model pack")
    command.add_argument("--threads", type=int, help="processor cores to use (default: all)")


class Talker:
    """Words for the person at the terminal, on stderr: one line of progress, notices in between."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._width = 0
        self._last = 0.0

    def line(self, text: str) -> None:
        """A line of its own."""
        self._clear()
        print(text, file=sys.stderr, flush=True)

    def notice(self, notice: Notice) -> None:
        """Something to know though the work goes on."""
        self.line(f"note: {notice.sentence} {notice.hint} [{notice.code}]")

    def progress(self, report: Progress) -> None:
        """How far it is and how long it will take."""
        from .progress import clock_text

        now, complete = time.monotonic(), report.done == report.total
        if not self._live and now - self._last < LINE_SECONDS and not complete:
            return
        self._last = now
        text = f"frame {report.done} of {report.total}"
        if report.per_second is not None and report.seconds_left is not None:
            text += f", {report.per_second:.1f} per second, {clock_text(report.seconds_left)} left"
        if self._live:
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)
        elif report.total:
            print(text, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0


def _generate(options: argparse.Namespace) -> int:
    from .engine import Engine
    from .pack import DEFAULT
    from .shot import Order, Shot

    talker = Talker()
    asked = {name: value for name, value in vars(options).items()
             if name not in ("command", "pack", "threads")}  # fmt: skip
    shot: Shot | None = None
    try:
        with _terminable() as told:

            def progress(report: Any) -> None:
                if told:  # where the first word of it was lost
                    raise KeyboardInterrupt
                talker.progress(report)

            engine = Engine(options.pack or DEFAULT, options.threads)
            shot = Shot(engine, Order(**asked), talker.notice)
            kept = len(shot.there & set(shot.frames))
            made = shot.make(progress)
    except KeyboardInterrupt:
        done = len(shot.there & set(shot.frames)) if shot else 0
        total = len(shot.frames) if shot else 0
        talker.line(f"Cancelled. {done} of {total} frames are finished and kept; "
                    "the same command goes on from there.")  # fmt: skip
        return CANCELLED
    already = f", {kept} were there already" if kept else ""
    talker.line(f"{made} frames made{already}: {options.out}")
    return 0


@contextlib.contextmanager
def _terminable() -> Any:
    """While this is open, being told to end (a farm's manager does that) is the same as Ctrl-C.

    Gives a list that holds something once it was told: an interrupt within a library's callback,
    as a signature makes them, is lost there.
    """
    told: list[int] = []

    def end(number: int, frame: object) -> None:
        told.append(number)
        raise KeyboardInterrupt

    # Windows has Ctrl-Break for a process group of its own, where Ctrl-C does not arrive.
    names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    # What was started to be deaf to it, as in a shell's background, stays so.
    names = [n for n in names if signal.getsignal(getattr(signal, n)) is not signal.SIG_IGN]
    before = {name: signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield told
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _voice(options: argparse.Namespace) -> int:
    from .pack import DEFAULT
    from .voice_file import write_curves

    count = write_curves(
        options.file,
        options.out,
        options.format,
        options.fps,
        options.gain,
        options.pack or DEFAULT,
        options.network,
        options.threads,
    )
    print(f"{options.out}: {count} rows", file=sys.stderr)
    return 0


def _read(options: argparse.Namespace) -> int:
    from .clip_curves import write_clip_curves
    from .pack import DEFAULT, Pack

    def told(done: int) -> None:
        print(f"{done} pictures read", file=sys.stderr, flush=True)

    pack = Pack(options.pack or DEFAULT, options.threads)
    count = write_clip_curves(
        pack, options.clip, options.out, options.portrait, options.fps, options.clip_fps, told
    )
    print(f"{options.out}: {count} rows", file=sys.stderr)
    return 0


def _check(options: argparse.Namespace) -> int:
    from .check import check
    from .pack import DEFAULT

    for line in check(options.pack or DEFAULT, options.threads):
        print(line, flush=True)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from inference_core.service.main import serve

    return int(serve(options.rest) or 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(arguments)
    try:
        if options.command == "generate":
            return _generate(options)
        if options.command == "voice":
            return _voice(options)
        if options.command == "read":
            return _read(options)
        if options.command == "check":
            return _check(options)
        if options.command == "verify":
            from .likeness import Likeness

            return marks.run_verify(options, Likeness())
        if options.command == "sign":
            return marks.run_sign(options)
        if options.command == "serve":
            return _serve(options)
        # The table has a few signs that a Windows console's old code page lacks.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        print(as_markdown(), end="")
        return 0
    except SpeakError as error:
        print(f"error: {error.sentence}\n       {error.hint} [{error.code}]", file=sys.stderr)
        return 1
    except MemoryError:
        memory = SpeakError("out_of_memory")
        print(f"error: {memory.sentence}\n       {memory.hint} [{memory.code}]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return CANCELLED
