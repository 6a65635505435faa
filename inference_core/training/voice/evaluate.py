# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of a finished voice encoder, heard the way the product hears: through the runtime.

`python -m inference_core.training.voice.evaluate --network voice.onnx --corpus FOLDER` prints the
scores on voices and a language that were never trained on, what it makes of silence and noise,
and its speed on one thread.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference_core.runtime.phones import PHONES
from inference_core.runtime.voice import QUIETEST, content_of, posteriors_of, speech_level
from inference_core.training.voice.batches import Corpus
from inference_core.training.voice.score import score


def open_network(path: Path) -> ort.InferenceSession:
    """The network on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def times_real_time(network: ort.InferenceSession, samples: NDArray[np.float32]) -> float:
    """Seconds of speech per second of work."""
    content_of(network, samples[: 16_000 * 5])
    begin = time.process_time()
    content_of(network, samples)
    return len(samples) / 16_000 / (time.process_time() - begin)


def chatter(network: ort.InferenceSession, speech: NDArray[np.float32]) -> dict[str, float]:
    """Mean of what is not `sil` while nobody talks: each noise 20 dB below one sentence."""
    rng = np.random.default_rng(0)
    count = 10 * 16_000
    time_ = np.arange(count) / 16_000
    chord = sum(np.sin(2 * np.pi * f * time_) for f in (220, 277.2, 329.6, 440))
    brown = np.cumsum(rng.normal(0, 1, count))
    brown -= np.convolve(brown, np.ones(801) / 801, "same")
    noises = {
        "white noise": rng.normal(0, 1, count),
        "low noise": brown,
        "hum": np.sin(2 * np.pi * 50 * time_) + 0.5 * np.sin(2 * np.pi * 150 * time_),
        "chord": np.asarray(chord),
    }
    found = {}
    for name, noise in noises.items():
        quiet = noise / noise.std() * 0.01
        sound = np.concatenate([speech * (0.1 / speech.std()), quiet]).astype(np.float32)
        content, _ = content_of(network, sound)
        found[name] = float(1 - content[len(speech) // 320 + 25 :, 0].mean())
    return found


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    options = parser.parse_args(argv)
    network = open_network(options.network)

    def listen(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        level = max(speech_level(samples), QUIETEST)
        return posteriors_of(network, samples, level)[: len(samples) // 320]

    for part in ("unseen_voice", "unseen_language"):
        corpus = Corpus(options.corpus, part)
        result = score(listen, corpus)
        print(f"{part}: {result.frames} frames, {result.line()}")
        of = result.confusion.sum(1)
        shares = result.confusion.diagonal() / np.maximum(of, 1)
        print("  " + " ".join(f"{n} {s:.2f}" for n, s in zip(PHONES, shares, strict=True)))
    corpus = Corpus(options.corpus, "unseen_voice")
    speech = corpus.samples(corpus.said[0])
    minute = np.concatenate([corpus.samples(said) for said in corpus.said])[: 60 * 16_000]
    print(f"speed: {times_real_time(network, minute):.0f} times real time on one thread")
    for name, share in chatter(network, speech).items():
        print(f"mouth moved by {name}: {share:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
