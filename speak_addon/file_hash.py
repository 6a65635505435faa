# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes of files, remembered until a file changes. Without bpy."""

import hashlib
from pathlib import Path

_hashes: dict[str, tuple[tuple[int, int], str]] = {}


def file_hash(path: Path) -> str:
    """SHA-256 hex of a file, remembered until the file changes; empty when it is not there."""
    try:
        facts = path.stat()
        state = facts.st_mtime_ns, facts.st_size
        known = _hashes.get(str(path))
        if known is None or known[0] != state:
            with path.open("rb") as file:
                known = state, hashlib.file_digest(file, "sha256").hexdigest()
            _hashes[str(path)] = known
    except OSError:
        return ""
    return known[1]
