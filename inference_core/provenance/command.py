# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core verify` and `sign`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from inference_core.protocol.consent import CONSENTS
from inference_core.protocol.errors import SpeakError

from .look import IMAGES, MOVIES
from .manifest import SIDECAR, CannotSignError, own_signer
from .rendered import sign_rendered
from .verify import UNREADABLE, Experiment, verify


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two commands to the command line."""
    look = commands.add_parser("verify", help="what pictures and movies say about who made them")
    look.add_argument("files", type=Path, nargs="+", metavar="FILE", help="also folders of them")
    look.add_argument("--json", action="store_true", help="for machines, on one line per file")
    words = "also find the watermark of what was scaled by an odd factor; seconds per picture"
    look.add_argument("--any-size", action="store_true", help=words)
    words = "ask the experiment also where a manifest or watermark was found"
    look.add_argument("--experiment", action="store_true", help=words)
    sign = commands.add_parser("sign", help="sign what was rendered from frames")
    sign.add_argument("files", type=Path, nargs="+", metavar="FILE", help="movies or pictures")
    sign.add_argument("--frames", type=Path, action="append", default=[], metavar="FOLDER",
        help="a shot's folder that it was rendered from; may stand several times")  # fmt: skip
    sign.add_argument("--consent", choices=tuple(CONSENTS), help="default: what the shots say")


def run_verify(options: argparse.Namespace, experiment: Experiment | None = None) -> int:
    """Print the verdict on each file; 1 when one cannot be read."""
    status = 0
    for path in _files(options.files):
        report = verify(path, options.any_size, experiment, options.experiment)
        status |= report.verdict == UNREADABLE
        if options.json:
            said = {"verdict": report.verdict, "evidence": report.lines, **report.facts}
            print(json.dumps({"file": str(path), **said}))
            continue
        print(f"{path}: {report.verdict}")
        for line in report.lines:
            print(f"    {line}")
    return status


def run_sign(options: argparse.Namespace) -> int:
    """Sign each file. SpeakError sign_failed."""
    try:
        signer = own_signer()
        for path in options.files:
            print(sign_rendered(signer, path, options.frames, options.consent), file=sys.stderr)
    except CannotSignError as error:
        raise SpeakError("sign_failed", reason=str(error)) from error
    except OSError as error:
        name = Path(str(error.filename or "")).name
        raise SpeakError("sign_failed", reason=f"{name}: {error.strerror}") from error
    return 0


def _files(named: Sequence[Path]) -> Iterator[Path]:
    for path in named:
        if path.is_dir():
            kinds = IMAGES | MOVIES | SIDECAR
            yield from sorted(one for one in path.iterdir() if one.suffix.lower() in kinds)
        else:
            yield path
