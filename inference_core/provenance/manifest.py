# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes and reads C2PA manifests with c2pa's own library, without a network.

A signature has randomness in it, so two signings of one picture differ; the picture itself, and
the key that it is known by, do not.
"""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .identity import Identity, NoIdentityError, own
from .statement import FILM, FRAME, FrameFacts, film_manifest, frame_manifest

MIME = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".tif": "image/tiff", ".tiff": "image/tiff", ".avif": "image/avif", ".jxl": "image/jxl",
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".avi": "video/avi",
}  # fmt: skip
# A file is what its first bytes say, whatever its name: (where, bytes, MIME type).
HEADS = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"), (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"), (8, b"AVI ", "video/avi"), (4, b"ftypqt", "video/quicktime"),
    (4, b"ftypavi", "image/avif"), (4, b"ftyp", "video/mp4"), (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
)  # fmt: skip
# What C2PA has no place in gets its manifest beside it.
SIDECAR_SUFFIX = ".c2pa"
SIDECAR = {".exr", ".mkv", ".webm", ".ogv", ".bmp", ".hdr", ".dpx"}
BYTES = "application/octet-stream"


class CannotSignError(Exception):
    """Why nothing can be signed, in a few words."""


@dataclass(frozen=True)
class Manifest:
    """What a file's manifest says and whether that holds.

    `state` is c2pa's: Trusted, Valid (intact, the signer is unknown) or Invalid. `facts` is our
    own statement in it, empty when it has none. `problems` are c2pa's codes of what failed.
    """

    state: str
    signer: str
    generator: str
    facts: dict[str, Any] = field(default_factory=dict)
    ingredients: int = 0
    problems: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether file and manifest are as they were signed."""
        return self.state in ("Valid", "Trusted")

    @property
    def ours(self) -> bool:
        """Whether it says that this product made the file."""
        return bool(self.facts)


@cache
def library() -> Any:
    """The module c2pa, or None where it is not installed or does not run."""
    try:
        import c2pa
    except (ImportError, OSError, RuntimeError):
        return None
    return c2pa


class Signer:
    """Signs frames and films with one identity. May be used from several threads."""

    def __init__(self, identity: Identity) -> None:
        """CannotSignError: c2pa is not there, or does not take the identity."""
        c2pa = library()
        if c2pa is None:
            raise CannotSignError("the Python package c2pa is not installed")
        # No time stamp: it would need a network, and a second frame of the same key would differ.
        info = c2pa.C2paSignerInfo(b"es256", identity.own_certificate, identity.key, b"")
        info.ta_url = None
        try:
            self._signer = c2pa.Signer.from_info(info)
            self._context = _context(None)
        except c2pa.C2paError as error:
            raise CannotSignError(str(error)) from error
        self._c2pa = c2pa
        self._lock = threading.Lock()

    def frame(self, png: bytes, facts: FrameFacts) -> bytes:
        """A frame's PNG with its manifest in it; the pixels stay as they are. CannotSignError."""
        out = io.BytesIO()
        try:
            with self._lock, self._c2pa.Builder(frame_manifest(facts), self._context) as builder:
                builder.sign(self._signer, "image/png", io.BytesIO(png), out)
        except self._c2pa.C2paError as error:
            raise CannotSignError(str(error)) from error
        return out.getvalue()

    def film(self, path: Path, facts: dict[str, Any], frames: Sequence[Path]) -> Path:
        """Sign a rendered file with frames as its ingredients. What has no place for a manifest
        gets it in a file beside it; returns the file with the manifest.

        OSError; CannotSignError when c2pa refuses the file.
        """
        suffix = path.suffix.lower()
        beside = suffix in SIDECAR
        mime = _mime(path)
        if not mime and not beside:
            raise CannotSignError(f"{path.name} is of a kind that cannot be signed")
        target = path.with_name(path.name + SIDECAR_SUFFIX) if beside else path
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        builder = self._c2pa.Builder(film_manifest(path.name, mime or BYTES, facts), self._context)
        try:
            with self._lock, builder, path.open("rb") as source:
                for frame in frames:
                    told = {"title": frame.name, "relationship": "componentOf"}
                    with frame.open("rb") as stream:
                        builder.add_ingredient(told, "image/png", stream)
                if beside:
                    builder.set_no_embed()
                    data = builder.sign(self._signer, mime or BYTES, source, io.BytesIO())
                    part.write_bytes(data)
                else:
                    with part.open("w+b") as out:
                        builder.sign(self._signer, mime, source, out)
            part.replace(target)
        except self._c2pa.C2paError as error:
            raise CannotSignError(f"{path.name}: {error}") from error
        finally:
            part.unlink(missing_ok=True)
        return target


def own_signer() -> Signer:
    """A signer with the user's own identity. CannotSignError says what is missing."""
    if library() is None:
        raise CannotSignError("the Python package c2pa is not installed")
    try:
        return Signer(own())
    except NoIdentityError as error:
        raise CannotSignError(str(error)) from error


def read(path: Path, anchors: Sequence[bytes] = ()) -> Manifest | None:
    """The manifest in a file or beside it; None when there is none.

    `anchors`: root certificates (PEM) to trust beside none. CannotSignError: c2pa is not there.
    OSError.
    """
    c2pa = library()
    if c2pa is None:
        raise CannotSignError("the Python package c2pa is not installed")
    sidecar = path.with_name(path.name + SIDECAR_SUFFIX)
    beside = sidecar.read_bytes() if sidecar.exists() else None
    mime = _mime(path)
    if beside is None and not mime:
        return None
    context = _context(anchors)
    try:
        with path.open("rb") as stream:
            reader = c2pa.Reader(mime or BYTES, stream, beside, context)
            try:
                found = json.loads(reader.json())
            finally:
                reader.close()
    except c2pa.C2paError as error:
        if isinstance(error, c2pa.C2paError.ManifestNotFound):
            return None
        # Damaged so that it cannot even be read: there was something, and it does not hold.
        text = str(error)
        return None if _not_such_a_file(text) else Manifest("Invalid", "", "", problems=(text,))
    return _told(found)


def _mime(path: Path) -> str:
    """The MIME type of a file that can hold a manifest, "" of any other. OSError."""
    with path.open("rb") as file:
        head = file.read(16)
    found = [mime for at, magic, mime in HEADS if head[at : at + len(magic)] == magic]
    return found[0] if found else MIME.get(path.suffix.lower(), "")


def _not_such_a_file(text: str) -> bool:
    """Whether c2pa could not read the file itself, which says nothing about a manifest."""
    return any(word in text for word in ("InvalidAsset", "UnsupportedType", "NotSupported", "Io:"))


def _told(found: dict[str, Any]) -> Manifest:
    active = found.get("manifests", {}).get(found.get("active_manifest"), {})
    signed = active.get("signature_info") or {}
    makers = active.get("claim_generator_info") or [{}]
    facts = [
        one["data"]
        for one in active.get("assertions", ())
        if one.get("label") in (FRAME, FILM) and isinstance(one.get("data"), dict)
    ]
    results = found.get("validation_results", {}).get("activeManifest", {})
    problems = [str(one.get("code")) for one in results.get("failure", ())]
    return Manifest(
        state=str(found.get("validation_state", "Invalid")),
        signer=" ".join(str(signed[name]) for name in ("issuer", "common_name") if name in signed),
        generator=" ".join(str(makers[0].get(name, "")) for name in ("name", "version")).strip(),
        facts=facts[0] if facts else {},
        ingredients=len(active.get("ingredients", ())),
        problems=tuple(problems),
    )


def _context(anchors: Sequence[bytes] | None) -> Any:
    c2pa = library()
    settings: dict[str, Any] = {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
    }
    if anchors:
        settings["trust"] = {"user_anchors": b"\n".join(anchors).decode("ascii")}
    return c2pa.Context(c2pa.Settings.from_dict(settings))
