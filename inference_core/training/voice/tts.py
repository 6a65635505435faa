# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech with exact phone times from two free synthesisers: flite and espeak-ng.

Both come with Debian and Ubuntu (`flite`, `libespeak-ng1`); only those who train need them.
"""

import ctypes
import ctypes.util
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.audio_resample import to_mono_16k
from inference_core.runtime.phones import SIL, STOPS, of_arpabet, of_ipa
from inference_core.training.voice.phones import Phone, split


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech float32 [n] at 16 kHz and its phones, which cover it from start to end."""

    samples: NDArray[np.float32]
    phones: list[Phone]


def flite(text: str, voice: str, stretch: float = 1.0, pitch: float = 0.0) -> Utterance | None:
    """`text` by flite; None when it says a phone that the table does not know.

    stretch: factor on every duration; pitch: mean of the fundamental in Hz, 0 for the voice's own.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "say.wav"
        command = ["flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}"]
        if pitch:
            command += ["--setf", f"int_f0_target_mean={pitch}"]
        command += ["-t", text, "-o", str(path)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    phones: list[Phone] = []
    time = 0.0
    for part in said.stdout.split():
        name, _, until = part.rpartition(":")
        names = of_arpabet(name)
        if names is None:
            return None
        end = float(until)
        phones += split(time, end, names)
        time = end
    return Utterance(to_mono_16k(pcm, rate), phones)


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


# Of espeak-ng's speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS_AS_IPA = 0x0003
_EVENT_PHONEME = 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8 = 1
_IPA = 2
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """espeak-ng in this process; one instance only, the library keeps global state."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise RuntimeError("libespeak-ng is missing: install the package libespeak-ng1")
        self._lib = ctypes.CDLL(name)
        self.rate = int(
            self._lib.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, None, _PHONEME_EVENTS_AS_IPA)
        )

    def say(
        self, text: str, voice: str, rate: int = 170, pitch: int = 50, spread: int = 50
    ) -> Utterance | None:
        """`text` by `voice` (`de`, `en-us+f3`); None for an unknown voice or phone.

        rate: words per minute; pitch and spread (of the pitch): 0 to 99.
        """
        pcm = bytearray()
        events: list[tuple[float, str]] = []

        def take(samples: Any, count: int, event: Any) -> int:
            if count > 0:
                pcm.extend(ctypes.string_at(samples, count * 2))
            i = 0
            while event and event[i].type != 0:
                if event[i].type == _EVENT_PHONEME:
                    raw = bytes(event[i].id.string).split(b"\0")[0]
                    events.append((event[i].audio_position / 1000, raw.decode("utf8", "replace")))
                i += 1
            return 0

        callback = _CALLBACK(take)
        self._lib.espeak_SetSynthCallback(callback)
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, spread)):
            self._lib.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
        self._lib.espeak_Synchronize()
        samples = np.frombuffer(bytes(pcm), "<i2")
        # "(en)" is a change of language inside a sentence and no sound.
        spoken = [event for event in events if not event[1].startswith("(")]
        phones = phones_of(samples, self.rate, spoken)
        return Utterance(to_mono_16k(samples, self.rate), phones) if phones else None

    def ipa(self, text: str, voice: str) -> str:
        """`text` as espeak-ng's IPA with stress and length, clauses joined by a space.

        Raises ValueError for a voice that it does not have.
        """
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        read = self._lib.espeak_TextToPhonemes
        read.restype = ctypes.c_char_p
        left = ctypes.cast(ctypes.c_char_p(text.encode()), ctypes.c_void_p)
        clauses = []
        while left.value:
            clauses.append(read(ctypes.byref(left), _UTF8, _IPA).decode("utf8", "replace"))
        return " ".join(clause.strip() for clause in clauses if clause.strip())


@cache
def espeak() -> Espeak:
    """The one espeak-ng of this process. RuntimeError where it is not installed."""
    return Espeak()


def phones_of(
    samples: NDArray[np.int16], rate: int, events: list[tuple[float, str]]
) -> list[Phone] | None:
    """espeak-ng's events (seconds, IPA symbol) as phones; None when a symbol is unknown.

    espeak-ng reports a stop at its burst and counts the shut mouth before it to the vowel; here
    the stop begins with the silence in samples [n] at `rate` Hz.
    """
    length = len(samples) / rate
    if not events:
        return None
    bounds = [min(time, length) for time, _ in events] + [length]
    said = [of_ipa(symbol) for _, symbol in events]
    is_stop = [bool(names and names[0] in STOPS | {"tʃ", "dʒ"}) for names in said]
    for i in range(1, len(events)):
        if is_stop[i] and events[i - 1][1]:
            bounds[i] = max(_closure(samples, rate, bounds[i]), bounds[i - 1] + 0.02)
    phones: list[Phone] = []
    if bounds[0] > 0:
        phones.append(Phone(0.0, bounds[0], SIL))
    for i, names in enumerate(said):
        if names is None:
            return None
        if bounds[i + 1] > bounds[i]:
            phones += split(bounds[i], bounds[i + 1], names)
    return phones


# Of the utterance's peak: a shut mouth is softer, an /s/ louder. Some variants echo into it.
_SHUT = 0.02


def _closure(samples: NDArray[np.int16], rate: int, burst: float) -> float:
    """Where the near silence before `burst` seconds begins; the burst itself when there is none."""
    step = rate // 200
    quiet = max(_SHUT * float(np.abs(samples.astype(np.int32)).max(initial=0)), 40)
    at = int(burst * rate)
    while at - step >= 0 and burst - (at - step) / rate < 0.12:
        loud = np.abs(samples[at - step : at].astype(np.int32)).max(initial=0) > quiet
        # The burst itself may begin up to 10 ms before its event.
        if loud and burst - at / rate > 0.009:
            break
        at -= step
    found = at / rate
    return found if burst - found > 0.012 else burst
