# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads rendered groups in random order, a few batches ahead of the training step."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Batch = dict[str, Tensor]
_AHEAD = 4
HELD_MATERIAL = 9  # label of what is before the face and does not move with the head


class GroupFolder:
    """The groups of one folder; files that appear while training runs are picked up."""

    def __init__(self, folder: Path, keys: tuple[str, ...] | None = None) -> None:
        self.folder = Path(folder)
        self.keys = keys
        self.refresh()
        if not self.paths:
            raise FileNotFoundError(
                f"{folder} holds no rendered groups yet; run "
                "inference_core.training.data.render_groups first."
            )

    def refresh(self) -> None:
        self.paths = sorted(
            p for p in self.folder.glob("*.npz") if not p.name.endswith(".part.npz")
        )

    def load(self, paths: list[Path]) -> Batch:
        """Stacked tensors of several groups, in the dtypes they are stored in.

        ValueError for groups of an earlier version, whose targets have no labels.
        """
        rows: dict[str, list[np.ndarray]] = {}
        for path in paths:
            with np.load(path) as archive:
                for key in self.keys or archive.files:
                    array = archive[key]
                    if key == "material" and array.ndim != 3:
                        raise ValueError(
                            f"{path} was rendered by an earlier version and has labels for its "
                            "portrait only; render the folder again with render_groups."
                        )
                    rows.setdefault(key, []).append(array)
        return {key: torch.from_numpy(np.stack(values)) for key, values in rows.items()}

    def people(self) -> list[list[Path]]:
        """The groups of each person together, in the folder's order."""
        found: dict[str, list[Path]] = {}
        for path in self.paths:
            found.setdefault(path.stem.rpartition("_")[0], []).append(path)
        return list(found.values())

    def _draw(self, rng: np.random.Generator, size: int, siblings: bool) -> list[Path]:
        if not siblings:
            return [self.paths[i] for i in rng.integers(len(self.paths), size=size)]
        known = [groups for groups in self.people() if len(groups) > 1]
        if not known:
            raise ValueError(f"{self.folder} has no person with two groups; render it again.")
        who = rng.choice(len(known), size // 2, replace=len(known) < size // 2)
        return [path for i in who for path in rng.permutation(np.array(known[i]))[:2]]

    def batches(
        self, size: int, seed: int, first: int = 0, siblings: bool = False
    ) -> Iterator[Batch]:
        """Endless random batches of `size` groups, loaded by a thread of their own. Begins with
        batch number `first` of those that the seed gives while the folder stays as it is.

        siblings: two groups of each person stand together, of those who have two; size is even.
        What goes wrong in the thread is raised here, or training would wait for ever.
        """
        ready: queue.Queue[Batch | Exception] = queue.Queue(_AHEAD)

        def fill() -> None:
            rng = np.random.default_rng(seed)
            for _ in range(first):
                self._draw(rng, size, siblings)
            count = first
            try:
                while True:
                    count += 1
                    if count % 200 == 0:
                        self.refresh()
                    ready.put(self.load(self._draw(rng, size, siblings)))
            except Exception as error:
                ready.put(error)

        threading.Thread(target=fill, daemon=True).start()
        while True:
            batch = ready.get()
            if isinstance(batch, Exception):
                raise batch
            yield batch
