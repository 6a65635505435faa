# SPDX-License-Identifier: GPL-3.0-or-later
"""Control tracks: bad numbers are held, layers add up, CSV files go in and out unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from inference_core.protocol.controls import COUNT, INDEX, NAMES
from inference_core.protocol.errors import SpeakError
from inference_core.runtime.tracks import (
    DEFAULT_ROW,
    HIGHEST,
    LOWEST,
    MOST_FRAMES,
    clamped,
    defaults,
    layered,
    read_csv,
    to_csv,
)


@given(arrays.arrays(np.float64, (3, COUNT), elements=st.floats(allow_nan=True)))
def test_any_numbers_become_a_track_inside_the_ranges(values: np.ndarray) -> None:
    track, notices = clamped(values)
    assert track.dtype == np.float32
    assert ((track >= LOWEST) & (track <= HIGHEST)).all()
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    inside = (narrow >= LOWEST) & (narrow <= HIGHEST)
    assert np.array_equal(track[inside], narrow[inside])
    assert bool(notices) == (not inside.all())


def test_nan_becomes_the_default_and_1e9_the_limit_with_a_notice() -> None:
    values = defaults(4)
    values[1, INDEX["zoom"]] = np.nan
    values[2, INDEX["yaw"]] = 1e9
    values[3, INDEX["happy"]] = -np.inf
    track, (notice,) = clamped(values)
    assert track[1, INDEX["zoom"]] == 1
    assert track[2, INDEX["yaw"]] == 60
    assert track[3, INDEX["happy"]] == 0
    assert notice.code == "controls_clamped"
    assert "3 values" in notice.sentence
    assert "yaw, zoom, happy" in notice.sentence


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.zeros((0, COUNT)), "no_frames"),
        (np.zeros((3, COUNT - 1)), "controls_shape"),
        (np.zeros(COUNT), "controls_shape"),
        ([["yaw"] * COUNT], "controls_shape"),
        (np.broadcast_to(np.float32(0), (MOST_FRAMES + 1, COUNT)), "too_many_frames"),
    ],
)
def test_what_is_no_track_is_refused(values: object, code: str) -> None:
    with pytest.raises(SpeakError) as caught:
        clamped(values)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_an_edit_at_its_defaults_leaves_the_auto_layer_alone() -> None:
    auto = np.random.default_rng(0).normal(size=(5, COUNT)).astype(np.float32)
    assert np.array_equal(layered(auto, defaults(5)), auto)
    edit = defaults(5)
    edit[2, INDEX["zoom"]] = 1.5
    changed = layered(auto, edit) - auto
    assert changed[2, INDEX["zoom"]] == pytest.approx(0.5)
    assert np.count_nonzero(changed) == 1


def test_csv_goes_out_and_in_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    track = rng.uniform(LOWEST, HIGHEST, (40, COUNT)).astype(np.float32)
    path = tmp_path / "c.csv"
    path.write_text(to_csv(range(40), track))
    assert np.array_equal(read_csv(path, 40), track)


def test_columns_may_come_in_any_order_and_be_few(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes("\ufeffhappy, frame ,yaw\r\n0.5,1,\r\n,3,-20\r\n\r\n1,99,5\r\n".encode())
    track = read_csv(path, 5)
    expected = np.tile(DEFAULT_ROW, (5, 1))
    expected[1, INDEX["happy"]] = 0.5
    expected[3, INDEX["yaw"]] = -20
    assert np.array_equal(track, expected)


def test_csv_with_nan_and_1e9_is_read_and_held_later(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("frame,yaw,zoom\n0,nan,1e9\n1,1e300,-inf\n")
    track, (notice,) = clamped(read_csv(path, 2))
    assert track[0, INDEX["yaw"]] == 0
    assert track[:, INDEX["zoom"]].tolist() == [2, 0.5]
    assert notice.args["count"] == 4


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("", "csv_unreadable", "frame"),
        ("yaw\n1\n", "csv_unreadable", "frame"),
        ("frame,yaww\n0,1\n", "csv_unknown_column", "yaww"),
        ("frame,yaw,yaw\n0,1,2\n", "csv_unreadable", "twice"),
        ("frame,yaw\n0\n", "csv_unreadable", "line 2"),
        ("frame,yaw\n0,1\n0,2\n", "csv_unreadable", "line 3"),
        ("frame,yaw\n0,left\n", "csv_unreadable", "line 2"),
        ("frame,yaw\n1.5,0\n", "csv_unreadable", "line 2"),
        ("frame,yaw\n-1,0\n", "csv_unreadable", "before frame 0"),
        ('frame,yaw\n0,"1\n', "csv_unreadable", ""),
    ],
)
def test_what_is_wrong_with_a_csv_is_named(tmp_path: Path, text: str, code: str, word: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(SpeakError) as caught:
        read_csv(path, 3)
    assert caught.value.code == code
    assert word in caught.value.sentence


def test_a_missing_csv_and_a_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpeakError) as caught:
        read_csv(tmp_path / "none.csv", 3)
    assert caught.value.code == "file_missing"
    (tmp_path / "p.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(SpeakError) as caught:
        read_csv(tmp_path / "p.csv", 3)
    assert caught.value.code == "csv_unreadable"


def test_header_of_the_csv_is_the_control_table() -> None:
    assert to_csv([], np.zeros((0, COUNT), np.float32)) == "frame," + ",".join(NAMES) + "\n"
