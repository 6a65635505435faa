# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames on their way out: signed, or as they are with one notice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference_core.provenance import identity, manifest
from inference_core.runtime import seal
from inference_core.runtime.png import FrameEncoder
from tests.fixtures.unsigned import unsigned

KEY = "0123456789abcdef" * 4
PACK = {"pack": "default", "version": "1", "sha256": "cd" * 32}


@pytest.fixture
def png() -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    return FrameEncoder(values, (0, 0, 64, 64)).encode(values, KEY)


@pytest.fixture(autouse=True)
def fresh() -> None:
    seal._signer.cache_clear()


def test_a_frame_is_signed_with_what_was_stated(png: bytes, tmp_path: Path) -> None:
    sealed = seal.Seal(PACK, "ef" * 32, "public_domain")
    assert sealed.notices == []
    path = tmp_path / "a.png"
    path.write_bytes(sealed(png, KEY))
    found = manifest.read(path)
    assert found is not None
    assert found.facts["consent"] == "public_domain"
    assert found.facts["pack_sha256"] == "cd" * 32


def test_without_c2pa_frames_are_as_they_are_and_one_notice_says_so(
    png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "library", lambda: None)
    sealed = seal.Seal(PACK, "ef" * 32)
    assert [notice.code for notice in sealed.notices] == ["marks_unsigned"]
    assert "c2pa" in sealed.notices[0].sentence
    assert sealed(png, KEY) == png


def test_without_cryptography_a_known_key_still_signs_and_a_new_one_cannot_be_made(
    png: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identity.own()
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    assert unsigned(seal.Seal(PACK, "ef" * 32)(png, KEY)) == png
    seal._signer.cache_clear()
    monkeypatch.setenv("SPEAK_CONFIG", str(tmp_path / "new"))
    sealed = seal.Seal(PACK, "ef" * 32)
    assert "cryptography is not installed" in sealed.notices[0].sentence
    assert not (tmp_path / "new" / identity.FILE).exists()


def test_a_signer_that_fails_later_costs_no_frame(png: bytes) -> None:
    sealed = seal.Seal(PACK, "ef" * 32)
    assert sealed(b"no picture", KEY) == b"no picture"
    assert sealed(png, KEY) == png
    assert [notice.code for notice in sealed.notices] == ["marks_unsigned"]
