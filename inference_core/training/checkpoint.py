# SPDX-License-Identifier: GPL-3.0-or-later
"""Training state in safetensors: weights, their running average, the optimiser, the step."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Learner = tuple[nn.Module, torch.optim.Optimizer]


class Average:
    """Exponential moving average of a module's tensors, quick at first and slow later."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.tensors[key].lerp_(value, 1 - keep)
            else:
                self.tensors[key].copy_(value)


def save(
    path: Path,
    module: nn.Module,
    average: Average,
    optimiser: torch.optim.Optimizer | None,
    step: int,
    score: float | None = None,
    others: Mapping[str, Learner] | None = None,
) -> None:
    """One file, written beside its final name and renamed. Without an optimiser nothing can go on
    from it; score: what the averaged weights were worth, the more the better; others: what learns
    beside the module, by name."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in module.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.tensors.items()}
    if optimiser is not None:
        tensors |= _state("optimiser.", optimiser)
    for name, (other, own) in (others or {}).items():
        tensors |= {f"{name}.model.{k}": v for k, v in other.state_dict().items()}
        tensors |= _state(f"{name}.optimiser.", own)
    part = path.with_suffix(".part")
    save_file(
        {k: v.contiguous().clone() for k, v in tensors.items()},
        part,
        metadata={"speak": json.dumps({"step": step, "score": score})},
    )
    part.replace(path)


def _state(prefix: str, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What the optimiser remembers of each parameter, under names that begin with prefix."""
    states = optimiser.state_dict()["state"].items()
    return {f"{prefix}{i}.{k}": torch.as_tensor(v) for i, row in states for k, v in row.items()}


def _restore(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    whole = optimiser.state_dict()
    optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def load(
    path: Path,
    module: nn.Module,
    average: Average | None = None,
    optimiser: torch.optim.Optimizer | None = None,
    others: Mapping[str, Learner] | None = None,
) -> int:
    """Restores everything that is given; returns the step. Of `others` those stay as they are that
    the file does not know, for a run may have begun without them."""
    tensors = load_file(path)
    step = int(_facts(path)["step"])

    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    module.load_state_dict(part("model."))
    if average is not None:
        for key, value in part("average.").items():
            average.tensors[key] = value.to(average.tensors[key].device)
    if optimiser is not None:
        _restore(optimiser, part("optimiser."))
    for name, (other, own) in (others or {}).items():
        if known := part(f"{name}.model."):
            other.load_state_dict(known)
            _restore(own, part(f"{name}.optimiser."))
    return step


def _facts(path: Path) -> dict[str, float]:
    with safe_open(path, "pt") as file:
        facts: dict[str, float] = json.loads(file.metadata()["speak"])
    return facts


def score(path: Path) -> float:
    """What the weights of a file were worth when it was written; minus infinity without a file."""
    found = _facts(path).get("score") if path.exists() else None
    return -math.inf if found is None else found


def load_average(path: Path, module: nn.Module, missing: tuple[str, ...] = ()) -> int:
    """The averaged weights, for evaluation and export; returns the step. Names that start as one of
    `missing` may not be there, and stay as they are."""
    prefix = "average."
    found = {k.removeprefix(prefix): v for k, v in load_file(path).items() if k.startswith(prefix)}
    kept = {k: v for k, v in module.state_dict().items() if k.startswith(missing)}
    module.load_state_dict(kept | found)
    return int(_facts(path)["step"])
