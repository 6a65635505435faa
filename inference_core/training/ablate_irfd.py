# SPDX-License-Identifier: GPL-3.0-or-later
"""The paper's ablations: IRFD with each of its losses left out, from one start, as a table.

python -m inference_core.training.ablate_irfd --data FOLDER --speak FILE --out FOLDER [--steps 150]

Runs that are whole are not made again. OUT/table.md is for the model card.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch

from .train_irfd import LOSSES, Trainer

COLUMNS = {
    "pose": "pose, degrees",
    "emotion": "emotion",
    "eyes": "eyes",
    "mouth": "mouth",
    "class right": "class right",
    "within": "code within a person, of all",
    "own nearest": "nearest code is the own",
    "pose leaks": "swapped frame's pose code, off by",
    "emotion leaks": "its emotion code, off by",
}
_SHARES = ("class right", "own nearest")


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown; rows by what was left out."""
    lines = [
        "| without | " + " | ".join(COLUMNS.values()) + " |",
        "|---" * (1 + len(COLUMNS)) + "|",
    ]
    for name, figures in rows.items():
        said = (f"{figures[k]:.0%}" if k in _SHARES else f"{figures[k]:.3f}" for k in COLUMNS)
        lines.append(f"| {name} | " + " | ".join(said) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--speak", type=Path, required=True, help="a checkpoint of train_painter")
    parser.add_argument("--start", type=Path, help="all go on from this run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, float]] = {}
    for left_out in (None, *LOSSES):
        name = f"L_{left_out}" if left_out else "nothing"
        done = options.out / f"{name}.json"
        if not done.exists():
            run = Trainer(
                options.data,
                options.speak,
                options.out / f"{name}.safetensors",
                (left_out,) if left_out else (),
                options.start,
            )
            run.run(math.inf, options.steps)
            done.write_text(json.dumps(run.figures()))
        rows[name] = json.loads(done.read_text())
        (options.out / "table.md").write_text(table(rows))
    print(table(rows), end="")


if __name__ == "__main__":
    main()
