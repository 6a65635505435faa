# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders training groups to a folder, several processes side by side; resumes where it stopped.

python -m inference_core.training.data.render_groups --assets FOLDER --out FOLDER
    --identities 0:1000 --workers 2 [--minutes 4]
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import time
from pathlib import Path


def _render(
    assets: Path,
    out: Path,
    first: int,
    last: int,
    step: int,
    evaluation: bool,
    plain: bool,
    until: float,
) -> None:
    """Every `step`th identity of a range, or those for which there is time: until is of
    time.time(). At least one, for training needs something to begin with."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # software GL: one thread a process scales best
    from .assets import AvatarBank
    from .group import make_groups
    from .renderer import Renderer

    bank, renderer = AvatarBank(assets), Renderer()
    begun, made = time.monotonic(), 0
    for seed in range(first, last, step):
        if (out / f"{seed:06d}_1.npz").exists():
            continue
        for k, group in enumerate(make_groups(bank, renderer, seed, evaluation, plain=plain)):
            group.save(out / f"{seed:06d}_{k}.npz")
        made += 1
        if time.time() > until:
            print(f"time is up after identity {seed}", flush=True)
            return
        if made % 20 == 0:
            pace = (time.monotonic() - begun) / made
            print(f"identity {seed}: {pace:.2f} s each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with geo.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--identities", default="0:200", help="half-open range of seeds")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="render as many as fit")
    parser.add_argument("--evaluation", action="store_true", help="people never trained on")
    parser.add_argument(
        "--plain", action="store_true", help="without make-up, glasses, hats and the like"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    first, last = (int(part) for part in options.identities.split(":"))
    until = time.time() + 60 * options.minutes
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(
            target=_render,
            args=(
                options.assets,
                options.out,
                first + i,
                last,
                options.workers,
                options.evaluation,
                options.plain,
                until,
            ),
        )
        for i in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("A rendering process failed; its message is above.")


if __name__ == "__main__":
    main()
