# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core voice FILE --out curves.csv`: a voice as curves in a file."""

import csv
import io
import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime as ort

from inference_core.protocol.controls import VISEMES
from inference_core.protocol.face_shapes import ARKIT

from .audio_file import read_audio
from .audio_resample import to_mono_16k
from .pack import VOICE, Pack
from .phones import PHONES
from .rig_curves import arkit_of, cues_of
from .sparse_keys import AMOUNT, sparse_keys
from .voice import Heard, at_frames, hear

FORMATS = {".json": "json", ".tsv": "rhubarb", ".txt": "rhubarb"}


def as_csv(heard: Heard, fps: Fraction, gain: float) -> str:
    """One row per frame: frame, time in seconds, 52 ARKit shapes, 15 visemes, loudness."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["frame", "time", *ARKIT, *(f"viseme_{name}" for name in VISEMES), "loudness"])
    visemes, shapes, loudness = _sampled(heard, fps, gain)
    for frame, row in enumerate(np.hstack([shapes, visemes, loudness[:, None]])):
        writer.writerow([frame, f"{float(frame / fps):.4f}", *(f"{value:.4g}" for value in row)])
    return file.getvalue()


def as_json(heard: Heard, fps: Fraction, gain: float) -> str:
    """The same as lists per curve and as few keys, with the phones (seconds) and the mouth cues.

    A key is a frame, a value and a slope per frame, as in `sparse_keys`.
    """
    visemes, shapes, loudness = _sampled(heard, fps, gain)

    def curves(names: tuple[str, ...], table: np.ndarray) -> dict[str, list[float]]:
        return {
            name: [round(float(v), 4) for v in column]
            for name, column in zip(names, table.T, strict=True)
        }

    def keys(names: tuple[str, ...], table: np.ndarray) -> dict[str, list[list[float]]]:
        return {
            name: [[k.frame, round(k.value, 4), round(k.slope, 5)] for k in sparse_keys(c, AMOUNT)]
            for name, c in zip(names, table.T, strict=True)
        }

    return json.dumps(
        {
            "fps": float(fps),
            "frames": len(visemes),
            "arkit": curves(ARKIT, shapes),
            "visemes": curves(VISEMES, visemes),
            "keys": {"arkit": keys(ARKIT, shapes), "visemes": keys(VISEMES, visemes)},
            "loudness": [round(float(v), 4) for v in loudness],
            "phones": [
                {"start": round(s, 3), "end": round(e, 3), "phone": PHONES[int(i)]}
                for s, e, i in heard.phones.tolist()
            ],
            "mouthCues": [
                {"start": round(c.start, 2), "end": round(c.end, 2), "value": c.shape}
                for c in cues_of(heard.phones)
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def as_rhubarb(heard: Heard) -> str:
    """Mouth cues as Rhubarb Lip Sync's TSV: a time and a shape per line, closed at the end."""
    cues = cues_of(heard.phones)
    lines = [f"{cue.start:.2f}\t{cue.shape}" for cue in cues]
    return "\n".join([*lines, f"{cues[-1].end if cues else 0:.2f}\tX"]) + "\n"


def _sampled(heard: Heard, fps: Fraction, gain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames = int(np.ceil(len(heard.content) / 50 * fps))
    visemes = at_frames(heard.content, fps, frames)
    return visemes, arkit_of(visemes, gain), at_frames(heard.loudness, fps, frames)


def write_curves(
    file: Path,
    out: Path,
    form: str | None,
    fps: Fraction,
    gain: float,
    pack: Path,
    network: Path | None = None,
    threads: int | None = None,
) -> int:
    """Hear `file` and write `out`; returns its number of rows or cues.

    The format is `form`, else what the suffix of `out` says, else CSV. SpeakError of audio files
    and packs.
    """
    samples, rate = read_audio(file)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0
    if network is None:
        session = Pack(pack, threads).session(VOICE)
    else:
        session = ort.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
    heard = hear(session, to_mono_16k(samples, rate))
    form = form or FORMATS.get(out.suffix.lower(), "csv")
    if form == "rhubarb":
        text, count = as_rhubarb(heard), len(cues_of(heard.phones))
    else:
        text = as_json(heard, fps, gain) if form == "json" else as_csv(heard, fps, gain)
        count = int(np.ceil(len(heard.content) / 50 * fps))
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, out)
    return count
