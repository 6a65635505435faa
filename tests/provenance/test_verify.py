# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts on files, as a person meets them on the command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from inference_core.provenance import manifest, verify
from inference_core.provenance.rendered import sign_rendered
from inference_core.provenance.statement import FrameFacts
from inference_core.provenance.watermark import Watermark
from inference_core.runtime.png import FrameEncoder

ROOT = Path(__file__).parents[2]
SIZE = 320
KEYS = [f"{number:064x}" for number in range(20)]


def values(seed: int, marked: bool) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), np.uint8)
    big = np.array(Image.fromarray(small).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    if marked:
        Watermark(0, 0, SIZE, SIZE).mark(big)
    return big


@pytest.fixture(scope="module")
def signer() -> manifest.Signer:
    return manifest.own_signer()


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory, signer: manifest.Signer) -> Path:
    """A folder of twenty signed frames with its shot.json."""
    folder = tmp_path_factory.mktemp("shot")
    for number, key in enumerate(KEYS):
        picture = values(number // 5, True)
        png = FrameEncoder(picture, (0, 0, SIZE, SIZE)).encode(picture, key)
        facts = FrameFacts(key, "default", "1", "cd" * 32, "ef" * 32, "agreed")
        (folder / f"frame_{number:06d}.png").write_bytes(signer.frame(png, facts))
    said = {"keys": KEYS, "consent": "agreed", "pack": {"pack": "default", "version": "1"},
            "portrait_sha256": "ef" * 32}  # fmt: skip
    (folder / "shot.json").write_text(json.dumps(said))
    return folder


def movie(path: Path, marked: bool, crf: int = 23) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(values(number // 5, marked), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def test_a_frame_of_ours_is_signed_and_intact(shot: Path) -> None:
    report = verify.verify(shot / "frame_000003.png")
    assert report.verdict == verify.SIGNED
    assert "this computer's own key" in report.lines[0]
    assert "agreed" in report.lines[0]
    assert "found, score" in report.lines[1]


def test_a_movie_of_ours_keeps_the_mark_and_gets_its_signature_back(
    shot: Path, signer: manifest.Signer, tmp_path: Path
) -> None:
    film = movie(tmp_path / "film.mp4", True)
    assert verify.verify(film).verdict == verify.MARKED
    assert sign_rendered(signer, film, [shot]) == film
    report = verify.verify(film)
    assert report.verdict == verify.SIGNED
    facts = report.facts["manifest"]
    assert facts["ingredients"] == 12
    assert facts["facts"]["frames"] == 20
    assert facts["facts"]["frame_keys"][3] == KEYS[3][:16]
    assert facts["facts"]["consent"] == "agreed"
    assert facts["facts"]["portraits"] == ["ef" * 32]
    # One byte in the pictures, and it is no longer what was signed.
    data = bytearray(film.read_bytes())
    at = data.find(b"mdat") + 600
    data[at] ^= 1
    film.write_bytes(data)
    assert verify.verify(film).verdict in (verify.MARKED, verify.BROKEN)


def test_what_is_not_ours_is_never_called_real(tmp_path: Path) -> None:
    film = movie(tmp_path / "film.mp4", False)
    Image.fromarray(values(7, False)).save(tmp_path / "photo.jpg")
    for path in (film, tmp_path / "photo.jpg"):
        report = verify.verify(path)
        assert report.verdict == verify.NOTHING
        assert not report.evidence
        words = " ".join((report.verdict, *report.lines)).lower()
        assert not {"real", "authentic", "genuine", "human"} & set(words.split())


def test_a_manifest_on_an_unmarked_changed_picture_is_called_broken(
    signer: manifest.Signer, tmp_path: Path
) -> None:
    picture = values(3, False)
    png = FrameEncoder(picture, (0, 0, SIZE, SIZE)).encode(picture, KEYS[0])
    data = bytearray(signer.frame(png, FrameFacts(KEYS[0], "p", "1", "a", "b")))
    at = data.rfind(b"IDAT") + 200
    data[-30] ^= 1
    (tmp_path / "a.png").write_bytes(data[:at] + data[at:])
    assert verify.verify(tmp_path / "a.png").verdict in (verify.BROKEN, verify.UNREADABLE)


@pytest.mark.parametrize(
    "data",
    [b"", b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n", b"concat:/etc/passwd|b", bytes(4096), b"RIFF"],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.mkv", "a.txt", "a.jpg"])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    report = verify.verify(path)
    assert report.verdict == verify.UNREADABLE
    assert report.lines


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inference_core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_command_line_prints_verdicts_and_json(shot: Path, tmp_path: Path) -> None:
    Image.fromarray(values(7, False)).save(tmp_path / "photo.png")
    done = run("verify", shot / "frame_000000.png", tmp_path / "photo.png")
    assert done.returncode == 0, done.stderr
    assert f"frame_000000.png: {verify.SIGNED}" in done.stdout
    assert f"photo.png: {verify.NOTHING}" in done.stdout
    lines = run("verify", "--json", shot).stdout.splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == [verify.SIGNED] * 20
    missing = run("verify", tmp_path / "none.png")
    assert missing.returncode == 1
    assert "there is no file" in missing.stdout


def test_the_command_line_signs_what_was_rendered(shot: Path, tmp_path: Path) -> None:
    picture = Image.fromarray(values(0, True))
    picture.save(tmp_path / "render.jpg", quality=90)
    done = run("sign", tmp_path / "render.jpg", "--frames", shot)
    assert done.returncode == 0, done.stderr
    assert verify.verify(tmp_path / "render.jpg").verdict == verify.SIGNED
    refused = run("sign", tmp_path / "none.mp4")
    assert refused.returncode == 1
    assert "[sign_failed]" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_mark_is_found_without_c2pa(
    shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "library", lambda: None)
    report = verify.verify(shot / "frame_000000.png")
    assert report.verdict == verify.MARKED
    assert "c2pa is not installed" in report.lines[0]


def test_a_grey_picture_of_16_bits_can_be_looked_at(tmp_path: Path) -> None:
    deep = Image.fromarray(values(1, True)[..., 1].astype(np.uint16) * 257)
    out = io.BytesIO()
    deep.save(out, "PNG")
    (tmp_path / "deep.png").write_bytes(out.getvalue())
    assert verify.verify(tmp_path / "deep.png").verdict in (verify.MARKED, verify.NOTHING)
