# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic that training uses on the processor it runs on, and what is compiled for it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

BACKEND = "inductor"  # of torch.compile; it wants a C++ compiler on a CPU, and brings one for CUDA


def processor(threads: int) -> torch.device:
    """The GPU where there is one, else the CPU with so many threads."""
    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True  # every step has the same shapes
        return torch.device("cuda")
    torch.set_num_threads(threads)
    return torch.device("cpu")


def compile_parts(wanted: bool | None, device: torch.device, *parts: nn.Module) -> None:
    """Compiles the forward passes of `parts`, whose shapes must stay as they are; None: on a GPU.

    Their weights keep their names. Methods other than `forward` stay as they are, which a second
    derivative needs: compiled functions have none.
    """
    if device.type == "cuda" if wanted is None else wanted:
        for part in parts:
            part.compile(backend=BACKEND, dynamic=False)


def uncompiled() -> AbstractContextManager[object]:
    """Within it what was compiled is not used: for shapes that come once."""
    if "torch._dynamo" not in sys.modules:  # nothing was, and importing it takes seconds
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is quicker than float32: on a CPU without the instructions it is emulated,
    four times slower."""
    if device.type != "cpu":
        return True
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where it is quicker, float32 elsewhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_fast_bfloat16(device))
