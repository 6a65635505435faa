# SPDX-License-Identifier: GPL-3.0-or-later
"""Two pictures of a finished shot: its frames over the waveform, and its curves.

    python scripts/sheets.py SHOT.json CONTACT.png CURVES.png

SHOT.json is what scripts/demo_in_blender.py writes: frame files, the voice as WAV, and the tracks
`asked` (what was generated), `auto` (what the core proposed) and `measured` (what was read back).
Needs numpy and Pillow.
"""

import itertools
import json
import math
import sys
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference_core.protocol import controls

Floats = npt.NDArray[np.float32]

PAPER, INK, FAINT = (250, 250, 248), (40, 42, 46), (205, 206, 204)
COLOURS = {"auto": (170, 172, 170), "asked": (36, 113, 190), "measured": (222, 96, 36)}
MEANING = {
    "auto": "auto: proposed from the voice",
    "asked": "asked: generated from this",
    "measured": "measured: read back from the frames",
}
MARGIN = 16
# Nothing in a finished frame tells these, so what is "measured" for them is only their default.
UNREADABLE = {"shift_x", "shift_y", "zoom", "lip_strength"}
# A control that changes by less than this part of its range has no panel.
STILL = 0.02


def text(draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, **how: Any) -> None:
    """Draw words in Pillow's own font; `size` and `fill` as keywords."""
    size = how.pop("size", 13)
    draw.text(at, words, font=ImageFont.load_default(size), fill=how.pop("fill", INK), **how)


def read_voice(path: Path) -> tuple[Floats, int]:
    """A 16-bit WAV as mono float32 [n] in -1..1 and its rate."""
    with wave.open(str(path)) as sound:
        rate, channels = sound.getframerate(), sound.getnchannels()
        data = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return (data.reshape(-1, channels).mean(1) / 32768).astype(np.float32), rate


def read_track(rows: Sequence[Sequence[float | None] | None]) -> Floats:
    """Rows of JSON as float32 [frames, 19]; what is null there is NaN here."""
    empty = [None] * controls.COUNT
    return np.asarray([[*(row or empty)] for row in rows], dtype=object).astype(np.float32)


def envelope(samples: Floats, columns: int) -> Floats:
    """The lowest and the highest sample of each column: float32 [columns, 2]."""
    edges = np.linspace(0, len(samples), columns + 1).astype(int)
    pairs = [
        (samples[a:b].min(), samples[a:b].max()) if b > a else (0.0, 0.0)
        for a, b in itertools.pairwise(edges)
    ]
    return np.asarray(pairs, np.float32)


def contact_sheet(
    frames: Sequence[Path],
    fps: float,
    samples: Floats,
    rate: int,
    columns: int = 8,
    side: int = 176,
) -> Image.Image:
    """Frames spread evenly over the shot, in rows, each row over its part of the waveform."""
    rows = 1 if len(frames) <= columns else 2
    shown = min(len(frames), columns * rows)
    chosen = [round((i + 0.5) * len(frames) / shown - 0.5) for i in range(shown)]
    wave_height, label = 64, 20
    row_height = side + label + wave_height + MARGIN
    width = columns * side + 2 * MARGIN
    sheet = Image.new("RGB", (width, rows * row_height + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    seconds = len(frames) / fps
    padded = np.zeros(max(len(samples), math.ceil(seconds * rate)), np.float32)
    padded[: len(samples)] = samples
    peak = float(np.abs(padded).max()) or 1.0
    for row in range(rows):
        top = MARGIN + row * row_height
        from_s, to_s = row * seconds / rows, (row + 1) * seconds / rows
        middle = top + side + label + wave_height // 2
        part = padded[int(from_s * rate) : int(to_s * rate)]
        for x, (low, high) in enumerate(envelope(part, columns * side)):
            ends = [(MARGIN + x, middle - high / peak * wave_height / 2)]
            ends.append((MARGIN + x, middle - low / peak * wave_height / 2))
            draw.line(ends, fill=COLOURS["asked"])
        for position, index in enumerate(chosen[row * columns : (row + 1) * columns]):
            with Image.open(frames[index]) as picture:
                small = picture.convert("RGB")
            small.thumbnail((side - 4, side - 4), Image.Resampling.LANCZOS)
            left = MARGIN + position * side
            sheet.paste(small, (left + (side - small.width) // 2, top))
            at = index / fps
            text(draw, (left + 4, top + side), f"frame {index}   {at:.2f} s")
            here = MARGIN + (at - from_s) / (to_s - from_s) * columns * side
            draw.line(
                [(here, middle - wave_height / 2), (here, middle + wave_height / 2)], fill=INK
            )
    return sheet


def worth_showing(tracks: dict[str, Floats]) -> list[controls.Control]:
    """The pose angles and every other control that changes."""
    chosen = []
    for index, control in enumerate(controls.CONTROLS):
        span = control.maximum - control.minimum
        moved = max(
            float(np.ptp(track[:, index])) / span
            for name, track in tracks.items()
            if name != "measured"
        )
        if control.unit == "degrees" or moved > STILL:
            chosen.append(control)
    return chosen


def curves_sheet(tracks: dict[str, Floats], fps: float, width: int = 1180) -> Image.Image:
    """One panel per control that moves; all tracks `float32 [frames, 19]` over each other."""
    shown = worth_showing(tracks)
    columns, height = 2, 130
    rows = math.ceil(len(shown) / columns)
    sheet = Image.new("RGB", (width, 44 + rows * height + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    x = float(MARGIN)
    for name, words in MEANING.items():
        if name in tracks:
            draw.line([(x, 22), (x + 26, 22)], fill=COLOURS[name], width=3)
            text(draw, (x + 32, 14), words)
            x += 330
    panel = (width - MARGIN) // columns
    for place, control in enumerate(shown):
        left = MARGIN + (place % columns) * panel
        top = 44 + (place // columns) * height
        box = (left + 46, top + 20, left + panel - MARGIN, top + height - 10)
        _panel(draw, box, control, tracks, fps)
    return sheet


def _panel(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    control: controls.Control,
    tracks: dict[str, Floats],
    fps: float,
) -> None:
    left, top, right, bottom = box
    index = controls.INDEX[control.name]
    if control.name in UNREADABLE:
        tracks = {name: track for name, track in tracks.items() if name != "measured"}
    values = np.concatenate([track[:, index] for track in tracks.values()])
    low = min(float(np.nanmin(values)), control.default)
    high = max(float(np.nanmax(values)), control.default)
    least = 0.1 * (control.maximum - control.minimum)
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    text(draw, (left, top - 18), f"{control.name} ({control.unit})")
    draw.rectangle(box, outline=FAINT)
    for value in (low, high):
        y = bottom - (value - low) / (high - low) * (bottom - top)
        text(draw, (left - 42, y - 8), f"{value:.3g}", size=11)
    count = len(next(iter(tracks.values())))
    for second in range(1, int(count / fps) + 1):
        x = left + second * fps / max(count - 1, 1) * (right - left)
        if x < right:
            draw.line([(x, top), (x, bottom)], fill=FAINT)
    for name, track in tracks.items():
        points = [
            (
                left + frame / max(count - 1, 1) * (right - left),
                bottom - (float(value) - low) / (high - low) * (bottom - top),
            )
            for frame, value in enumerate(track[:, index])
            if np.isfinite(value)
        ]
        draw.line(points, fill=COLOURS[name], width=4 if name == "asked" else 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw both sheets from a shot's description."""
    source, contact, curves = (Path(item) for item in (arguments or sys.argv[1:]))
    shot = json.loads(source.read_text("utf-8"))
    fps = float(shot["fps"])
    samples, rate = read_voice(Path(shot["voice"]))
    contact_sheet([Path(item) for item in shot["frames"]], fps, samples, rate).save(contact)
    tracks = {name: read_track(shot["tracks"][name]) for name in MEANING}
    curves_sheet(tracks, fps).save(curves)
    return 0


if __name__ == "__main__":
    sys.exit(main())
