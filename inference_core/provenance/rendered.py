# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs what was rendered from frames: a render keeps the pixels and loses every manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference_core.protocol.consent import CONSENTS, UNSTATED

from .manifest import Signer

INGREDIENTS = 12  # frames whose own manifests are taken over, about 6 kB each
LISTED = 1000  # frame keys that are listed one by one; a hash covers all
SHORT = 16  # digits of a key in the list


def frames_of(folder: Path) -> list[Path]:
    """The frames of a shot's folder, in order."""
    return sorted(folder.glob("frame_??????.png"))


def sign_rendered(
    signer: Signer, path: Path, folders: Sequence[Path], consent: str | None = None
) -> Path:
    """Sign a movie or picture that was rendered from the frames in `folders`; returns the file
    that has the manifest. `consent` overrules what the shots say.

    Ingredients are frames spread evenly over all of them. OSError, CannotSignError.
    """
    frames = [frame for folder in folders for frame in frames_of(folder)]
    shots = [_shot(folder) for folder in folders]
    keys = [key for shot in shots for key in shot.get("keys", ()) if isinstance(key, str)]
    said = {str(shot.get("consent", UNSTATED)) for shot in shots}
    facts: dict[str, Any] = {
        "frames": len(frames),
        "frame_keys_sha256": hashlib.sha256("\n".join(keys).encode()).hexdigest(),
        "frame_keys": [key[:SHORT] for key in keys[:LISTED]],
        "packs": sorted({_pack(shot) for shot in shots} - {""}),
        "portraits": sorted({str(shot.get("portrait_sha256", "")) for shot in shots} - {""}),
        "consent": consent or ", ".join(sorted(said & set(CONSENTS))) or UNSTATED,
    }
    step = max(1, len(frames) / INGREDIENTS)
    some = [frames[int(number * step)] for number in range(min(INGREDIENTS, len(frames)))]
    return signer.film(path, facts, some)


def _shot(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / "shot.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _pack(shot: dict[str, Any]) -> str:
    pack = shot.get("pack")
    if not isinstance(pack, dict):
        return ""
    return " ".join(str(pack.get(name, "")) for name in ("pack", "version")).strip()
