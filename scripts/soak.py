# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the core stay small? Many frames and many cancels in one process, watched from outside.

    .venv/bin/python scripts/soak.py [--frames 20000] [--cancels 2000] [--pack FOLDER] [--out out]

Starts the core as the add-on does, on a pack of a few kilobytes unless one is named (the networks
are then nothing and all else is everything), and asks for frames in batches, with cancels in
between. Memory and open handles of the control process and its worker are looked at after every
batch; soak.json and soak.png show them over the work done. Linux only: it reads /proc.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("SPEAK_CONFIG", tempfile.mkdtemp(prefix="speak-soak-"))

import numpy as np

from inference_core.protocol import messages
from inference_core.protocol.controls import COUNT, DEFAULTS, INDEX
from scripts.terminal import say
from tests.fixtures.faces import draw_face, encoded
from tests.service.harness import FPS, TestCore, resident, started

BATCH = 100  # frames of one request
WARM = 0.2  # of the work: caches fill and allocators settle, and growth is counted from there
MOST_GROWTH_MB = 24.0
MOST_HANDLES = 4


@dataclass(frozen=True)
class Look:
    """What the processes had after some work: MB of memory, open handles."""

    frames: int
    cancels: int
    control_mb: float
    worker_mb: float
    control_handles: int
    worker_handles: int


def look(core: TestCore, frames: int, cancels: int) -> Look:
    """Memory and handles now."""
    control, worker = core.core.pid, core.workers[0]
    return Look(
        frames,
        cancels,
        round(resident(control) / 2**20, 1),
        round(resident(worker) / 2**20, 1),
        _handles(control),
        _handles(worker),
    )


def _handles(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def track(frames: int, start: int) -> bytes:
    """Curves that are never the same, so that every frame has to be made."""
    rows = np.tile(np.array(DEFAULTS, np.float32), (frames, 1))
    rows[:, INDEX["yaw"]] = np.sin(np.arange(start, start + frames) * 0.37) * 20
    rows[:, INDEX["shift_x"]] = np.sin(np.arange(start, start + frames) * 0.011) * 0.1
    assert rows.shape == (frames, COUNT)
    return rows.tobytes()


def soak(core: TestCore, frames: int, cancels: int) -> list[Look]:
    """Do the work, mixed, and look after every batch."""
    portrait = str(core.ask(messages.prepare(encoded(draw_face()))).fields["portrait"])
    voice = str(core.ask(messages.listen(bytes(32000), 16000)).fields["voice"])
    batches = -(-frames // BATCH)
    each = -(-cancels // batches)
    looks, made, cancelled = [], 0, 0
    for number in range(batches):
        request = messages.generate(portrait, voice, FPS, track(BATCH, number * BATCH), 256)
        events = core.events(core.link.send(request), 600)
        made += sum(event.type == "frame" for event in events)
        assert events[-1].type == "done", events[-1]
        for turn in range(min(each, cancels - cancelled)):
            request = messages.generate(portrait, voice, FPS, track(60, made + turn), 256)
            sent = core.link.send(request)
            if turn % 2:  # half of them before the first frame, half of them in the middle
                _until_frame(core, sent)
            core.link.cancel(sent)
            end = core.events(sent, 600)[-1]
            assert end.type in ("cancelled", "done"), end
            cancelled += 1
        looks.append(look(core, made, cancelled))
        if number % 10 == 9:
            last = looks[-1]
            memory = f"worker {last.worker_mb} MB, control {last.control_mb} MB"
            handles = f"handles {last.worker_handles} and {last.control_handles}"
            say(f"{made} frames, {cancelled} cancels: {memory}, {handles}")
    return looks


def _until_frame(core: TestCore, request: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for event in core.link.poll(64):
            if event.id == request and event.type in ("frame", "done", "failed"):
                return
        time.sleep(0.001)
    raise TimeoutError("no frame came")


def growth(looks: list[Look]) -> dict[str, float]:
    """How much each figure rose from the end of the warming up: medians of a tenth of the run."""
    part = max(1, len(looks) // 10)
    first = looks[int(len(looks) * WARM) :][:part]
    last = looks[-part:]
    return {
        name: float(
            np.median([getattr(one, name) for one in last])
            - np.median([getattr(one, name) for one in first])
        )
        for name in ("control_mb", "worker_mb", "control_handles", "worker_handles")
    }


def plot(looks: list[Look], path: Path) -> None:
    """Memory above, handles below, over the frames made."""
    from PIL import Image, ImageDraw

    width, height, edge = 900, 260, 50
    sheet = Image.new("RGB", (width, 2 * height), "white")
    pen = ImageDraw.Draw(sheet)
    rows = (("MB", ("worker_mb", "control_mb")), ("handles", ("worker_handles", "control_handles")))
    for row, (unit, names) in enumerate(rows):
        top = row * height
        most = max(getattr(one, name) for one in looks for name in names) * 1.15 or 1
        pen.rectangle((edge, top + 20, width - 20, top + height - 40), outline="black")
        for number in range(5):
            y = top + height - 40 - number * (height - 60) / 4
            pen.text((6, y - 6), f"{most * number / 4:.0f}", fill="black")
            pen.line((edge, y, width - 20, y), fill="#dddddd")
        for name, colour in zip(names, ("#c03020", "#2050c0"), strict=True):
            points = [
                (
                    edge + (width - 20 - edge) * one.frames / looks[-1].frames,
                    top + height - 40 - (height - 60) * getattr(one, name) / most,
                )
                for one in looks
            ]
            pen.line(points, fill=colour, width=2)
        text = f"{unit}: worker red, control blue; over {looks[-1].frames} frames and "
        pen.text((edge, top + 4), text + f"{looks[-1].cancels} cancels", fill="black")
    sheet.save(path)


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 when nothing grew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--cancels", type=int, default=2_000)
    parser.add_argument("--pack", type=Path, help="default: a tiny one")
    parser.add_argument("--out", type=Path, default=ROOT / "out")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pack = options.pack
        if pack is None:
            from tests.fixtures.tiny_pack import write_pack

            pack = write_pack(Path(folder) / "pack")
        arguments_of_core = ("--pack", str(pack.resolve()), "--threads", "2")
        core = started(Path(folder), module="inference_core", arguments=arguments_of_core)
        began = time.monotonic()
        try:
            looks = soak(core, options.frames, options.cancels)
        finally:
            core.stop()
    grown = growth(looks)
    facts = {"seconds": round(time.monotonic() - began), "growth": grown,
             "looks": [asdict(one) for one in looks]}  # fmt: skip
    (options.out / "soak.json").write_text(json.dumps(facts, indent=1), "utf-8")
    plot(looks, options.out / "soak.png")
    say(f"growth after warming up: {grown}; {options.out / 'soak.png'}")
    limits = {"mb": MOST_GROWTH_MB, "handles": MOST_HANDLES}
    return int(any(value > limits[name.rpartition("_")[2]] for name, value in grown.items()))


if __name__ == "__main__":
    sys.exit(main())
