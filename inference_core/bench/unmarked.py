# SPDX-License-Identifier: GPL-3.0-or-later
"""How high pictures score that carry no mark.

python -m inference_core.bench.unmarked --pictures FOLDER [--pictures FOLDER] --out OUT

Parts of the pictures in the folders, cut, scaled, mirrored and saved as JPEG at random, each
searched as `verify` does it. The same seed cuts the same parts. A run that was stopped goes on
where it was; `--until` stops one.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from ..provenance.detector import THRESHOLD, find
from ..provenance.look import IMAGES
from .roc import limit_for

LARGEST = 1600  # pixels a side that are kept of a picture
SIDES = (200, 1200)  # of a part
SIDE = 256  # most parts are scaled to this
TOLD = 500


@lru_cache(maxsize=256)
def _picture(path: Path) -> Image.Image:
    image = Image.open(path).convert("RGB")
    image.thumbnail((LARGEST, LARGEST))
    return image


def parts(folders: Sequence[Path], count: int, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """Name of the folder and a part of one of its pictures; the folders take turns."""
    files = [sorted(one for one in folder.rglob("*") if one.suffix.lower() in IMAGES)
             for folder in folders]  # fmt: skip
    rng = np.random.default_rng(seed)
    for number in range(count):
        turn = number % len(folders)
        image = _picture(files[turn][rng.integers(len(files[turn]))])
        side = min(int(rng.integers(*SIDES)), *image.size)
        left = int(rng.integers(0, image.width - side + 1))
        top = int(rng.integers(0, image.height - side + 1))
        part = image.crop((left, top, left + side, top + side))
        if rng.random() < 0.7 or side > SIDE * 5 // 4:
            part = part.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        if rng.random() < 0.5:
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if rng.random() < 0.4:
            out = io.BytesIO()
            part.save(out, "JPEG", quality=int(rng.integers(40, 96)))
            part = Image.open(io.BytesIO(out.getvalue())).convert("RGB")
        yield folders[turn].name, part


def main(arguments: Sequence[str] | None = None) -> None:
    """Score them; write unmarked.json and print a line per folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pictures", type=Path, required=True, action="append")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--until", type=int, help="stop after so many of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "unmarked.json"
    found: dict[str, list[float]] = json.loads(file.read_bytes()) if file.exists() else {}
    done = sum(map(len, found.values()))
    every_part = parts(options.pictures, options.count, options.seed)
    for number, (name, part) in enumerate(islice(every_part, options.until), 1):
        if number <= done:
            continue
        found.setdefault(name, []).append(find(part).score)
        if number % TOLD == 0:
            file.write_text(json.dumps(found), "utf-8")
            highest = max(map(max, found.values()))
            print(f"{number} of {options.count}, highest {highest:.2f}", file=sys.stderr)
    file.write_text(json.dumps(found), "utf-8")
    every = [score for scores in found.values() for score in scores]
    for name, scores in (*found.items(), ("all", every)):
        over = sum(score >= THRESHOLD for score in scores)
        print(f"{name}: {len(scores)} pictures, median {np.median(scores):.2f}, highest "
              f"{max(scores):.2f}, {over} found")  # fmt: skip
    for rate in (1e-3, 1e-6):
        print(f"one in {1 / rate:.0f} scores above {limit_for(every, rate):.2f}")


if __name__ == "__main__":
    main()
