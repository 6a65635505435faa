# SPDX-License-Identifier: GPL-3.0-or-later
"""People speaking known words, and where each phone of them lies.

PocketSphinx (PyPI, its English model is in the wheel) aligns the words: a judge, and no dependency
of the product. Its own boundaries are whole 10 ms, and on synthetic speech with exactly known
phones it agrees with 81 % of the viseme frames: nothing can score above that against it.
"""

import gzip
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.audio_file import read_audio
from inference_core.runtime.audio_resample import RATE, to_mono_16k
from inference_core.runtime.mouth import PP
from inference_core.runtime.phones import INDEX, VISEME_INDEX, of_arpabet

Floats = NDArray[np.float32]
Phones = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech [n] at 16 kHz and its aligned phones [k, 3] = start, end (seconds), index."""

    name: str
    samples: Floats
    phones: Phones

    @property
    def lips(self) -> Phones:
        """The p, b and m among the phones."""
        return self.phones[VISEME_INDEX[self.phones[:, 2].astype(int)] == PP]


def _rows(name: str, start: float, end: float) -> list[list[float]]:
    names = of_arpabet(name) or ("sil",)
    bounds = [start, end] if len(names) == 1 else [start, start + 0.55 * (end - start), end]
    return [
        [low, high, float(INDEX[phone])]
        for low, high, phone in zip(bounds, bounds[1:], names, strict=False)
    ]


def _pcm(samples: Floats) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def aligned(samples: Floats, words: str) -> Phones | None:
    """Phones [k, 3] of known words in speech [n]; None when the words do not fit.

    ImportError without PocketSphinx.
    """
    from pocketsphinx import Decoder

    decoder = Decoder(lm=None, loglevel="FATAL")
    try:
        decoder.set_align_text(words)
        for second in (False, True):
            if second:
                decoder.set_alignment()
            decoder.start_utt()
            decoder.process_raw(_pcm(samples), full_utt=True)
            decoder.end_utt()
        found = decoder.get_alignment()
    except RuntimeError:
        return None
    rows: list[list[float]] = []
    for word in found or ():
        for phone in word:
            end = phone.start + phone.duration
            rows += _rows(phone.name, phone.start / 100, end / 100)
    return np.array(rows) if rows else None


def recognised(samples: Floats) -> Phones:
    """Phones [k, 3] that PocketSphinx hears without knowing the words.

    Its phone loop with its phone bigrams: what Rhubarb Lip Sync's `phonetic` recogniser runs, too.
    """
    from pocketsphinx import Decoder, get_model_path

    decoder = Decoder(
        lm=None, allphone=get_model_path("en-us/en-us-phone.lm.bin"), lw=2.0, beam=1e-20,
        pbeam=1e-20, loglevel="FATAL",
    )  # fmt: skip
    decoder.start_utt()
    decoder.process_raw(_pcm(samples), full_utt=True)
    decoder.end_utt()
    rows: list[list[float]] = []
    for segment in decoder.seg() or ():
        rows += _rows(segment.word, segment.start_frame / 100, (segment.end_frame + 1) / 100)
    return np.array(rows) if rows else np.zeros((0, 3))


def plain_words(text: str) -> str:
    """Lower case, letters and apostrophes only."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split())


def speech(path: Path, words: str) -> Recording | None:
    """A recording of known words; None when they do not fit."""
    samples, rate = read_audio(path)
    mono = to_mono_16k(samples, rate)
    phones = aligned(mono, plain_words(words))
    return None if phones is None else Recording(path.stem, mono, phones)


def prompts(folder: Path, texts: Path, limit: int) -> list[Recording]:
    """G.722 prompts with their words, every n-th so that `limit` remain; ffmpeg decodes them.

    texts: lines of `name: words`, also gzipped, as Debian's asterisk-core-sounds-en brings them.
    """
    raw_text = texts.read_bytes()
    lines = (gzip.decompress(raw_text) if texts.suffix == ".gz" else raw_text).decode()
    known = []
    for line in lines.splitlines():
        name, colon, text = line.partition(":")
        path = folder / f"{name.strip()}.g722"
        words = plain_words(text)
        # Notes in brackets and digits are not said as they are written.
        plain = colon and line[0] not in ";#" and not re.search(r"[\[<(0-9]", text)
        if plain and path.exists() and len(words.split()) >= 3:
            known.append((path, words))
    found = []
    for path, words in known[:: max(len(known) // limit, 1)][:limit]:
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-ar", str(RATE), "-ac", "1"]
        raw = subprocess.run([*command, "-f", "s16le", "-"], check=True, capture_output=True).stdout
        samples = np.frombuffer(raw, "<i2").astype(np.float32) / 32768
        phones = aligned(samples, words)
        if phones is not None:
            found.append(Recording(path.stem, samples, phones))
    return found


def joined(parts: list[Recording], name: str, pause: float = 0.3) -> Recording:
    """Some recordings one after another with pauses in between."""
    gap = round(pause * RATE)
    at, sounds, rows = 0, [], []
    for part in parts:
        moved = part.phones.copy()
        moved[:, :2] += at / RATE
        rows.append(moved)
        sounds += [part.samples, np.zeros(gap, np.float32)]
        at += len(part.samples) + gap
    return Recording(name, np.concatenate(sounds), np.concatenate(rows))
