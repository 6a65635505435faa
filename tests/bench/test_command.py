# SPDX-License-Identifier: GPL-3.0-or-later
"""`bench` as a person meets it: clips in, a table, a page and JSON out."""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from inference_core.bench import command, weights
from inference_core.bench.clips import load
from inference_core.bench.measures import locality
from inference_core.protocol.controls import COUNT

SIDE = 200


def pictures(seed: int, frames: int = 4) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    big = np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return np.stack([np.roll(big, 2 * n, 1) for n in range(frames)])


def folder(path: Path, clip: np.ndarray, shot: dict | None = None) -> Path:
    path.mkdir(parents=True)
    for number, picture in enumerate(clip):
        Image.fromarray(picture).save(path / f"frame_{number:06d}.png")
    if shot is not None:
        (path / "shot.json").write_text(json.dumps(shot))
    return path


def movie(path: Path, clip: np.ndarray, loud: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        if loud:
            voice = out.add_stream("aac", rate=16000, layout="mono")
            tone = np.sin(np.arange(16000) * 0.2).astype(np.float32)[None] * 0.3
            part = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            part.sample_rate = 16000
        for picture in clip:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
        if loud:
            out.mux(voice.encode(part))
            out.mux(voice.encode())
    return path


def figures(out: Path) -> list[dict[str, dict]]:
    data = json.loads((out / "bench.json").read_text())
    return [{one["metric"]: one for one in system["figures"]} for system in data["systems"]]


def test_two_systems_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = pictures(1)
    worse = np.clip(truth + np.random.default_rng(0).normal(0, 9, truth.shape), 0, 255)
    same = folder(tmp_path / "same", truth)
    other = folder(tmp_path / "worse", worse.astype(np.uint8))
    out = tmp_path / "out"
    status = command.main(
        [str(same), str(other), "--reference", str(folder(tmp_path / "truth", truth)),
         "--out", str(out)]
    )  # fmt: skip
    assert status == 0
    printed = capsys.readouterr().out
    assert "scikit-image: uniform window 7" in printed
    first, second = figures(out)
    assert first["SSIM"]["value"] == pytest.approx(1)
    assert first["PSNR"]["value"] == "inf"
    assert 26 < second["PSNR"]["value"] < 31
    low, high = second["SSIM"]["interval"]
    assert low <= second["SSIM"]["value"] <= high
    assert len(second["SSIM"]["each"]) == 4
    page = (out / "bench.html").read_text()
    assert page.count("<img") >= 4
    assert "http" not in page.replace("https://download.pytorch.org", "").replace(
        "https://github.com", ""
    ).replace("https://www.robots", "")
    assert (out / "bench.md").read_text().count("\n") > 15


def test_the_table_of_our_own_pack_is_one_word_away(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def evaluate(words: list[str]) -> int:
        asked.append(words)
        return 7

    monkeypatch.setattr("inference_core.evaluation.command.main", evaluate)
    assert command.main(["--our-pack", "--out", "folder", "--quick"]) == 7
    assert asked == [["--out", "folder", "--quick"]]


def test_what_lacks_something_says_what_and_is_never_a_number(tmp_path: Path) -> None:
    clip = folder(tmp_path / "clip", pictures(1))
    out = tmp_path / "out"
    command.main([str(clip), "--reference", str(clip), "--out", str(out)])
    (found,) = figures(out)
    for metric, file in (
        ("LPIPS", "alexnet-owt-7be5be79.pth"),
        ("FID", "pt_inception-2015-12-05-6726825d.pth"),
        ("NIQE", "niqe_pris_params.npz"),
    ):
        assert found[metric]["value"] is None
        assert found[metric]["missing"].startswith("unavailable (needs ")
        assert file in found[metric]["missing"]
        assert "sha256" in found[metric]["missing"]
    assert "mediapipe==0.10.21" in found["M-LMD"]["missing"]
    assert "sound" in found["LSE-C"]["missing"]
    command.main([str(clip), "--out", str(out)])
    (alone,) = figures(out)
    assert "--reference" in alone["PSNR"]["missing"]
    assert alone["flicker"]["value"] is not None


def test_a_weights_file_that_is_another_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / weights.NIQE.file).write_bytes(b"other")
    with pytest.raises(weights.UnavailableError, match="another one"):
        weights.path_of(weights.NIQE, tmp_path)
    model = tmp_path / "model"
    model.mkdir()
    np.savez(model / "niqe_pris_params.npz", mu_pris_param=np.zeros(36), cov_pris_param=np.eye(36))
    data = (model / "niqe_pris_params.npz").read_bytes()
    known = weights.Weights("niqe_pris_params.npz", hashlib.sha256(data).hexdigest(), "a test")
    monkeypatch.setattr(weights, "NIQE", known)
    clip = folder(tmp_path / "clip", pictures(1))
    command.main([str(clip), "--weights", str(model), "--out", str(tmp_path / "out")])
    (found,) = figures(tmp_path / "out")
    assert found["NIQE"]["value"] > 0


def test_folders_of_clips_are_paired_by_name(tmp_path: Path) -> None:
    for name, seed in (("anna", 1), ("bert", 2), ("carl", 3)):
        movie(tmp_path / "system" / f"{name}.mp4", pictures(seed))
        folder(tmp_path / "truth" / name, pictures(seed))
    out = tmp_path / "out"
    command.main(
        [str(tmp_path / "system"), "--reference", str(tmp_path / "truth"), "--out", str(out)]
    )
    (found,) = figures(out)
    assert len(found["PSNR"]["each"]) == 3
    assert found["PSNR"]["value"] > 30


def test_a_movie_with_sound_and_a_folder_with_a_wav_are_heard(tmp_path: Path) -> None:
    clip = load(movie(tmp_path / "a.mp4", pictures(1, 25), loud=True))
    assert clip.rate == 16000
    assert clip.sound is not None
    assert np.abs(clip.sound).max() > 0.1
    assert float(clip.fps) == 25
    path = folder(tmp_path / "b", pictures(1))
    with wave.open(str(path / "voice.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x40" * 800)
    heard = load(path)
    assert heard.sound is not None
    assert heard.rate == 8000


def test_edit_locality_counts_frames_that_moved_without_a_reason(tmp_path: Path) -> None:
    before = pictures(1)
    after = before.copy()
    after[3] = 255 - after[3]
    rows = {"names": [], "rows": [[0.0] * COUNT] * 4}
    keys = [f"{n:064x}" for n in range(4)]
    one = load(folder(tmp_path / "before", before, {"keys": keys, "controls": rows}))
    moved = keys.copy()
    moved[3] = "f" * 64
    told = load(folder(tmp_path / "told", after, {"keys": moved, "controls": rows}))
    silent = load(folder(tmp_path / "silent", after, {"keys": keys, "controls": rows}))
    assert locality(one, told).value == 0
    assert locality(one, silent).value == 1


@pytest.mark.parametrize("name", ["none", "text.txt", "empty", "broken.mp4", "broken.png"])
def test_what_cannot_be_measured_is_said(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if name == "empty":
        path.mkdir()
    elif name != "none":
        path.write_bytes(b"nothing of the kind")
    assert command.main([str(path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert name.split(".")[0] in said
