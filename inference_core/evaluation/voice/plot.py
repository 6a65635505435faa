# SPDX-License-Identifier: GPL-3.0-or-later
"""The waveform over phones, the opening of the lips and its keys, as a picture."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference_core.protocol.face_shapes import ARKIT
from inference_core.runtime.audio_resample import RATE
from inference_core.runtime.mouth import PP
from inference_core.runtime.phones import PHONES, VISEME_INDEX
from inference_core.runtime.rig_curves import arkit_of
from inference_core.runtime.sparse_keys import AMOUNT, sparse_keys
from inference_core.runtime.voice import CONTENT_RATE, Heard

PER_SECOND = 220  # pixels
LONGEST = 20.0  # seconds that are drawn
WAVE, HEARD, JUDGED, TOP, BOTTOM = 70, 140, 170, 215, 400
# Pillow's own font has no phonetic letters; these stand for them, as in X-SAMPA.
_LETTERS = {
    "θ": "T", "ð": "D", "ɡ": "g", "ŋ": "N", "tʃ": "tS", "dʒ": "dZ", "ʃ": "S", "ʒ": "Z", "ɹ": "r\\",
    "ɜ": "3", "ɪ": "I", "ɨ": "1", "ø": "2", "ɛ": "E", "ə": "@", "æ": "{", "ɑ": "A", "ʌ": "V",
    "ɔ": "O", "ʊ": "U", "sil": "",
}  # fmt: skip


def plot(
    samples: NDArray[np.float32],
    heard: Heard,
    judge: NDArray[np.float64] | None,
    path: Path,
    seen: NDArray[np.float64] | None = None,
    seen_rate: float = 25.0,
) -> int:
    """Write `path` (PNG); returns the number of keys of the lips' opening.

    The wave, heard phones above judged ones (p, b, m in red), the opening that is asked for in
    green with its keys, and in blue the opening seen in finished frames, `seen` [t] in 0..1.
    """
    seconds = min(len(samples) / RATE, LONGEST)
    width = max(int(seconds * PER_SECOND), 300)
    image = Image.new("RGB", (width, BOTTOM + 30), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(11)
    peak = max(float(np.abs(samples).max()), 1e-6)
    for x in range(width):
        part = samples[int(x / PER_SECOND * RATE) : int((x + 1) / PER_SECOND * RATE)]
        if len(part):
            low, high = float(part.min()) / peak, float(part.max()) / peak
            draw.line([(x, WAVE - 60 * high), (x, WAVE - 60 * low)], "#4060a0")
    for top, phones in ((HEARD, heard.phones), (JUDGED, judge)):
        for start, end, index in phones if phones is not None else ():
            name = PHONES[int(index)]
            shut = VISEME_INDEX[int(index)] == PP
            left, right = start * PER_SECOND, max(end * PER_SECOND - 2, start * PER_SECOND)
            colour = "#f0a0a0" if shut else "#e8e8e8" if name != "sil" else "white"
            draw.rectangle([left, top, right, top + 24], colour)
            draw.text((left + 2, top + 6), _LETTERS.get(name, name), "black", font)
            if shut and top == JUDGED:
                draw.rectangle([left, TOP, right, BOTTOM], "#fdf0f0")
    opening = arkit_of(heard.content)[:, ARKIT.index("jawOpen")].astype(np.float64)
    keys = sparse_keys(opening, AMOUNT)

    def place(time: float, value: float) -> tuple[float, float]:
        return time * PER_SECOND, BOTTOM - (BOTTOM - TOP) * value / 0.7

    if seen is not None:
        draw.line([place(i / seen_rate, 0.6 * v) for i, v in enumerate(seen)], "#3060d0", 2)
    centre = (np.arange(len(opening)) + 0.5) / CONTENT_RATE
    draw.line([place(t, v) for t, v in zip(centre, opening, strict=True)], "#207020", 2)
    for key in keys:
        across, down = place(float(centre[key.frame]), key.value)
        draw.ellipse([across - 3, down - 3, across + 3, down + 3], "#d08000")
    words = "green: opening asked for, dots: its keys" + (
        "; blue: seen" if seen is not None else ""
    )
    draw.text((4, BOTTOM + 8), f"heard above, PocketSphinx below; {words}", "black", font)
    image.save(path)
    return len(keys)
