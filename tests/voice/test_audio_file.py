# SPDX-License-Identifier: GPL-3.0-or-later
"""Any WAV is read right, any broken one refused with its code, long ones in little memory."""

import struct
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_core.protocol.errors import SpeakError
from inference_core.runtime.audio_file import read_audio
from inference_core.runtime.audio_resample import RATE, to_mono_16k

TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of the GUIDs in an extensible header


def wav(
    data: bytes,
    *,
    kind: int = 1,
    channels: int = 1,
    rate: int = 16000,
    bits: int = 16,
    extensible: bool = False,
    length: int | None = None,
    before: bytes = b"",
) -> bytes:
    """A WAV file with exactly this header, whether it makes sense or not."""
    align = channels * bits // 8 & 0xFFFF
    speed = rate * align & 0xFFFFFFFF
    form = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else kind, channels, rate, speed, align, bits
    )
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, kind) + TAIL
    size = len(data) if length is None else length
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + before
    body += b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) & 0xFFFFFFFF) + body


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def read(tmp_path: Path, content: bytes) -> tuple[NDArray[np.float32], int]:
    path = tmp_path / "voice.wav"
    path.write_bytes(content)
    return read_audio(path)


def pcm24(values: NDArray[np.float64]) -> bytes:
    integers = np.round(values * (2**23 - 1)).astype("<i4")
    return integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


@pytest.mark.parametrize(
    ("kind", "bits", "encode", "error"),
    [
        (1, 8, lambda x: (np.round(x * 127) + 128).astype(np.uint8).tobytes(), 0.01),
        (1, 16, lambda x: np.round(x * 32767).astype("<i2").tobytes(), 1e-4),
        (1, 24, pcm24, 1e-6),
        (1, 32, lambda x: np.round(x * (2**31 - 1)).astype("<i4").tobytes(), 1e-6),
        (3, 32, lambda x: x.astype("<f4").tobytes(), 1e-7),
        (3, 64, lambda x: x.astype("<f8").tobytes(), 1e-7),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_every_sample_format(tmp_path, kind, bits, encode, error, extensible) -> None:
    sound = tone(16000)
    samples, rate = read(tmp_path, wav(encode(sound), kind=kind, bits=bits, extensible=extensible))
    assert rate == 16000
    assert samples.shape == (8000, 1)
    assert samples.dtype == np.float32
    assert np.abs(samples[:, 0] - sound).max() < error


def test_five_point_one_at_96_khz(tmp_path) -> None:
    sound = np.stack([tone(96000, hertz=100 * (k + 1)) for k in range(6)], 1)
    data = np.round(sound * 32767).astype("<i2").tobytes()
    samples, rate = read(tmp_path, wav(data, channels=6, rate=96000, extensible=True))
    assert samples.shape == (48000, 6)
    mono = to_mono_16k(samples, rate)
    assert len(mono) == 8000
    wanted = np.mean([tone(16000, hertz=100 * (k + 1)) for k in range(6)], 0)
    assert np.abs(mono - wanted)[200:-200].max() < 2e-3


def test_chunks_before_the_sound_are_passed_over(tmp_path) -> None:
    extra = b"LIST" + struct.pack("<I", 5) + b"abcde\0"  # odd length: padded by one
    samples, _ = read(tmp_path, wav(b"\1\0" * 100, before=extra))
    assert len(samples) == 100


def test_a_size_that_was_never_filled_in_means_until_the_end(tmp_path) -> None:
    samples, _ = read(tmp_path, wav(b"\1\0" * 123, length=0xFFFFFFFF))
    assert len(samples) == 123


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (wav(b"", channels=65535), "voice_channels"),
        (wav(b"", channels=0), "voice_channels"),
        (wav(b"\0" * 100, rate=0), "voice_rate"),
        (wav(b"\0" * 100, rate=4_000_000_000), "voice_rate"),
        (wav(b"\0" * 100, length=1_000_000), "voice_unreadable"),
        (wav(b"\0" * 100, bits=13), "voice_unreadable"),
        (wav(b"\0" * 100, kind=2), "voice_format"),
        (wav(b"")[:30], "voice_unreadable"),
        (b"RIFF\0\0\0\0WAVE", "voice_unreadable"),
        (b"", "voice_unreadable"),
        (b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", "voice_unreadable"),
        (b"fLaC" + b"\0" * 60, "voice_unreadable"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path, content, code) -> None:
    with pytest.raises(SpeakError) as caught:
        read(tmp_path, content)
    assert caught.value.code == code


def test_a_missing_file_is_named_without_its_folder(tmp_path) -> None:
    with pytest.raises(SpeakError) as caught:
        read_audio(tmp_path / "gone.wav")
    assert caught.value.code == "voice_missing"
    assert "gone.wav" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_flac_without_its_decoder_says_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(SpeakError) as caught:
        read(tmp_path, b"fLaC" + b"\0" * 60)
    assert caught.value.code == "voice_format"
    assert "WAV" in caught.value.hint


def test_not_a_number_becomes_silence() -> None:
    samples = tone(48000).astype(np.float32)
    samples[1000:1010] = np.nan
    samples[2000] = np.inf
    mono = to_mono_16k(samples, 48000)
    assert np.isfinite(mono).all()
    assert np.abs(mono[4000:] - tone(16000)[4000:])[:-100].max() < 1e-3


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_resampling_keeps_a_tone_and_its_place(rate) -> None:
    mono = to_mono_16k(tone(rate, 1.0, 1000).astype(np.float32), rate)
    assert len(mono) == RATE
    assert np.abs(mono - tone(RATE, 1.0, 1000))[400:-400].max() < 1e-3


def test_what_16_khz_cannot_hold_does_not_fold_back() -> None:
    mono = to_mono_16k(tone(48000, 1.0, 9500).astype(np.float32), 48000)
    assert np.abs(mono[400:-400]).max() < 1e-3


@pytest.mark.parametrize("rate", [0, -1, 4_000_000_000])
def test_impossible_rates(rate) -> None:
    with pytest.raises(SpeakError) as caught:
        to_mono_16k(np.zeros(10, np.float32), rate)
    assert caught.value.code == "voice_rate"


def test_blocks_join_without_a_seam() -> None:
    # 25 s are three blocks: the whole must equal its parts around the joints.
    sound = tone(22050, 25.0, 333).astype(np.float32)
    mono = to_mono_16k(sound, 22050)
    assert np.abs(mono - tone(16000, 25.0, 333))[400:-400].max() < 1e-3


def test_two_hours_take_little_memory(tmp_path) -> None:
    path = tmp_path / "long.wav"
    minute = (np.round(tone(8000, 60.0) * 100) + 128).astype(np.uint8).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        for _ in range(120):
            file.writeframes(minute)
    tracemalloc.start()
    try:
        samples, rate = read_audio(path)
        mono = to_mono_16k(samples, rate)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(mono) == 7200 * RATE
    assert peak < 120e6  # the sound itself has 461 MB
    assert np.abs(mono[-RATE : -RATE // 2]).max() > 0.3
