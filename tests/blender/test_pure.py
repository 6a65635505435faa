# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame rates, layers, the shot's folder and the choice of Python, without Blender."""

import errno
import json
import os
import struct
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from speak.inference_core.protocol.controls import COUNT, DEFAULTS, INDEX
from speak.inference_core.protocol.errors import SpeakError
from speak.speak_addon import interpreter, layers
from speak.speak_addon.frame_time import FrameRange, clock, frame_rate
from speak.speak_addon.shot_folder import ShotFolder, frame_key, frame_name


@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [
        (24, 1.0, Fraction(24)),
        (24, 1.001, Fraction(24000, 1001)),
        (30, 1.001, Fraction(30000, 1001)),
        (60, 1.001, Fraction(60000, 1001)),
        (2997, 100.0, Fraction(2997, 100)),
        (25, 25 / 24, Fraction(24)),
    ],
)
def test_rates_are_the_ones_that_were_meant(fps, base, rate):
    assert frame_rate(fps, float(np.float32(base))) == rate


def test_samples_of_a_range_do_not_drift():
    hour = FrameRange(1, 24 * 3600)
    assert hour.samples(Fraction(24000, 1001), 16000) == 57657600
    assert FrameRange(5, 4).count == 0


def test_times_left_are_said_as_people_do():
    assert [clock(t) for t in (-1, 8.4, 65, 7380)] == ["0 s", "8 s", "1:05 min", "2:03 h"]


def _layers(frames=2):
    own = np.array(DEFAULTS, np.float32)
    own[INDEX["yaw"]], own[INDEX["happy"]] = 10, 0.25
    edit = np.tile(np.array(DEFAULTS, np.float32), (frames, 1))
    weights = np.ones((frames, 4), np.float32)
    return own, edit, weights


def test_without_auto_the_portrait_rests_and_edits_are_offsets():
    own, edit, weights = _layers()
    edit[:, INDEX["yaw"]] = 5
    edit[:, INDEX["zoom"]] = 1.5
    made = layers.blend(own, None, edit, weights)
    assert made[0, INDEX["yaw"]] == 15
    assert made[0, INDEX["happy"]] == 0.25
    assert made[0, INDEX["zoom"]] == 1.5


def test_the_weight_of_a_group_blends_auto_with_rest():
    own, edit, weights = _layers()
    auto = np.tile(own, (2, 1))
    auto[:, INDEX["yaw"]], auto[:, INDEX["happy"]] = 30, 1
    weights[0, 0], weights[1, 0] = 0.0, 0.5
    made = layers.blend(own, auto, edit, weights)
    assert made[:, INDEX["yaw"]].tolist() == [10, 20]
    assert made[:, INDEX["happy"]].tolist() == [1, 1]


def test_what_is_generated_stays_in_range():
    own, edit, weights = _layers()
    edit[0, INDEX["yaw"]] = 60
    assert layers.blend(own, None, edit, weights)[0, INDEX["yaw"]] == 60


def test_impossible_values_are_held_counted_and_named():
    _, edit, _ = _layers(3)
    edit[0, INDEX["happy"]] = np.nan
    edit[1, INDEX["yaw"]], edit[2, INDEX["yaw"]] = 1e9, -np.inf
    held, count, names = layers.clean_edit(edit)
    assert (count, names) == (3, ["yaw", "happy"])
    assert held[0, INDEX["happy"]] == 0
    assert held[:, INDEX["yaw"]].tolist() == [0, 60, -60]
    assert layers.clean_edit(held)[1] == 0


def _png(key: str) -> bytes:
    """The start of a frame as the core writes it; only its first bytes matter here."""
    text = b"speak-key\0" + key.encode()
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + bytes(4)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(17) + chunk + b"pixels"


def test_frames_are_recognised_by_the_key_inside(tmp_path):
    folder = ShotFolder(tmp_path / "Größe" / "shot")
    folder.open()
    folder.write_frame(0, _png("aa" * 32))
    folder.write_frame(2, _png("cc" * 32))
    (folder.path / frame_name(3)).write_bytes(b"someone else's picture")
    keys = ["aa" * 32, "bb" * 32, "dd" * 32, "ee" * 32]
    assert folder.missing(keys) == [1, 2, 3]
    assert frame_key(folder.path / frame_name(3)) is None
    assert sorted(p.name for p in folder.path.iterdir()) == [
        "frame_000000.png", "frame_000002.png", "frame_000003.png",
    ]  # fmt: skip


def test_only_old_parts_are_removed(tmp_path):
    old, young = tmp_path / "frame_000001.png.1.part", tmp_path / "frame_000002.png.2.part"
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    ShotFolder(tmp_path).open()
    assert [part.exists() for part in (old, young)] == [False, True]


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EACCES, "folder_read_only"),
     (errno.EROFS, "folder_read_only")],
)  # fmt: skip
def test_a_write_that_fails_leaves_the_old_frame_whole(tmp_path, monkeypatch, number, code):
    folder = ShotFolder(tmp_path)
    folder.write_frame(0, b"old")

    def fail(self, *_):
        raise OSError(number, "refused")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(SpeakError) as refused:
        folder.write_frame(0, b"new")
    assert refused.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == ["frame_000000.png"]
    assert (tmp_path / "frame_000000.png").read_bytes() == b"old"


def test_a_shot_file_that_is_damaged_is_no_shot_file(tmp_path):
    folder = ShotFolder(tmp_path)
    assert folder.read_shot() == {}
    folder.write_shot({"keys": ["ä"]})
    assert folder.read_shot() == {"keys": ["ä"]}
    for text in ('{"keys": [', "[1]", "\0"):
        (tmp_path / "shot.json").write_text(text)
        assert folder.read_shot() == {}
    assert json.dumps(folder.read_shot()) == "{}"


def test_the_python_is_an_interpreter_even_if_blender_names_itself(monkeypatch, tmp_path):
    assert interpreter.blender_python() == Path(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "blender"))
    found = interpreter.blender_python()
    assert found.is_file()
    assert found.is_relative_to(sys.prefix)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(SpeakError, match="Python was not found"):
        interpreter.blender_python()


def test_the_packages_of_the_core_are_found_without_importing_them():
    before = set(sys.modules)
    folders = interpreter.package_folders()
    assert any((folder / "onnxruntime").is_dir() for folder in folders)
    assert any((folder / "PIL").is_dir() for folder in folders)
    assert "onnxruntime" in before or "onnxruntime" not in sys.modules
    assert len(layers.DEFAULTS) == COUNT
