# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs finished frames on their way out, and says once when that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from inference_core.protocol.consent import UNSTATED
from inference_core.provenance.manifest import CannotSignError, Signer, own_signer
from inference_core.provenance.statement import FrameFacts

from .notice import Notice


class Seal:
    """Puts the manifest into the frames of one shot: `seal(png, key)`.

    A frame's key does not cover its manifest: a signature is random, and the statement about the
    person may change without the picture. Frames that are there already keep theirs.
    """

    def __init__(self, engine: Mapping[str, Any], portrait: str, consent: str = UNSTATED) -> None:
        """`engine`: `Engine.describe()`; `portrait`: SHA-256 of its file."""
        self._facts = {
            "pack": str(engine["pack"]),
            "pack_version": str(engine["version"]),
            "pack_sha256": str(engine["sha256"]),
            "portrait": portrait,
            "consent": consent,
        }
        self.notices: list[Notice] = []
        self._signer: Signer | None = None
        try:
            self._signer = _signer()
        except CannotSignError as error:
            self.notices.append(Notice("marks_unsigned", {"reason": str(error)}))

    def __call__(self, png: bytes, key: str) -> bytes:
        """The file with its manifest, or as it is where nothing can be signed."""
        if self._signer is None:
            return png
        try:
            return self._signer.frame(png, FrameFacts(key=key, **self._facts))
        except CannotSignError as error:
            # A frame without its manifest is better than none, and the watermark is in it.
            self._signer = None
            self.notices.append(Notice("marks_unsigned", {"reason": str(error)}))
            return png


@cache
def _signer() -> Signer:
    return own_signer()
