# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzz every reader of foreign bytes for as many cases as one likes.

    .venv/bin/python scripts/fuzz.py --cases 1000000 [--first 0] [TARGET ...]

A case is a number: the same number is the same bytes (tests/fuzz/mutate.py), so nothing but numbers
is kept. The log says which numbers were run; findings go to build/fuzz/NAME-NUMBER.bin with
the traceback beside it. Cases are shared out evenly; a reader that hangs is a finding as well.
"""

import argparse
import faulthandler
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("SPEAK_CONFIG", tempfile.mkdtemp(prefix="speak-fuzz-config-"))

from scripts.terminal import say
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

OUT = ROOT / "build" / "fuzz"
TURN = 1000  # cases of one reader before the next has its turn
HANG = 30.0  # seconds that one turn may take per case before all stacks are printed
MOST_FINDINGS = 50


def main(arguments: list[str] | None = None) -> int:
    """Run the cases; 0 when nothing was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--cases", type=int, default=10_000, help="over all readers together")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    options = parser.parse_args(arguments)
    names = options.targets or list(TARGETS)
    OUT.mkdir(parents=True, exist_ok=True)
    seeds = {name: TARGETS[name].seeds() for name in names}
    each = -(-options.cases // len(names))
    done = dict.fromkeys(names, 0)
    seconds = dict.fromkeys(names, 0.0)
    found: list[str] = []
    started = time.monotonic()
    while min(done.values()) < each and len(found) < MOST_FINDINGS:
        for name in names:
            begin = time.monotonic()
            for _ in range(min(TURN, each - done[name])):
                number = options.first + done[name]
                done[name] += 1
                found += _case(name, seeds[name], number)
            seconds[name] += time.monotonic() - begin
        facts = {
            "first": options.first,
            "cases": done,
            "found": found,
            "seconds": {name: round(value, 1) for name, value in seconds.items()},
            "elapsed": round(time.monotonic() - started),
            "most_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        (OUT / "log.json").write_text(json.dumps(facts, indent=1), "utf-8")
    say(f"{sum(done.values())} cases in {time.monotonic() - started:.0f} s, {len(found)} findings")
    for line in found:
        say(line)
    return int(bool(found))


def _case(name: str, seeds: list[bytes], number: int) -> list[str]:
    data = mutated(seeds, number)
    faulthandler.dump_traceback_later(HANG, exit=True)
    try:
        TARGETS[name].run(data)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        (OUT / f"{name}-{number}.bin").write_bytes(data)
        (OUT / f"{name}-{number}.txt").write_text(traceback.format_exc(), "utf-8")
        return [f"{name} {number}: {type(error).__name__}: {str(error)[:120]}"]
    finally:
        faulthandler.cancel_dump_traceback_later()
    return []


if __name__ == "__main__":
    sys.exit(main())
