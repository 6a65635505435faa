# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of the voice encoder: safetensors with the numbers to go on from, never a pickle."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference_core.training.voice.encoder import EncoderSize, VoiceEncoder


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0


def save(
    path: Path, size: EncoderSize, progress: Progress, groups: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Write groups of tensors (`weights`, `average`, `moment1` ...) to one file, all or nothing."""
    tensors = {
        f"{group}/{name}": tensor.detach().clone().contiguous()
        for group, members in groups.items()
        for name, tensor in members.items()
    }
    meta = {"size": json.dumps(size.as_dict()), "progress": json.dumps(vars(progress))}
    part = path.with_suffix(".part")
    save_file(tensors, str(part), meta)
    os.replace(part, path)


def load(path: Path) -> tuple[EncoderSize, Progress, dict[str, dict[str, Tensor]]]:
    """What `save` wrote."""
    with safe_open(str(path), "pt") as file:
        meta = file.metadata()
    groups: dict[str, dict[str, Tensor]] = {}
    for key, tensor in load_file(str(path)).items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = tensor
    return (
        EncoderSize(**json.loads(meta["size"])),
        Progress(**json.loads(meta["progress"])),
        groups,
    )


def load_encoder(path: Path) -> tuple[VoiceEncoder, Progress]:
    """The averaged encoder of a checkpoint, ready to be used."""
    size, progress, groups = load(path)
    encoder = VoiceEncoder(size)
    encoder.load_state_dict(groups["average"])
    return encoder.eval(), progress
