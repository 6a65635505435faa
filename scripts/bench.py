# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast it is here, as ratios measured in one run.

    python scripts/bench.py [--frames 40] [--pack FOLDER] [--json out/bench.json] [--strict]

Cold start and warm first frame, the link's cost per frame beside a plain copy of the same bytes,
peak memory, and frames per second of the whole way beside the generator alone: making one frame
after the other, for which the limit was set, and on all cores. Prints a table with the limits the
project set itself and writes the numbers as JSON.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import environment
from scripts.environment import Environment
from scripts.terminal import say, table

BENCH = Environment(".venv", ("runtime.txt",))

# The limits that the project set itself.
MOST_COPIES = 20.0
MOST_MEMORY_MB = 1000.0
LEAST_SHARE = 0.8
MOST_PREVIEW_MS = 150.0
MOST_WATERMARK_MS, MOST_SIGNATURE_MS, MOST_MARK_BYTES = 10.0, 4.0, 4000


@dataclass(frozen=True)
class Row:
    """One measured figure; `limit` in words, `kept` when there is one."""

    name: str
    value: float
    unit: str
    limit: str = ""
    kept: bool | None = None

    @property
    def cells(self) -> tuple[str, str, str]:
        """As it stands in the table."""
        mark = "" if self.kept is None else f"{self.limit}: {'kept' if self.kept else 'MISSED'}"
        return self.name, f"{self.value:.3g} {self.unit}", mark


def measure(options: argparse.Namespace) -> list[Row]:
    """Everything, in the order of the table."""
    from scripts import bench_measures as measures

    rows = []
    for size in (256, 512):
        first = measures.first_frames(options.pack, size)
        rows.append(Row(f"cold start to first frame, {size}", first.cold, "s"))
        rows.append(Row(f"warm first frame, {size}", first.warm * 1e3, "ms"))
        if size == 512 and first.memory_mb is not None:
            kept = first.memory_mb < MOST_MEMORY_MB
            limit = f"under {MOST_MEMORY_MB:.0f} MB"
            rows.append(Row("peak memory of the core, 512", first.memory_mb, "MB", limit, kept))
    preview = measures.preview_seconds(options.pack) * 1e3
    limit = f"under {MOST_PREVIEW_MS:g} ms"
    rows.append(Row("preview at the playhead", preview, "ms", limit, preview < MOST_PREVIEW_MS))
    link = measures.link_cost()
    copies = link.frame / link.copy
    rows.append(Row("link per 512x512 frame", link.frame * 1e3, "ms"))
    rows.append(Row("plain copy of its bytes", link.copy * 1e3, "ms"))
    limit = f"at most {MOST_COPIES:g}"
    rows.append(Row("link, in copies", copies, "x", limit, copies <= MOST_COPIES))
    marks = measures.marks_cost(options.pack)
    for name, seconds, most in (
        ("watermark", marks.watermark, MOST_WATERMARK_MS),
        ("signature", marks.signature, MOST_SIGNATURE_MS),
    ):
        kept = seconds * 1e3 <= most
        row = Row(f"{name} per 512 frame", seconds * 1e3, "ms", f"at most {most:g} ms", kept)
        rows.append(row)
    share = 100 * (marks.watermark + marks.signature) / marks.frame
    rows.append(Row("marks / making the frame, one core", share, "%"))
    kept = marks.added <= MOST_MARK_BYTES
    limit = f"at most {MOST_MARK_BYTES}"
    rows.append(Row("manifest and note per frame", marks.added, "bytes", limit, kept))
    for size in (256, 512):
        pace = measures.pace(options.pack, size, options.frames)
        rows.append(
            Row(f"generator alone, one after the other, {size}", pace.generator, "frames/s")
        )
        rows.append(Row(f"generator alone, on all cores, {size}", pace.at_once, "frames/s"))
        rows.append(Row(f"the whole way, {size}", pace.whole, "frames/s"))
        rows.append(Row(f"whole way / on all cores, {size}", pace.whole / pace.at_once, ""))
        share, limit = pace.whole / pace.generator, f"at least {LEAST_SHARE:g}"
        rows.append(
            Row(f"whole way / one after the other, {size}", share, "", limit, share >= LEAST_SHARE)
        )
    return rows


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the speed of SPEAK on this machine.")
    default = ROOT / "inference_core" / "packs" / "default"
    parser.add_argument("--pack", type=Path, default=default, help="folder of the model pack")
    parser.add_argument("--frames", type=int, default=40, help="frames per measurement of pace")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "bench.json")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a limit is missed")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure in the environment of the core, made when it is not there."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = options_from(arguments)
    if not (options.pack / "pack.json").is_file():
        say(f"There is no model pack in {options.pack}.")
        return 1
    environment.ensure(BENCH)
    if Path(sys.prefix).resolve() != BENCH.path.resolve():
        command = [str(BENCH.python), str(Path(__file__).resolve()), *arguments]
        return subprocess.run(command, check=False, env=environment.clean_variables()).returncode
    rows = measure(options)
    say(table([row.cells for row in rows], ("what", "measured", "limit")))
    pack = json.loads((options.pack / "pack.json").read_text("utf-8"))
    facts = {
        "machine": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "pack": f"{pack['id']} {pack['version']}",
        "rows": [asdict(row) for row in rows],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return int(options.strict and any(row.kept is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
