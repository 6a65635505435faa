# SPDX-License-Identifier: GPL-3.0-or-later
"""Natural speech by hibari (PyPI, Apache-2.0), a tiny network that learnt from Kokoro-82M.

Its network gives a pitch and the spectra of a voiced and of a noisy part, which are made into sound
afterwards. In between, the one woman it knows is turned into many people: pitch, throat, breath and
temper of the voice are parameters here, and nothing of it sounds like a machine's diphones.
"""

import importlib.util
import random
import re
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from inference_core.runtime.audio_resample import to_mono_16k
from inference_core.runtime.phones import SIL, of_ipa
from inference_core.runtime.voice import Session, posteriors_of, speech_level
from inference_core.training.voice.aligned import Sound, align
from inference_core.training.voice.tts import Utterance, espeak

PACKAGE = "hibari-tts==0.2.1"
RATE = 24_000
UNIT = 600 / RATE  # seconds per unit of its durations
# Seconds by which its durations are ahead of its sound, as an independent aligner found.
LATE = 0.065
# The graph's name for how many units each symbol takes.
DURATIONS = "/Clip_output_0"

Floats = NDArray[np.float32]

# espeak-ng's IPA in the network's letters (misaki's American English); the longest first.
_SPELT = (
    ("ɜːɹ", "ɜɹ"), ("ɚɹ", "əɹ"), ("aɪ", "I"), ("aʊ", "W"), ("dʒ", "ʤ"), ("eɪ", "A"), ("tʃ", "ʧ"),
    ("ɔɪ", "Y"), ("oʊ", "O"), ("əʊ", "O"), ("əl", "ᵊl"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ɾ", "T"),
    ("e", "A"), ("r", "ɹ"), ("x", "k"), ("ɐ", "ə"), ("ʔ", "t"), ("ː", ""), ("̩", ""), ("̃", ""),
)  # fmt: skip
_SOUNDS = {
    "I": ("a", "ɪ"), "W": ("a", "ʊ"), "A": ("e", "ɪ"), "Y": ("ɔ", "ɪ"), "O": ("o", "ʊ"),
    "ʤ": ("dʒ",), "ʧ": ("tʃ",), "ᵊ": ("ə",), "T": ("r",),
}  # fmt: skip
_STRESS = "ˈˌ"
_MARKS = ".,;:!?—…"
# Seconds of a space from which on it may be a pause.
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody: factors on mean pitch, on its movement and on the frequencies of the throat's
    resonances; breath in nepers of noise against voice; tilt in nepers per octave above 1 kHz."""

    pitch: float
    lively: float
    throat: float
    breath: float
    tilt: float

    @staticmethod
    def random(rng: random.Random) -> "Speaker":
        """Men, women and children; a low voice mostly comes with a long throat, but not always."""
        pitch = 2 ** rng.uniform(-1.25, 0.5)
        throat = pitch**0.16 * 2 ** rng.gauss(0.0, 0.07)
        return Speaker(
            pitch, rng.uniform(0.3, 1.5), throat, rng.gauss(0.0, 0.6), rng.gauss(0.0, 0.25)
        )

    def reshape(self, spectrum: Floats) -> Floats:
        """Log spectrum [601, F] as this throat would make it."""
        bins = np.arange(len(spectrum), dtype=np.float32)
        where = np.clip(bins / self.throat, 0, len(bins) - 1.001)
        low = where.astype(np.int64)
        share = (where - low)[:, None].astype(np.float32)
        moved = spectrum[low] * (1 - share) + spectrum[low + 1] * share
        octaves = np.log2(np.maximum(bins * RATE / 1200, 300) / 1000).astype(np.float32)
        return np.asarray(moved + self.tilt * octaves[:, None], np.float32)


@dataclass(frozen=True, slots=True)
class Hibari:
    """The network, its letters, and its own signal processing."""

    network: ort.InferenceSession
    letters: dict[str, int]
    dsp: ModuleType

    def say(
        self, text: str, speaker: Speaker, pace: float, listener: Session, seed: int
    ) -> Utterance | None:
        """English `text` by `speaker`, its phones found by `listener`; None where they do not fit.

        pace: 1 is the network's own, 2 twice as fast.
        """
        letters = [letter for letter in spelt(text) if letter in self.letters]
        feed = {
            "ids": np.array([[0, *(self.letters[x] for x in letters), 0]], np.int64),
            "speed": np.array([pace], np.float32),
        }
        outputs = ["lh", "theta", "ln", "lr", "phi", "f0", DURATIONS]
        voiced, turn, noise, free, phase, pitch, units = (
            np.asarray(part) for part in self.network.run(outputs, feed)
        )
        level = np.log(np.maximum(pitch[0], 1.0))
        middle = float(level[pitch[0] > 50].mean()) if (pitch > 50).any() else 0.0
        hertz = np.exp((level - middle) * speaker.lively + middle) * speaker.pitch
        audio = self.dsp.synth(
            speaker.reshape(voiced[0]) - speaker.breath / 2,
            turn[0],
            speaker.reshape(noise[0]) + speaker.breath / 2,
            speaker.reshape(free[0]),
            phase[0],
            np.where(pitch[0] > 50, hertz, 0).astype(np.float32),
            np.random.default_rng(seed),
        )
        samples = to_mono_16k(np.asarray(audio, np.float32), RATE)
        sounds = sounds_of(letters, units.ravel() * UNIT)
        loud = speech_level(samples)
        if sounds is None or loud < 1e-3:
            return None
        heard = posteriors_of(listener, samples, loud)
        phones = align(sounds, heard[: len(samples) // 320])
        return None if phones is None else Utterance(samples, phones)


def spelt(text: str) -> str:
    """English text in the network's letters: espeak-ng's American IPA, its clauses' marks kept."""
    parts = []
    for clause, mark in re.findall(r"([^.,;:!?]+)([.,;:!?]*)", text):
        ipa = espeak().ipa(clause, "en-us")
        for old, new in _SPELT:
            ipa = ipa.replace(old, new)
        parts.append(ipa + mark[:1])
    return " ".join(parts)


def sounds_of(
    letters: list[str], seconds: NDArray[np.floating], late: float = LATE
) -> list[Sound] | None:
    """Sounds with rough times, for the seconds [n + 2] of n letters and the silence around them.

    late: seconds by which the durations are ahead of the sound.
    A stress mark's time is that of the sound behind it, and a space's of that before it unless it
    may be a pause. None when a letter is no known phone.
    """
    ends = (np.cumsum(seconds) - late).clip(0.02).tolist()
    sounds = [Sound(0.0, ends[0], (SIL,))]
    begin = ends[0]
    for letter, end in zip(letters, ends[1:-1], strict=True):
        if letter in _STRESS:
            continue
        if letter == " " or letter in _MARKS:
            if end - begin > _PAUSE or letter != " ":
                sounds.append(Sound(begin, end, (SIL,)))
            begin = end
            continue
        names = _SOUNDS.get(letter) or of_ipa(letter)
        if not names:
            return None
        if sounds[-1].names == names:
            sounds[-1] = Sound(sounds[-1].start, end, names)  # two alike are one long one
        else:
            sounds.append(Sound(begin, end, names))
        begin = end
    sounds.append(Sound(begin, ends[-1], (SIL,)))
    merged: list[Sound] = []
    for sound in sounds:
        if merged and sound.pause and merged[-1].pause:
            merged[-1] = Sound(merged[-1].start, sound.end, (SIL,))
        else:
            merged.append(sound)
    return merged


def installed() -> bool:
    """Whether this environment has the package."""
    return importlib.util.find_spec("hibari") is not None


def telling(model: onnx.ModelProto, durations: str) -> ort.InferenceSession:
    """A synthesiser's network, on one thread, that tells how long its sounds are, too; durations:
    the name of that tensor within it. Changes the model."""
    told = onnx.helper.make_tensor_value_info(durations, onnx.TensorProto.FLOAT, None)
    model.graph.output.append(told)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@cache
def hibari() -> Hibari:
    """The one hibari of this process, on one thread. ImportError where it is missing."""
    from hibari import dsp, tts

    model = onnx.load(tts.voice_path(tts.DEFAULT))
    network = telling(model, DURATIONS)
    return Hibari(network, tts.Hibari(g2p=lambda _: "").vocab, dsp)
