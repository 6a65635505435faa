# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic that training uses on the processor it runs on."""

from __future__ import annotations

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is quicker than float32: on a CPU without the instructions it is emulated,
    four times slower."""
    if device.type != "cpu":
        return True
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where it is quicker, float32 elsewhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_fast_bfloat16(device))
