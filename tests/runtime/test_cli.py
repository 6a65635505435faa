# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core`, as a person or a farm runs it: in a process of its own."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from inference_core.protocol.controls import NAMES
from inference_core.runtime.cli import parser
from inference_core.runtime.png import HEAD, key_of
from tests.fixtures.faces import draw_face, encoded
from tests.fixtures.unsigned import unsigned

ROOT = Path(__file__).parents[2]
POSIX = os.name == "posix"


def write_wav(path: Path, seconds: float, rate: int = 16000) -> Path:
    sound = (np.sin(np.arange(int(seconds * rate)) / 9) * 8000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())
    return path


class Shell:
    """Runs the command line on a portrait, a second of voice and the tiny pack."""

    def __init__(self, folder: Path, pack: Path) -> None:
        self.pack = pack
        self.portrait = folder / "portrait.png"
        self.portrait.write_bytes(encoded(draw_face()))
        self.voice = write_wav(folder / "voice.wav", 1)
        self.out = folder / "out"

    def arguments(self, *extra: object) -> list[str]:
        start = [sys.executable, "-m", "inference_core", "generate", "--threads", "1"]
        files = ["--portrait", self.portrait, "--voice", self.voice, "--out", self.out]
        return [str(part) for part in (*start, *files, "--pack", self.pack, *extra)]

    def generate(self, *extra: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # type: ignore[call-overload]
            self.arguments(*extra), cwd=ROOT, capture_output=True, text=True, timeout=120, **options
        )

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Name, time of the last change and content of each file in the folder."""
        return {
            path.name: (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(self.out.iterdir())
        }


@pytest.fixture
def shell(tmp_path: Path, pack_folder: Path) -> Shell:
    return Shell(tmp_path, pack_folder)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_generate_writes_what_the_manual_says(shell: Shell) -> None:
    done = shell.generate()
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "25 frames made" in done.stderr
    assert "left" in done.stderr
    names = sorted(path.name for path in shell.out.iterdir())
    frames = [f"frame_{n:06d}.png" for n in range(25)]
    assert names == sorted([*frames, "controls.csv", "measured.csv", "shot.json"])
    for name in ("controls.csv", "measured.csv"):
        rows = table(shell.out / name)
        assert list(rows[0]) == ["frame", *NAMES]
        assert [int(row["frame"]) for row in rows] == list(range(25))
    shot = json.loads((shell.out / "shot.json").read_text())
    assert shot["pack"]["pack"] == "tiny"
    assert shot["fps"] == [25, 1]
    assert len(shot["keys"]) == len(shot["controls"]["rows"]) == len(shot["measured"]) == 25
    heads = [(shell.out / name).read_bytes()[:HEAD] for name in frames]
    assert [key_of(head) for head in heads] == shot["keys"]
    # Nothing of this machine's folders goes into a file that is passed on.
    assert str(shell.out.parent) not in (shell.out / "shot.json").read_text()


def test_no_auto_generates_the_rows_of_the_file(shell: Shell, tmp_path: Path) -> None:
    edit = tmp_path / "edit.csv"
    edit.write_text("frame,happy,yaw\n0,0.25,10\n2,0.5,-7.5\n3,nan,1e9\n")
    done = shell.generate("--controls", edit, "--no-auto", "--frames", "0:4")
    assert done.returncode == 0, done.stderr
    rows = table(shell.out / "controls.csv")
    assert [row["happy"] for row in rows] == ["0.25", "0.0", "0.5", "0.0"]
    assert [row["yaw"] for row in rows] == ["10.0", "0.0", "-7.5", "60.0"]
    assert {row["zoom"] for row in rows} == {"1.0"}
    assert "[controls_clamped]" in done.stderr
    assert "2 values" in done.stderr


def test_controls_add_to_the_auto_layer(shell: Shell, tmp_path: Path) -> None:
    assert shell.generate("--frames", "0:3").returncode == 0
    auto = table(shell.out / "controls.csv")
    edit = tmp_path / "edit.csv"
    edit.write_text("frame,yaw,zoom\n1,10,1.25\n")
    assert shell.generate("--frames", "0:3", "--controls", edit).returncode == 0
    both = table(shell.out / "controls.csv")
    assert float(both[1]["yaw"]) == pytest.approx(float(auto[1]["yaw"]) + 10, abs=1e-4)
    assert float(both[1]["zoom"]) == pytest.approx(float(auto[1]["zoom"]) + 0.25, abs=1e-4)
    assert both[0] == auto[0]
    assert both[2] == auto[2]


def test_frames_are_half_open_and_may_outlast_the_voice(shell: Shell) -> None:
    done = shell.generate("--frames", "20:30")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in shell.out.glob("*.png")) == [
        f"frame_{n:06d}.png" for n in range(20, 30)
    ]
    assert "[voice_clipped_range]" in done.stderr


def test_a_second_run_touches_no_finished_frame(shell: Shell, tmp_path: Path) -> None:
    assert shell.generate("--frames", "0:6").returncode == 0
    before = shell.files()
    again = shell.generate("--frames", "0:6")
    assert again.returncode == 0
    assert "0 frames made, 6 were there already" in again.stderr
    after = shell.files()
    assert {n: f for n, f in after.items() if n.endswith(".png")} == {
        n: f for n, f in before.items() if n.endswith(".png")
    }
    assert {n: f[1] for n, f in after.items()} == {n: f[1] for n, f in before.items()}

    edit = tmp_path / "edit.csv"
    edit.write_text("frame,shift_x\n2,0.1\n")
    (shell.out / "frame_000004.png").unlink()
    third = shell.generate("--frames", "0:6", "--controls", edit)
    assert "2 frames made, 4 were there already" in third.stderr
    changed = [n for n, f in shell.files().items() if n.endswith(".png") and f != before[n]]
    assert changed == ["frame_000002.png", "frame_000004.png"]
    remade, first = (files["frame_000004.png"][1] for files in (shell.files(), before))
    assert unsigned(remade) == unsigned(first)


def test_frames_are_known_again_without_shot_json(shell: Shell) -> None:
    assert shell.generate("--frames", "0:4").returncode == 0
    before = shell.files()
    for name in ("shot.json", "measured.csv"):
        (shell.out / name).unlink()
    again = shell.generate("--frames", "0:4")
    assert again.returncode == 0, again.stderr
    assert "0 frames made, 4 were there already" in again.stderr
    after = shell.files()
    for name in before:
        if name.endswith(".png"):
            assert after[name] == before[name]
    assert after["measured.csv"][1] == before["measured.csv"][1]


def test_a_broken_shot_json_is_no_obstacle(shell: Shell) -> None:
    shell.out.mkdir()
    (shell.out / "shot.json").write_text('{"keys": [1, {}], "measured": "x"')
    (shell.out / "frame_000000.png").write_bytes(b"someone else's")
    done = shell.generate("--frames", "0:2")
    assert done.returncode == 0, done.stderr
    assert "2 frames made" in done.stderr


def wait_for_frames(shell: Shell, process: subprocess.Popen[str], count: int) -> None:
    end = time.monotonic() + 60
    while len(list(shell.out.glob("*.png"))) < count:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)


def start(shell: Shell, *extra: object) -> subprocess.Popen[str]:
    # A group of its own, so that Ctrl-C reaches it and not the tests.
    flags = 0 if POSIX else subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined]
    return subprocess.Popen(
        shell.arguments(*extra),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        creationflags=flags,
        preexec_fn=_hear_ctrl_c if POSIX else None,
    )


def _hear_ctrl_c() -> None:
    """A suite started in the background is deaf to Ctrl-C, and so would be its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_finished_frames_and_the_next_run_goes_on(shell: Shell) -> None:
    process = start(shell, "--frames", "0:2000")
    wait_for_frames(shell, process, 3)
    # What a terminal sends: on Windows Ctrl-Break is the one that reaches a group.
    process.send_signal(signal.SIGINT if POSIX else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined]
    _, words = process.communicate(timeout=30)
    assert process.returncode == 130, words
    assert "Cancelled" in words
    assert "Traceback" not in words
    before = shell.files()
    frames = [name for name in before if name.endswith(".png")]
    assert 3 <= len(frames) < 2000
    assert not [name for name in before if name.endswith(".part")]
    shot = json.loads(before["shot.json"][1])
    assert sum(key is not None for key in shot["keys"]) == len(frames)
    assert len(table(shell.out / "measured.csv")) == len(frames)
    count = len(frames) + 2
    again = shell.generate("--frames", f"0:{count}")
    assert f"2 frames made, {len(frames)} were there already" in again.stderr
    for name in frames:
        assert shell.files()[name] == before[name]


def test_a_killed_run_leaves_only_whole_files(shell: Shell) -> None:
    process = start(shell, "--frames", "0:2000", "--size", "512")
    wait_for_frames(shell, process, 4)
    process.kill()
    process.communicate(timeout=30)
    from PIL import Image

    for path in shell.out.glob("*.png"):
        Image.open(path).load()
    done = shell.generate("--frames", "0:4", "--size", "512")
    assert done.returncode == 0, done.stderr
    assert "0 frames made, 4 were there already" in done.stderr


def refused(done: subprocess.CompletedProcess[str], code: str) -> None:
    """The run ended with this code, a sentence and a hint, and no traceback."""
    assert done.returncode == 1, done.stderr
    sentence, hint = done.stderr.strip().splitlines()[-2:]
    assert sentence.startswith("error: ")
    assert "?" not in sentence
    assert hint.endswith(f"[{code}]")
    assert len(hint.split()) > 3
    assert "Traceback" not in done.stderr


def test_missing_files_are_named(shell: Shell, tmp_path: Path) -> None:
    portrait = shell.portrait
    shell.portrait = tmp_path / "none.png"
    done = shell.generate()
    refused(done, "portrait_missing")
    assert "none.png" in done.stderr
    shell.portrait, shell.voice = portrait, tmp_path / "none.wav"
    refused(shell.generate(), "voice_missing")
    shell.voice = write_wav(tmp_path / "v.wav", 1)
    refused(shell.generate("--controls", tmp_path / "none.csv"), "file_missing")
    shell.portrait = tmp_path
    refused(shell.generate(), "portrait_unreadable")
    shell.portrait, shell.pack = portrait, tmp_path / "no_pack"
    refused(shell.generate(), "pack_missing")
    assert not list(shell.out.glob("*.png")) if shell.out.exists() else True


def test_what_cannot_be_made_is_refused(shell: Shell, tmp_path: Path) -> None:
    refused(shell.generate("--frames", "5:5"), "no_frames")
    refused(shell.generate("--frames", "0:2000000"), "too_many_frames")
    refused(shell.generate("--fps", "0"), "bad_fps")
    refused(shell.generate("--fps", "-1"), "bad_fps")
    refused(shell.generate("--size", "300"), "bad_size")
    refused(shell.generate("--start", "5"), "no_frames")
    shell.voice = write_wav(tmp_path / "short.wav", 0.05)
    refused(shell.generate(), "voice_too_short")


def test_a_folder_that_cannot_be_made_is_refused_before_a_frame(shell: Shell) -> None:
    shell.out = shell.portrait / "inside_a_file"
    refused(shell.generate(), "folder_read_only")


@pytest.mark.skipif(not POSIX, reason="needs a limit on the size of files")
def test_a_full_disk_leaves_no_half_frame_and_the_next_run_goes_on(shell: Shell) -> None:
    import resource

    def small_files() -> None:  # the system answers a write beyond it as it does on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))

    done = shell.generate("--frames", "0:3", preexec_fn=small_files)
    refused(done, "disk_full")
    assert not [path for path in shell.out.iterdir() if path.suffix in (".png", ".part")]
    assert shell.generate("--frames", "0:3").returncode == 0
    assert len(list(shell.out.glob("*.png"))) == 3


def test_a_changed_pack_is_refused_by_name(shell: Shell, tmp_path: Path) -> None:
    shell.pack = Path(shutil.copytree(shell.pack, tmp_path / "copy"))
    path = shell.pack / "frame.onnx"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    done = shell.generate()
    refused(done, "pack_damaged")
    assert "frame.onnx" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--fps", "fast"], ["--frames", "7"], ["--frames", "a:b"], ["--face-box", "1,2,3"]],
)
def test_wrong_arguments_are_explained(shell: Shell, arguments: list[str]) -> None:
    done = shell.generate(*arguments)
    assert done.returncode == 2
    assert "such as" in done.stderr


@pytest.mark.parametrize(
    ("text", "rate"),
    [("25", Fraction(25)), ("23.976", Fraction(24000, 1001)), ("29.97", Fraction(30000, 1001)),
     ("30000/1001", Fraction(30000, 1001)), ("12.5", Fraction(25, 2))],
)  # fmt: skip
def test_frame_rates_are_exact(text: str, rate: Fraction) -> None:
    command = ["generate", "--portrait", "p", "--voice", "v", "--out", "o", "--fps", text]
    assert parser().parse_args(command).fps == rate


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inference_core", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_controls_prints_the_table(shell: Shell) -> None:
    done = run("controls")
    assert done.returncode == 0
    assert all(f"`{name}`" in done.stdout for name in NAMES)


def test_check_runs_every_network_and_says_so(pack_folder: Path, tmp_path: Path) -> None:
    done = run("check", "--pack", pack_folder)
    assert done.returncode == 0, done.stderr
    assert "a frame of 512 pixels takes" in done.stdout
    assert done.stdout.rstrip().endswith("Everything works.")
    refused(run("check", "--pack", tmp_path), "pack_missing")
