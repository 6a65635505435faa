# SPDX-License-Identifier: GPL-3.0-or-later
"""The first thing a new user types, with a short voice: the real command, Blender and core."""

import json
import math
import struct
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from PIL import Image

from inference_core.provenance.verify import SIGNED, verify

ROOT = Path(__file__).resolve().parents[2]
SECONDS, FPS = 0.6, 25


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo's command line."""
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """Half a second of a tone as a 16-bit WAV file."""
    path = tmp_path / "tone.wav"
    count = round(SECONDS * 16000)
    values = [round(9000 * math.sin(i / 12)) for i in range(count)]
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(struct.pack(f"<{count}h", *values))
    return path


def boxes(data: bytes) -> dict[bytes, bytes]:
    """The top-level boxes of an MP4 file: their type and content."""
    found, at = {}, 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        start = 8
        if size == 1:
            size, start = struct.unpack(">Q", data[at + 8 : at + 16])[0], 16
        found[kind] = data[at + start : at + size]
        at += size
    return found


def test_it_leaves_a_scene_a_film_and_two_pictures(tmp_path: Path, voice: Path) -> None:
    out = tmp_path / "out"
    done = demo("--voice", str(voice), "--out", str(out), "--emotion", "happy@0.3:0.8")
    assert done.returncode == 0, done.stdout + done.stderr
    frames = sorted((out / "speak" / "Demo").glob("frame_*.png"))
    assert len(frames) == round(SECONDS * FPS)
    with Image.open(frames[0]) as frame, Image.open(ROOT / "samples" / "portrait.png") as portrait:
        assert frame.size == portrait.size
    film = boxes((out / "demo.mp4").read_bytes())
    assert {b"ftyp", b"moov", b"mdat"} <= film.keys()
    assert b"avc1" in film[b"moov"]
    assert b"mp4a" in film[b"moov"]
    assert verify(out / "demo.mp4").verdict == SIGNED
    assert verify(frames[0]).verdict == SIGNED
    assert (out / "demo.blend").stat().st_size > 50_000
    assert sorted(item.name for item in out.iterdir()) == [
        "contact.png", "curves.png", "demo.blend", "demo.mp4", "input", "speak",
    ]  # fmt: skip
    for name in ("contact.png", "curves.png"):
        with Image.open(out / name) as sheet:
            assert sheet.width > 1000
    shot = json.loads((out / "speak" / "Demo" / "shot.json").read_text("utf-8"))
    happy = shot["controls"]["names"].index("happy")
    track = [row[happy] for row in shot["controls"]["rows"]]
    assert track[8] - track[0] > 0.3  # 0.8, less what the portrait shows of itself
    deaf = not (ROOT / "inference_core" / "packs" / "default" / "voice.onnx").exists()
    assert ("note: This pack has no voice encoder" in done.stdout) == deaf
    for step in ("start Blender", "15 frames", "demo.mp4", "everything"):
        assert step in done.stdout


def test_a_portrait_without_a_face_ends_in_the_sentence_of_the_add_on(
    tmp_path: Path, voice: Path
) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 300), (90, 120, 90)).save(blank)
    out = tmp_path / "out"
    done = demo("--portrait", str(blank), "--voice", str(voice), "--out", str(out))
    assert done.returncode == 1
    assert "face" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (out / "demo.mp4").exists()
