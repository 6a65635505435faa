# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the data engine is, and whether training waits for it.

python -m inference_core.training.data.pace --assets FOLDER [--identities 4]
python -m inference_core.training.data.pace --data FOLDER [--config CONFIG.toml] [--steps 6]

The first renders groups and counts CPU time, so that other work on the machine matters little. The
second trains for a few steps from the folder and as many on one batch that is already in memory,
by turns, and says what a step costs either way and how long it waited for its batch.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import tomllib
from pathlib import Path
from statistics import median


def rendering(assets: Path, identities: int) -> dict[str, float]:
    """Seconds of CPU time: frame (one drawn picture), group (four, with all labels), identity."""
    os.environ.setdefault("LP_NUM_THREADS", "1")
    from .assets import AvatarBank
    from .group import DRAWN, make_groups
    from .renderer import Renderer

    bank, renderer = AvatarBank(assets), Renderer()
    drawing = [0.0]
    draw = renderer.render

    def timed(*args: object) -> object:
        begun = time.process_time()
        picture = draw(*args)  # type: ignore[arg-type]
        drawing[0] += time.process_time() - begun
        return picture

    renderer.render = timed  # type: ignore[method-assign, assignment]
    next(make_groups(bank, renderer, 0))  # shaders are compiled on first use
    drawing[0], begun, groups = 0.0, time.process_time(), 0
    for seed in range(1, 1 + identities):
        groups += len(list(make_groups(bank, renderer, seed)))
    spent = time.process_time() - begun
    frames = groups * (1 + DRAWN)
    return {
        "frame": drawing[0] / frames,
        "group": spent / groups,
        "identity": spent / identities,
        "frames_per_core": frames / drawing[0],
        "frames_per_core_all": frames / spent,
    }


def loading(data: Path, config: Path | None, steps: int) -> dict[str, float]:
    """Seconds, medians: step from memory, step from the folder, and the wait for a batch in it."""
    from ..train import Config, Trainer

    made = Config(**tomllib.loads(config.read_text())) if config else Config()
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(made, data, Path(out))
        still = next(trainer.batches)
        trainer.learn(still)  # the first step sizes buffers
        found: dict[str, list[float]] = {"memory": [], "folder": [], "wait": []}
        for _ in range(steps):
            begun = time.monotonic()
            trainer.learn(still)
            middle = time.monotonic()
            batch = next(trainer.batches)
            loaded = time.monotonic()
            trainer.learn(batch)
            found["memory"].append(middle - begun)
            found["folder"].append(time.monotonic() - middle)
            found["wait"].append(loaded - middle)
    return {name: median(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--assets", type=Path, help="folder with geo.npz")
    parser.add_argument("--identities", type=int, default=4)
    parser.add_argument("--data", type=Path, help="folder with train/, eval/ and template.npz")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    if options.assets:
        found = rendering(options.assets, options.identities)
        print(
            f"one picture {found['frame'] * 1000:.0f} ms of CPU, {found['frames_per_core']:.1f} a "
            f"second and core; with people, labels and everything else "
            f"{found['frames_per_core_all']:.1f}; a person with two groups takes "
            f"{found['identity']:.2f} s"
        )
    if options.data:
        found = loading(options.data, options.config, options.steps)
        print(
            f"a step {found['memory']:.2f} s on a batch in memory, {found['folder']:.2f} s from "
            f"the folder, of which it waits {found['wait'] * 1000:.1f} ms"
        )


if __name__ == "__main__":
    main()
