# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures that the demo leaves behind show what they say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.protocol import controls
from scripts import sheets


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Fifty pictures, each of one grey level of its own."""
    paths = []
    for index in range(50):
        path = tmp_path / f"frame_{index:06d}.png"
        Image.new("RGB", (64, 64), (4 * index, 4 * index, 4 * index)).save(path)
        paths.append(path)
    return paths


def test_frames_stand_in_order_over_the_sound_they_belong_to(frames: list[Path]) -> None:
    rate, fps, side = 16000, 25.0, 100
    samples = np.zeros(2 * rate, np.float32)
    samples[rate:] = np.sin(np.arange(rate) / 5)  # silence, then a tone
    sheet = np.asarray(sheets.contact_sheet(frames, fps, samples, rate, columns=8, side=side))
    row_height = (sheet.shape[0] - sheets.MARGIN) // 2
    levels = []
    for row in range(2):
        y = sheets.MARGIN + row * row_height + 30
        levels += [int(sheet[y, sheets.MARGIN + c * side + side // 2, 0]) for c in range(8)]
    assert levels == sorted(levels)
    assert len(set(levels)) == 16
    blue = np.all(sheet == sheets.COLOURS["asked"], axis=-1)
    first, second = blue[:row_height].sum(), blue[row_height:].sum()
    assert second > 10 * first  # the tone is under the second row only


def test_a_curve_has_a_panel_when_it_moves() -> None:
    default = np.tile(np.asarray(controls.DEFAULTS, np.float32), (30, 1))
    asked = default.copy()
    asked[10:, controls.INDEX["happy"]] = 0.8
    measured = default + 0.3  # what was read back alone opens no panel
    shown = sheets.worth_showing({"auto": default, "asked": asked, "measured": measured})
    assert [control.name for control in shown] == ["yaw", "pitch", "roll", "happy"]
    tracks = {"auto": default, "asked": asked, "measured": asked * 0.9}
    picture = np.asarray(sheets.curves_sheet(tracks, 25.0))
    for name in tracks:
        assert np.all(picture == sheets.COLOURS[name], axis=-1).sum() > 50, name


def test_stereo_sound_is_read_as_the_mean_of_its_channels(tmp_path: Path) -> None:
    import wave

    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.tile(np.asarray([16384, 0], "<i2"), 100).tobytes())
    samples, rate = sheets.read_voice(path)
    assert rate == 8000
    assert np.allclose(samples, 0.25)
    assert len(samples) == 100
