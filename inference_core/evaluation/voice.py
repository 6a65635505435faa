# SPDX-License-Identifier: GPL-3.0-or-later
"""What the voice encoder hears, beside PocketSphinx aligning the known words.

`python -m inference_core.evaluation.voice --speech FILE --words "..." [--prompts DIR --texts FILE]
--out FOLDER` writes `voice.md` (the table) and one plot per speech file. PocketSphinx (PyPI, its
English model is in the wheel) is the judge and no dependency of the product.
"""

import argparse
import gzip
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inference_core.protocol.face_shapes import ARKIT
from inference_core.runtime.audio_file import read_audio
from inference_core.runtime.audio_resample import to_mono_16k
from inference_core.runtime.mouth import PP, hard_labels
from inference_core.runtime.pack import DEFAULT, VOICE, Pack
from inference_core.runtime.phones import INDEX, PHONES, VISEME_INDEX, of_arpabet
from inference_core.runtime.rig_curves import arkit_of
from inference_core.runtime.sparse_keys import sparse_keys
from inference_core.runtime.voice import Heard, Session, hear

# How far a heard boundary may be from an aligned one to be the same.
SAME = 0.15


@dataclass(frozen=True, slots=True)
class Agreement:
    """One recording against its alignment; shares from 0 to 1, seconds."""

    frames: int
    phone_right: int
    viseme_right: int
    boundary_errors: list[float]
    lips: int  # aligned p, b, m
    lips_shut: int  # of them, with closed lips wanted within 60 ms
    falsely_shut: int  # frames of PP above 0.5 more than 100 ms from any aligned p, b, m
    not_lips: int


def aligned(samples: NDArray[np.float32], words: str) -> NDArray[np.float64] | None:
    """Phones [n, 3] of known words in speech [n] by PocketSphinx; None when they do not fit."""
    from pocketsphinx import Decoder

    decoder = Decoder(lm=None, loglevel="FATAL")
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    try:
        decoder.set_align_text(words)
        for second in (False, True):
            if second:
                decoder.set_alignment()
            decoder.start_utt()
            decoder.process_raw(pcm, full_utt=True)
            decoder.end_utt()
        found = decoder.get_alignment()
    except RuntimeError:
        return None
    rows: list[list[float]] = []
    for word in found or ():
        for phone in word:
            names = of_arpabet(phone.name) or ("sil",)
            start, end = phone.start / 100, (phone.start + phone.duration) / 100
            bounds = [start, end] if len(names) == 1 else [start, start + 0.55 * (end - start), end]
            for low, high, name in zip(bounds, bounds[1:], names, strict=False):
                rows.append([low, high, float(INDEX[name])])
    return np.array(rows) if rows else None


def compare(heard: Heard, judge: NDArray[np.float64]) -> Agreement:
    """Frames, boundaries and lip closures of `heard` against aligned phones [n, 3]."""
    count = len(heard.content)
    wanted, said = hard_labels(judge, count), hard_labels(heard.phones, count)
    counted = VISEME_INDEX[wanted] >= 0
    ours = heard.phones[1:, 0]
    errors = [float(np.abs(ours - time_).min()) for time_ in judge[1:, 0]] if len(ours) else []
    lips = judge[VISEME_INDEX[judge[:, 2].astype(int)] == PP]
    times = (np.arange(count) + 0.5) / 50
    near = np.zeros(count, bool)
    shut = 0
    for start, end, _ in lips:
        near |= (times > start - 0.1) & (times < end + 0.1)
        window = (times > start - 0.06) & (times < end + 0.06)
        shut += bool((heard.content[window, PP] > 0.9).any())
    return Agreement(
        int(counted.sum()),
        int((wanted == said).sum()),
        int((VISEME_INDEX[wanted] == VISEME_INDEX[said])[counted].sum()),
        [error for error in errors if error < SAME],
        len(lips),
        shut,
        int((heard.content[~near, PP] > 0.5).sum()),
        int((~near).sum()),
    )


def summed(parts: list[Agreement]) -> list[str]:
    """Cells of the table for some recordings together."""
    frames = max(sum(p.frames for p in parts), 1)
    lips = max(sum(p.lips for p in parts), 1)
    errors = [error for p in parts for error in p.boundary_errors]
    return [
        f"{frames / 50:.0f} s",
        f"{sum(p.phone_right for p in parts) / frames:.1%}",
        f"{sum(p.viseme_right for p in parts) / frames:.1%}",
        f"{np.median(errors) * 1000 if errors else float('nan'):.0f} ms",
        f"{sum(p.lips_shut for p in parts) / lips:.1%} of {sum(p.lips for p in parts)}",
        f"{sum(p.falsely_shut for p in parts) / max(sum(p.not_lips for p in parts), 1):.1%}",
    ]


def hard_cases(session: Session, speech: NDArray[np.float32]) -> dict[str, tuple[float, float]]:
    """Share of frames with a moving mouth, and viseme changes per second, per kind of sound."""
    rng = np.random.default_rng(0)
    time_ = np.arange(len(speech)) / 16_000
    chords = sum(np.sin(2 * np.pi * f * time_) for f in (220, 277.2, 329.6, 440))
    beat = np.exp(-8 * (time_ % 0.5))
    noise = rng.normal(0, 1, len(speech)).astype(np.float32)
    spectrum = np.fft.rfft(noise)
    brown = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 50), len(speech))
    fast = np.interp(np.arange(0, len(speech), 2), np.arange(len(speech)), speech)
    child = np.interp(np.arange(0, len(speech), 1.3), np.arange(len(speech)), speech)
    cases = {
        "the speech itself": speech,
        "silence": np.zeros_like(speech),
        "white noise": noise,
        "low noise": brown,
        "music (chords on a beat)": chords * beat,
        "2x speed (pitch raised with it)": fast,
        "a child's pitch (1.3x)": child,
        "a shout (clipped)": np.tanh(speech * 12),
        "speech, white noise at 10 dB": speech + noise * speech.std() * 10**-0.5,
    }
    result = {}
    for name, sound in cases.items():
        loud = sound / max(float(np.abs(sound).max()), 1e-9) * (0.7 if name != "silence" else 0)
        heard = hear(session, loud.astype(np.float32))
        moving = float((heard.content[:, 0] < 0.5).mean())
        result[name] = moving, (len(heard.phones) - 1) / (len(sound) / 16_000)
    return result


def plot(
    samples: NDArray[np.float32], heard: Heard, judge: NDArray[np.float64] | None, path: Path
) -> int:
    """Waveform over phones, lip opening and its keys as PNG; returns the number of keys."""
    scale = len(heard.content)
    width = min(max(scale * 4, 400), 6000)
    image = Image.new("RGB", (width, 360), "white")
    draw = ImageDraw.Draw(image)
    step = max(len(samples) // width, 1)
    peak = max(float(np.abs(samples).max()), 1e-6)
    for x in range(width):
        part = samples[x * step : (x + 1) * step]
        if len(part):
            low, high = float(part.min()) / peak, float(part.max()) / peak
            draw.line([(x, 70 - 60 * high), (x, 70 - 60 * low)], "#4060a0")
    per_second = width / (scale / 50)
    for y, phones in ((140, heard.phones), (170, judge)):
        for start, end, index in phones if phones is not None else ():
            name = PHONES[int(index)]
            shut = VISEME_INDEX[int(index)] == PP
            box = [start * per_second, y, max(end * per_second - 1, start * per_second), y + 24]
            draw.rectangle(box, "#f0a0a0" if shut else "#e8e8e8" if name != "sil" else "white")
            draw.text((start * per_second + 1, y + 6), name if name != "sil" else "", "black")
    opening = arkit_of(heard.content)[:, ARKIT.index("jawOpen")].astype(np.float64)
    keys = sparse_keys(opening, 0.02)
    points = [((i + 0.5) / 50 * per_second, 350 - 220 * v) for i, v in enumerate(opening)]
    draw.line(points, "#207020", 2)
    for key in keys:
        across, down = (key.frame + 0.5) / 50 * per_second, 350 - 220 * key.value
        draw.ellipse([across - 3, down - 3, across + 3, down + 3], "#d08000")
    image.save(path)
    return len(keys)


def _prompts(folder: Path, texts: Path, limit: int) -> list[tuple[str, NDArray[np.float32], str]]:
    """G.722 prompts with their words, every n-th so that `limit` remain; ffmpeg decodes them."""
    raw_text = texts.read_bytes()
    text_lines = (gzip.decompress(raw_text) if texts.suffix == ".gz" else raw_text).decode()
    lines = [x.split(":", 1) for x in text_lines.splitlines() if ":" in x and x[0] not in ";#"]
    known = []
    for name, text in lines:
        path = folder / f"{name.strip()}.g722"
        spoken = re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split()
        if path.exists() and len(spoken) >= 3 and not re.search(r"[\[<(0-9]", text):
            known.append((path, " ".join(spoken)))
    found = []
    for path, words in known[:: max(len(known) // limit, 1)][:limit]:
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-ar", "16000", "-ac", "1"]
        raw = subprocess.run([*command, "-f", "s16le", "-"], check=True, capture_output=True).stdout
        found.append((path.stem, np.frombuffer(raw, "<i2").astype(np.float32) / 32768, words))
    return found


def evaluate(
    session: Session,
    speech: Path,
    words: str,
    out: Path,
    prompts: Path | None = None,
    texts: Path | None = None,
    limit: int = 60,
) -> str:
    """The table as Markdown, also written to `out`/voice.md with plots beside it."""
    out.mkdir(parents=True, exist_ok=True)
    samples, rate = read_audio(speech)
    mono = to_mono_16k(samples, rate)
    begin = time.process_time()
    heard = hear(session, mono)
    own = time.process_time() - begin
    begin = time.process_time()
    judge = aligned(mono, words)
    judged = time.process_time() - begin
    keys = plot(mono, heard, judge, out / f"{speech.stem}.png")
    rows = []
    if judge is not None:
        rows.append([speech.stem, *summed([compare(heard, judge)])])
    parts = []
    for name, sound, text in _prompts(prompts, texts, limit) if prompts and texts else ():
        alignment = aligned(sound, text)
        if alignment is not None:
            answer = hear(session, sound)
            parts.append(compare(answer, alignment))
            if len(parts) == 1:
                plot(sound, answer, alignment, out / f"prompt_{name}.png")
    if parts:
        rows.append([f"{len(parts)} prompts", *summed(parts)])
    head = ["on", "length", "phone frames", "viseme frames", "boundary error, median",
            "p b m shut within 60 ms (content)", "shut elsewhere"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    seconds = len(mono) / 16_000
    lines += ["", f"CPU time for {seconds:.0f} s: ours {own:.2f} s, PocketSphinx {judged:.2f} s; "
              f"{keys} keys for {len(heard.content)} frames of lip opening.", "",
              "| sound | frames with a moving mouth | phones per second |",
              "|---|---|---|"]  # fmt: skip
    for name, (moving, pace) in hard_cases(session, mono).items():
        lines.append(f"| {name} | {moving:.0%} | {pace:.1f} |")
    text = "\n".join(lines) + "\n"
    (out / "voice.md").write_text(text, encoding="utf-8")
    return text


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--words", required=True, help="what is said in it")
    parser.add_argument("--prompts", type=Path, help="folder of G.722 prompts")
    parser.add_argument("--texts", type=Path, help="their transcripts, `name: words` a line")
    parser.add_argument("--limit", type=int, default=60, help="prompts at most")
    parser.add_argument("--pack", type=Path, default=DEFAULT)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    session = Pack(options.pack, 1).session(VOICE)
    print(evaluate(session, options.speech, options.words, options.out, options.prompts,
                   options.texts, options.limit))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
