# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose and emotion read off clips of all kinds, with the default pack."""

import csv
import io
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.protocol.controls import INDEX
from inference_core.protocol.errors import SpeakError
from inference_core.runtime import clip_file, reference
from inference_core.runtime.cli import main
from inference_core.runtime.pack import DEFAULT, Pack

ROOT = Path(__file__).resolve().parents[2]
PORTRAIT, VOICE = ROOT / "samples" / "portrait.png", ROOT / "samples" / "voice.wav"
TILTS = (-12, -6, 0, 6, 12)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    """The sample portrait tilted towards its own left shoulder by TILTS degrees."""
    whole = Image.open(PORTRAIT).convert("RGB").resize((320, 320))
    return [whole.rotate(-angle, Image.Resampling.BICUBIC) for angle in TILTS]


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.fixture(scope="module")
def folder(pictures, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("clip")
    for number, picture in enumerate(pictures, 8):  # 8, 9, 10: not in the order of their names
        picture.save(made / f"head{number}.png", compress_level=1)
    (made / "notes.txt").write_text("no picture")
    return made


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack(DEFAULT, 2)


def test_a_head_that_tilts_is_read_and_a_picture_without_one_lies_between(pack, pictures):
    nobody = encoded(Image.new("RGB", (320, 320), (90, 120, 90)))
    data = [encoded(picture) for picture in pictures]
    clip = reference.read_clip(pack, [*data[:2], nobody, *data[3:]])
    level = reference.read_clip(pack, [data[2]])[0, INDEX["roll"]]
    roll = clip[:, INDEX["roll"]] - level
    # The reading network sees the upright crop; what the picture tilts is measured by landmarks.
    assert np.abs(roll - TILTS).max() < 5, roll
    assert np.all(np.diff(roll) > 2)
    assert roll[2] == pytest.approx((roll[1] + roll[3]) / 2, abs=1e-4)


def test_a_clip_in_which_nobody_is_has_a_sentence(pack):
    nobody = encoded(Image.new("RGB", (200, 200), (90, 120, 90)))
    with pytest.raises(SpeakError) as refused:
        reference.read_clip(pack, [nobody])
    assert refused.value.code == "clip_no_face"


def test_sequences_are_in_the_order_of_their_numbers(folder):
    numbers = [int(path.stem[4:]) for path in clip_file.sequence(folder / "head10.png")]
    assert numbers == [8, 9, 10, 11, 12]
    assert len(list(clip_file.open_clip(folder).pictures)) == 5


def test_an_animated_picture_brings_its_rate(pictures, tmp_path):
    path = tmp_path / "head.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=50)
    clip = clip_file.open_clip(path)
    assert clip.fps == 20
    assert len(list(clip.pictures)) == 5


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="reads videos with ffmpeg")
def test_a_video_is_decoded_by_ffmpeg(folder, tmp_path):
    path = tmp_path / "head.avi"
    command = ["ffmpeg", "-v", "error", "-framerate", "24000/1001", "-start_number", "8"]
    command += ["-i", str(folder / "head%d.png"), "-c:v", "mjpeg", str(path)]
    subprocess.run(command, check=True)
    clip = clip_file.open_clip(path)
    assert clip.fps == Fraction(24000, 1001)
    decoded = [Image.open(io.BytesIO(data)) for data in clip.pictures]
    assert [picture.size for picture in decoded] == [(320, 320)] * 5


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [("none.mp4", None, "file_missing"), ("bad.mp4", b"no video", "clip_unreadable")],
)
def test_what_is_no_clip_is_refused(tmp_path, name, content, code):
    if content is not None:
        if shutil.which("ffmpeg") is None:
            pytest.skip("reads videos with ffmpeg")
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SpeakError) as refused:
        clip_file.open_clip(tmp_path / name)
    assert refused.value.code == code


def test_without_ffmpeg_a_video_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "head.mp4").write_bytes(b"video")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SpeakError, match="ffmpeg"):
        clip_file.open_clip(tmp_path / "head.mp4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpeakError, match="no pictures"):
        clip_file.open_clip(tmp_path / "empty")


def test_a_clip_is_resampled_to_the_frames_of_the_shot_and_its_ends_are_held():
    ramp = np.arange(11, dtype=np.float32)[:, None]
    shown = reference.at_frames(ramp, Fraction(10), Fraction(25), 40, 0.0, 0.0)
    assert shown[:, 0] == pytest.approx(np.minimum(np.arange(40) / 2.5, 10), abs=1e-5)
    later = reference.at_frames(ramp, Fraction(10), Fraction(25), 3, 0.4, 0.0)
    assert later[:, 0] == pytest.approx([4, 4.4, 4.8], abs=1e-5)
    smooth = reference.at_frames(ramp, Fraction(10), Fraction(10), 11, 0.0, 0.2)
    assert smooth[3:8, 0] == pytest.approx(ramp[3:8, 0], abs=0.1), "a straight line stays one"
    assert smooth[0, 0] > 0.2


def test_the_command_line_follows_a_clip(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    arguments = ["generate", "--portrait", str(PORTRAIT), "--voice", str(VOICE), "--out", str(out)]
    arguments += ["--frames", "0:5", "--pose-from", str(folder), "--clip-fps", "25"]
    arguments += ["--emotion-from", str(folder), "--threads", "2"]
    monkeypatch.setattr(reference, "SMOOTH", {"pose": 0.0, "emotion": 0.0})
    # Nothing is painted: only the curves count here.
    monkeypatch.setattr("inference_core.runtime.engine.Engine.generate", _nothing)
    assert main(arguments) == 0
    with (out / "controls.csv").open() as file:
        rows = list(csv.DictReader(file))
    roll = np.array([float(row["roll"]) for row in rows])
    assert np.all(np.diff(roll) > 2)
    assert abs(np.ptp(roll) - 24) < 6
    assert any(float(row["gaze_x"]) != float(rows[0]["gaze_x"]) for row in rows), "auto goes on"


def _nothing(*_, **__):
    return iter(())
