# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside of an environment with `pylipsync`: samples -> visemes, and what hearing them took.

Imports nothing of this project. pyLipSync is a port of uLipSync, as game engines use it: spectra
compared with those of five vowels and of silence.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from pylipsync import PhonemeAnalyzer

# Its names and the phone of our inventory that shows the same viseme.
PHONES = {"aa": "a", "ee": "e", "ih": "i", "oh": "o", "ou": "u", "silence": "sil"}
RATE, FPS = 16_000, 50


def main(path: str) -> None:
    """Print {cpu, wall: seconds, megabytes, phones [k] of start, end, name} for samples [n]."""
    samples = np.load(path, allow_pickle=False)
    analyzer = PhonemeAnalyzer()
    analyzer.extract_phoneme_segments(samples[: RATE * 2], RATE, fps=FPS)  # compiles at first use
    cpu, wall = time.process_time(), time.monotonic()
    found = analyzer.extract_phoneme_segments(samples, RATE, fps=FPS, return_seconds=True)
    told = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}
    line = next(
        x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")
    )
    phones = [[s.start, s.end, PHONES[s.dominant_phoneme.name]] for s in found]
    print(json.dumps({**told, "megabytes": int(line.split()[1]) / 1024, "phones": phones}))


if __name__ == "__main__":
    main(sys.argv[1])
