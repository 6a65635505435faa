# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes weights back out of a pack's ONNX files, so that training can go on from what is shipped.

Names survive the export, except those of normalisations, whose weights are folded into constants
and come back by the order in which they are used.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

_HALF = "_half"


def initializers(path: Path) -> dict[str, np.ndarray]:
    """Every stored tensor of an ONNX file, in the file's order, under the name of its parameter."""
    return {
        tensor.name.removesuffix(_HALF): numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
    }


def _norms_in_use(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    used: list[str] = []
    hooks = [
        part.register_forward_hook(lambda *_, name=name: used.append(name))
        for name, part in module.named_modules()
        if isinstance(part, nn.GroupNorm)
    ]
    with torch.no_grad():
        module(*inputs)
    for hook in hooks:
        hook.remove()
    return used


def restore(
    module: nn.Module, path: Path, prefix: str = "", inputs: tuple[Tensor, ...] | None = None
) -> list[str]:
    """Copies what fits from the file at `path` into `module`; returns what did not.

    prefix: what stands before the module's own names in the file. inputs: an example call, needed
    where the module has group normalisations; each must be used once, those that the file has
    first.
    """
    stored = initializers(path)
    own = module.state_dict()
    missing = []
    for name, value in own.items():
        found = stored.get(prefix + name)
        if found is not None and found.shape == tuple(value.shape):
            value.copy_(torch.from_numpy(found.astype(np.float32)))
        else:
            missing.append(name)
    if inputs is not None:
        folded = [n for n in stored if n.startswith(("onnx::Mul_", "onnx::Add_"))]
        folded = [n for n in folded if stored[n].ndim == 3]
        folded.sort(key=lambda n: int(n.rsplit("_", 1)[1]))
        names = [
            f"{norm}.{kind}"
            for norm in _norms_in_use(module, inputs)
            for kind in ("weight", "bias")
        ]
        # A module that has grown since uses its new normalisations after the old ones.
        if len(folded) <= len(names):
            for name, key in zip(names, folded, strict=False):
                own[name].copy_(torch.from_numpy(stored[key].astype(np.float32)).flatten())
                if name in missing:
                    missing.remove(name)
    module.load_state_dict(own)
    return missing
