# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core.evaluation.voice`: the voice's part of `evaluate` alone."""

import argparse
import sys
from pathlib import Path

from inference_core.runtime.engine import Engine
from inference_core.runtime.pack import DEFAULT

from .. import command, report
from ..bench import Bench, read_portraits
from . import rows


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    command.voice_options(parser)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder for the table, the plots and the page")
    add("--portraits", type=Path, help="folder of more sample portraits")
    add("--judge", type=Path, help="virtual environment with mediapipe==0.10.21")
    add("--pack", type=Path, default=DEFAULT, help="folder of another model pack")
    add("--quick", action="store_true", help="one portrait, few prompts")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    engine = Engine(options.pack, 2)
    samples = read_portraits(engine, options.portraits, command.SAMPLE)
    judge = command.judge_in(options.judge)
    bench = Bench(engine, [], samples, judge, None, None, quick=options.quick)
    found = rows.measure(bench, command.voice_material(options), options.out)
    about = {"pack": f"{engine.pack.id} {engine.pack.version}", "sha256": engine.pack.sha256[:16]}
    (options.out / "voice.md").write_text(report.as_markdown(found), "utf-8")
    (options.out / "voice.json").write_text(report.as_json(found, about), "utf-8")
    (options.out / "voice.html").write_text(report.as_html(found, bench, about), "utf-8")
    print(report.as_text(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
