# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests: what they say, that they hold, and that they break when something is changed."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.provenance import identity, manifest
from inference_core.provenance.statement import SOURCE_TYPE, XMP, FrameFacts
from inference_core.runtime.png import HEAD, FrameEncoder, key_of
from tests.fixtures.unsigned import chunks, unsigned

KEY = "0123456789abcdef" * 4
FACTS = FrameFacts(KEY, "default", "1", "cd" * 32, "ef" * 32, "self")


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPEAK_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def signer(own_folder: Path) -> manifest.Signer:
    return manifest.own_signer()


@pytest.fixture
def png() -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (120, 100, 3), np.uint8)
    return FrameEncoder(values, (10, 10, 90, 100), XMP).encode(values[10:100, 10:90], KEY)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_frame_says_what_it_is_and_keeps_its_pixels(
    signer: manifest.Signer, png: bytes, tmp_path: Path
) -> None:
    signed = signer.frame(png, FACTS)
    assert unsigned(signed) == png
    assert key_of(signed[:HEAD]) == KEY
    found = manifest.read(written(tmp_path / "a.png", signed))
    assert found is not None
    assert found.state == "Valid"
    assert found.intact
    assert found.generator.startswith("SPEAK for Blender ")
    assert found.facts["key"] == KEY
    assert found.facts["consent"] == "self"
    assert found.facts["pack"] == "default"
    assert found.facts["portrait"] == "ef" * 32
    assert "signingCredential.untrusted" in found.problems


def test_marks_cost_at_most_4_kilobytes(signer: manifest.Signer, png: bytes) -> None:
    bare = sum(len(data) for kind, data in chunks(png) if kind != b"iTXt")
    assert len(signer.frame(png, FACTS)) - (bare + 8) <= 4000


def test_who_trusts_our_root_is_told_it_is_ours(
    signer: manifest.Signer, png: bytes, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.png", signer.frame(png, FACTS))
    found = manifest.read(path, [identity.own().root])
    assert found is not None
    assert found.state == "Trusted"
    assert found.problems == ()


def test_iptc_source_type_stands_in_the_file_also_without_a_manifest(png: bytes) -> None:
    assert SOURCE_TYPE in Image.open(io.BytesIO(png)).info["XML:com.adobe.xmp"]


@pytest.mark.parametrize("where", [-60, 5000, 400])
def test_one_changed_byte_breaks_it(
    signer: manifest.Signer, png: bytes, tmp_path: Path, where: int
) -> None:
    data = bytearray(signer.frame(png, FACTS))
    data[where] ^= 1
    found = manifest.read(written(tmp_path / "a.png", bytes(data)))
    assert found is not None
    assert not found.intact


def test_a_manifest_moved_to_another_picture_does_not_hold(
    signer: manifest.Signer, png: bytes, tmp_path: Path
) -> None:
    signed = signer.frame(png, FACTS)
    (stolen,) = (data for kind, data in chunks(signed) if kind == b"caBX")
    other = np.zeros((120, 100, 3), np.uint8)
    plain = FrameEncoder(other, (0, 0, 100, 120)).encode(other, KEY)
    forged = plain[:33] + stolen + plain[33:]
    found = manifest.read(written(tmp_path / "a.png", forged))
    assert found is not None
    assert not found.intact


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x89PNG\r\n\x1a\n", bytes(100)])
def test_what_is_no_picture_has_no_valid_manifest(
    own_folder: Path, tmp_path: Path, data: bytes
) -> None:
    found = manifest.read(written(tmp_path / "a.png", data))
    assert found is None or not found.intact


def test_saving_again_takes_the_manifest_away(
    signer: manifest.Signer, png: bytes, tmp_path: Path
) -> None:
    Image.open(io.BytesIO(signer.frame(png, FACTS))).save(tmp_path / "again.png")
    assert manifest.read(tmp_path / "again.png") is None


def test_an_exr_gets_its_manifest_beside_it(
    signer: manifest.Signer, png: bytes, tmp_path: Path
) -> None:
    frame = written(tmp_path / "frame_000000.png", signer.frame(png, FACTS))
    exr = written(tmp_path / "render.exr", b"\x76\x2f\x31\x01" + bytes(500))
    before = exr.read_bytes()
    assert signer.film(exr, {"frames": 1}, [frame]) == tmp_path / "render.exr.c2pa"
    assert exr.read_bytes() == before
    found = manifest.read(exr)
    assert found is not None
    assert found.intact
    assert found.ingredients == 1
    exr.write_bytes(before[:-1] + b"x")
    changed = manifest.read(exr)
    assert changed is not None
    assert not changed.intact


def test_a_picture_that_was_rendered_from_frames_names_them(
    signer: manifest.Signer, png: bytes, tmp_path: Path
) -> None:
    frame = written(tmp_path / "frame_000000.png", signer.frame(png, FACTS))
    render = tmp_path / "render.jpg"
    Image.open(io.BytesIO(png)).save(render)
    assert signer.film(render, {"keys": [KEY]}, [frame]) == render
    found = manifest.read(render)
    assert found is not None
    assert found.intact
    assert found.ingredients == 1
    assert found.facts == {"keys": [KEY]}


def test_a_kind_that_cannot_be_signed_is_refused_and_left_alone(
    signer: manifest.Signer, tmp_path: Path
) -> None:
    text = written(tmp_path / "notes.txt", b"hello")
    with pytest.raises(manifest.CannotSignError, match=r"notes\.txt"):
        signer.film(text, {}, [])
    broken = written(tmp_path / "movie.mp4", b"no movie")
    with pytest.raises(manifest.CannotSignError, match=r"movie\.mp4"):
        signer.film(broken, {}, [])
    assert broken.read_bytes() == b"no movie"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "movie.mp4",
        "notes.txt",
    ]


# The key


def test_the_key_is_the_users_alone(own_folder: Path) -> None:
    made = identity.own()
    path = own_folder / identity.FILE
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(own_folder.stat().st_mode) == 0o700
    assert identity.own() == made
    assert b"PRIVATE" not in made.certificates
    assert "PRIVATE" not in repr(made)
    for name in (os.environ.get("USER", ""), os.environ.get("HOSTNAME", "")):
        assert not name or name == "root" or name.encode() not in made.certificates
    assert [entry.name for entry in own_folder.iterdir()] == [identity.FILE]


def test_without_a_key_nothing_is_made_when_none_is_wanted(own_folder: Path) -> None:
    with pytest.raises(identity.NoIdentityError):
        identity.own(create=False)
    assert not own_folder.exists()


def test_a_damaged_key_is_said_and_kept(own_folder: Path) -> None:
    own_folder.mkdir()
    (own_folder / identity.FILE).write_bytes(b"mine")
    with pytest.raises(manifest.CannotSignError, match="damaged"):
        manifest.own_signer()
    assert (own_folder / identity.FILE).read_bytes() == b"mine"


def test_two_processes_at_once_make_one_key(own_folder: Path) -> None:
    probe = (
        "from inference_core.provenance import identity; import hashlib;"
        "print(hashlib.sha256(identity.own().key).hexdigest())"
    )
    command = [sys.executable, "-c", probe]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1
