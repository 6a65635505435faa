# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo understands on its command line."""

import argparse
from fractions import Fraction
from pathlib import Path

import pytest

from scripts import demo, emotion_keys
from scripts.emotion_keys import Key


def test_a_key_is_a_control_a_time_and_a_value() -> None:
    assert emotion_keys.parse("happy@1.0:0.8") == Key("happy", 1.0, 0.8)
    assert emotion_keys.parse("yaw@2:-15") == Key("yaw", 2.0, -15.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("happy", "name@seconds:value"),
        ("joy@1:0.5", "no control 'joy'"),
        ("happy@1:1.5", "from 0 to 1"),
        ("happy@-1:0.5", "before the voice"),
        ("happy@1..2:0.5", "no number"),
    ],
)
def test_what_is_no_key_gets_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=reason):
        emotion_keys.parse(text)


def test_keys_ramp_up_from_the_default() -> None:
    keys = [emotion_keys.parse(text) for text in ("happy@2:0", "happy@1:0.8", "zoom@0:1.2")]
    assert emotion_keys.curves(keys) == {
        "happy": [(0.5, 0.0), (1.0, 0.8), (2.0, 0.0)],
        "zoom": [(0.0, 1.2)],
    }


def test_keys_survive_the_way_to_the_other_process() -> None:
    keys = [Key("happy", 1.0 / 3.0, 0.1), Key("yaw", 0.0, -1e-05)]
    texts = emotion_keys.as_arguments(keys)
    assert [emotion_keys.parse(text) for text in texts] == keys


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("25", Fraction(25)),
        ("23.976", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_broadcast_rates_are_exact(text: str, fps: Fraction) -> None:
    assert demo.options_from(["--fps", text]).fps == fps


@pytest.mark.parametrize("arguments", [["--fps", "0"], ["--fps", "x"], ["--portrait", "/no/such"]])
def test_bad_options_end_with_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        demo.options_from(arguments)
    assert "usage" in capsys.readouterr().err


def test_the_samples_smile_suits_the_sample_voice_only(tmp_path: Path) -> None:
    assert [key.control for key in demo.options_from([]).emotion] == ["happy"] * 4
    other = tmp_path / "other.wav"
    other.write_bytes(b"RIFF")
    assert demo.options_from(["--voice", str(other)]).emotion == []
    asked = demo.options_from(["--voice", str(other), "--emotion", "sad@1:1"])
    assert asked.emotion == [Key("sad", 1.0, 1.0)]
