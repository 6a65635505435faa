# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that some metrics need and that are not ours to ship: which file, and from where.

They are read from a folder that the user names, and never fetched.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Weights:
    """A file that a metric needs. `sha256`: its hash or the first digits of it, as far as they were
    published."""

    file: str
    sha256: str
    source: str

    @property
    def needed(self) -> str:
        """What stands in place of a figure without it."""
        known = f"sha256 {self.sha256}" if len(self.sha256) == 64 else f"sha256 {self.sha256}..."
        known = known if self.sha256 else "sha256 not published"
        return f"unavailable (needs {self.file}, {known}, from {self.source})"


NIQE = Weights(
    "niqe_pris_params.npz",
    "2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296",
    "basicsr-1.4.2.tar.gz on PyPI, basicsr/metrics",
)
LPIPS = Weights("alexnet-owt-7be5be79.pth", "7be5be79", "https://download.pytorch.org/models")
FID = Weights(
    "pt_inception-2015-12-05-6726825d.pth",
    "6726825d",
    "https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights",
)
CSIM = Weights(
    "w600k_r50.onnx",
    "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
    "buffalo_l.zip of insightface, for research only",
)
SYNC = Weights("syncnet_v2.model", "", "https://www.robots.ox.ac.uk/~vgg/software/lipsync")


class UnavailableError(Exception):
    """A metric lacks something; the text stands in the table."""


def path_of(weights: Weights, folder: Path | None) -> Path:
    """The file in the user's folder. UnavailableError when it is not there or is another one."""
    path = None if folder is None else folder / weights.file
    if path is None or not path.is_file():
        raise UnavailableError(weights.needed)
    if weights.sha256 and not _hash(path).startswith(weights.sha256):
        raise UnavailableError(f"{weights.needed[:-1]}; the file there is another one)")
    return path


@cache
def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
