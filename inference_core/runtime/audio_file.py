# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound files to samples: WAV by ourselves, FLAC, Ogg and MP3 where `soundfile` is installed.

Nothing a file says about itself is believed before the file's own length allows it.
"""

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.errors import SpeakError
from inference_core.runtime.audio_resample import MAX_CHANNELS, check_rate, to_mono_16k
from inference_core.runtime.scratch import new_array

__all__ = ["read_audio", "to_mono_16k"]

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
BLOCK_BYTES = 1 << 22
# Programs that write a WAV into a pipe cannot go back and fill the size in.
UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)
# What the first bytes say, for formats that need a decoder.
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"fLaC", "FLAC"), (b"OggS", "Ogg"), (b"ID3", "MP3"), (b"\xff\xfb", "MP3"),
    (b"\xff\xf3", "MP3"), (b"\xff\xf2", "MP3"), (b"\xff\xfa", "MP3"), (b"FORM", "AIFF"),
    (b".snd", "AU"), (b"caff", "CAF"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Format:
    """A WAV's `fmt ` chunk: kind PCM or FLOAT, channels, rate in Hz, bits per sample."""

    kind: int
    channels: int
    rate: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.bits // 8


def read_audio(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], int]:
    """Samples float32 [n, channels], about -1..1, and their rate in Hz.

    WAV with 8, 16, 24 or 32 bits, or 32 or 64 bits of floating point, any number of channels up
    to 64. Long sounds are memory-mapped from a temporary file. Raises SpeakError:
    `voice_missing`, `voice_unreadable`, `voice_format`, `voice_rate`, `voice_channels`.
    """
    name = Path(path).name
    try:
        with open(path, "rb") as file:
            head = file.read(12)
            file.seek(0)
            if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
                return _read_wav(file)
            for magic, kind in MAGIC:
                if head.startswith(magic):
                    return _read_with_soundfile(file, kind)
    except FileNotFoundError:
        raise SpeakError("voice_missing", name=name) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SpeakError("voice_unreadable", reason=reason) from error
    raise SpeakError("voice_unreadable", reason="it is no sound file that is known")


def _read_wav(file: BinaryIO) -> tuple[NDArray[np.float32], int]:
    size = file.seek(0, io.SEEK_END)
    position, form, long_size = 12, None, None
    while position + 8 <= size:
        file.seek(position)
        chunk, length = struct.unpack("<4sI", file.read(8))
        position += 8
        if chunk == b"ds64" and length >= 16:  # of RF64: the real size of `data`
            long_size = struct.unpack("<QQ", file.read(16))[1]
        elif chunk == b"fmt ":
            form = _format(file.read(min(length, 40)))
        elif chunk == b"data":
            if form is None:
                raise SpeakError("voice_unreadable", reason="it does not say what is in it")
            left = size - position
            if length == 0xFFFFFFFF and long_size is not None:
                length = long_size
            elif length in UNKNOWN_SIZES:
                length = left
            if length > left:
                reason = "it should hold {wanted} bytes of sound and holds {held}"
                raise SpeakError("voice_unreadable", reason=reason, wanted=length, held=left)
            file.seek(position)
            return _decode(file, form, length // form.frame_bytes), form.rate
        position += length + (length & 1)
    raise SpeakError("voice_unreadable", reason="it ends before any sound")


def _format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise SpeakError("voice_unreadable", reason="its header is cut off")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if kind == EXTENSIBLE and len(chunk) >= 26:
        (kind,) = struct.unpack("<H", chunk[24:26])
    if not 1 <= channels <= MAX_CHANNELS:
        raise SpeakError("voice_channels", channels=channels, limit=MAX_CHANNELS)
    check_rate(rate)
    if kind not in (PCM, FLOAT):
        raise SpeakError("voice_format", format=f"WAV of kind {kind}")
    if bits not in ((8, 16, 24, 32) if kind == PCM else (32, 64)):
        raise SpeakError(
            "voice_unreadable", reason="{bits} bits per sample are not known", bits=bits
        )
    return _Format(kind, channels, rate, bits)


def _decode(file: BinaryIO, form: _Format, count: int) -> NDArray[np.float32]:
    result: NDArray[np.float32] = new_array((count, form.channels), np.float32)
    convert = _CONVERT[form.kind, form.bits]
    step = max(1, BLOCK_BYTES // form.frame_bytes)
    for start in range(0, count, step):
        stop = min(start + step, count)
        data = file.read((stop - start) * form.frame_bytes)
        result[start:stop] = convert(data).reshape(stop - start, form.channels)
    return result


def _integers_24(data: bytes) -> NDArray[np.float32]:
    # Each sample becomes the upper three bytes of an int32, which brings the sign along.
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float32) / 2**31


_CONVERT: dict[tuple[int, int], Callable[[bytes], NDArray[np.float32]]] = {
    (PCM, 8): lambda data: (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128,
    (PCM, 16): lambda data: np.frombuffer(data, "<i2").astype(np.float32) / 2**15,
    (PCM, 24): _integers_24,
    (PCM, 32): lambda data: np.frombuffer(data, "<i4").astype(np.float32) / 2**31,
    (FLOAT, 32): lambda data: np.frombuffer(data, "<f4").astype(np.float32),
    # 1e300 is no sound; as float32 it would be infinite with a warning on the way.
    (FLOAT, 64): lambda data: np.clip(np.frombuffer(data, "<f8"), -1e9, 1e9).astype(np.float32),
}


def _read_with_soundfile(file: BinaryIO, kind: str) -> tuple[NDArray[np.float32], int]:
    try:
        import soundfile  # type: ignore[import-untyped,unused-ignore]
    except (ImportError, OSError):  # OSError: the package is there, its library is not
        raise SpeakError("voice_format", format=kind) from None
    try:
        # The open file and not its name: nothing else can be opened in its place.
        with soundfile.SoundFile(file) as sound:
            return _decode_with_soundfile(sound), int(sound.samplerate)
    except soundfile.SoundFileError as error:
        reason = "it begins as a {kind} file and cannot be decoded"
        raise SpeakError("voice_unreadable", reason=reason, kind=kind) from error


def _decode_with_soundfile(sound: Any) -> NDArray[np.float32]:
    check_rate(int(sound.samplerate))
    channels, count = int(sound.channels), len(sound)
    if channels > MAX_CHANNELS:
        raise SpeakError("voice_channels", channels=channels, limit=MAX_CHANNELS)
    result: NDArray[np.float32] = new_array((count, channels), np.float32)
    done = 0
    while done < count:
        block = sound.read(min(BLOCK_BYTES // 4 // channels, count - done), "float32", True)
        if len(block) == 0:  # the header promised more than there is
            reason = "it should hold {wanted} samples and holds {held}"
            raise SpeakError("voice_unreadable", reason=reason, wanted=count, held=done)
        result[done : done + len(block)] = block
        done += len(block)
    return result
