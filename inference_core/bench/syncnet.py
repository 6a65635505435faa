# SPDX-License-Identifier: GPL-3.0-or-later
"""SyncNet (Chung and Zisserman 2016) as its published weights need it, for LSE-C and LSE-D.

25 frames per second, 16 kHz; five frames of 224 x 224 BGR in 0..255 against twenty MFCC frames. The
picture is used as it is, without a face crop: the convention of the LRS test scripts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dct

from . import weights
from .sound import REACH, sync_scores
from .weights import UnavailableError, path_of

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

FPS, RATE = 25, 16_000
SIDE = 224
FRAMES, STEPS = 5, 20  # of picture and sound that are looked at together
STEPS_PER_FRAME = 4
BATCH = 20


def scores(pictures: Bytes, sound: npt.ArrayLike, folder: Path | None) -> tuple[float, float, int]:
    """LSE-D, LSE-C and the offset of a clip at 25 frames per second with 16 kHz sound.

    UnavailableError without the weights; ValueError when the clip is too short.
    """
    import torch

    file = path_of(weights.SYNC, folder)
    network = build()
    try:
        network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # a file that is no weights can fail in any way
        raise UnavailableError(f"unavailable ({file.name} is not what it should be)") from error
    network.eval()
    small = [np.asarray(Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
             for p in pictures]  # fmt: skip
    clip = np.stack(small)[..., ::-1].astype(np.float32).transpose(3, 0, 1, 2)
    heard = mfcc(np.asarray(sound, np.float64) * 32768).T.astype(np.float32)
    last = min(len(pictures), len(np.asarray(sound)) // (RATE // FPS)) - FRAMES
    if last < 2 * FRAMES:
        raise ValueError("clips of at least fifteen frames")
    seen_codes, heard_codes = [], []
    with torch.no_grad():
        for first in range(0, last, BATCH):
            at = range(first, min(first + BATCH, last))
            seen = np.stack([clip[:, n : n + FRAMES] for n in at])
            starts = [n * STEPS_PER_FRAME for n in at]
            voice = np.stack([heard[None, :, n : n + STEPS] for n in starts])
            seen_codes.append(network.lips(torch.from_numpy(seen)).numpy())
            heard_codes.append(network.voice(torch.from_numpy(voice)).numpy())
    return sync_scores(distances(np.concatenate(seen_codes), np.concatenate(heard_codes)))


def distances(seen: npt.ArrayLike, heard: npt.ArrayLike) -> Doubles:
    """Distance of each frame's code to the sound's at shifts of -REACH to REACH [n, 2 REACH + 1];
    the sound is continued with zeros.
    """
    a, b = np.asarray(seen, np.float64), np.asarray(heard, np.float64)
    wide = np.pad(b, ((REACH, REACH), (0, 0)))
    shifts = [np.linalg.norm(a - wide[n : n + len(a)] + 1e-6, axis=1) for n in range(2 * REACH + 1)]
    return np.stack(shifts, 1)


def mfcc(samples: npt.ArrayLike) -> Doubles:
    """Thirteen MFCC [n, 13] of 16-bit samples at 16 kHz by the defaults of python_speech_features:
    25 ms every 10 ms, 512 points, 26 filters, liftered by 22, energy in the first place.
    """
    values = np.asarray(samples, np.float64)
    values = np.append(values[0], values[1:] - 0.97 * values[:-1])
    length, step, points, filters = 400, 160, 512, 26
    count = 1 + max(0, int(np.ceil((len(values) - length) / step)))
    padded = np.pad(values, (0, max(0, (count - 1) * step + length - len(values))))
    frames = np.stack([padded[n * step : n * step + length] for n in range(count)])
    power = np.square(np.abs(np.fft.rfft(frames, points))) / points
    tiny = np.finfo(float).eps
    energy = np.maximum(power.sum(1), tiny)
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), filters + 2)
    bins = np.floor((points + 1) * 700 * (10 ** (mel / 2595) - 1) / RATE)
    bank = np.zeros((filters, points // 2 + 1))
    for n in range(filters):
        left, middle, right = bins[n : n + 3].astype(int)
        bank[n, left:middle] = (np.arange(left, middle) - left) / max(middle - left, 1)
        bank[n, middle:right] = (right - np.arange(middle, right)) / max(right - middle, 1)
    features = np.maximum(power @ bank.T, tiny)
    result: Doubles = dct(np.log(features), type=2, axis=1, norm="ortho")[:, :13]
    result = result * (1 + 11 * np.sin(np.pi * np.arange(13) / 22))
    result[:, 0] = np.log(energy)
    return result


def build() -> Any:
    """The two towers with the parts named as in the published weights."""
    from torch import nn

    def layers(kind: Any, norm: Any, pool: Any, plan: list[tuple[Any, ...]]) -> Any:
        parts: list[Any] = []
        for inputs, outputs, kernel, stride, padding, pooling in plan:
            parts += [kind(inputs, outputs, kernel, stride, padding), norm(outputs), nn.ReLU()]
            if pooling:
                parts.append(pool(*pooling))
        return nn.Sequential(*parts)

    def head() -> Any:
        return nn.Sequential(
            nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024)
        )

    class SyncNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.netcnnaud = layers(nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, [
                (1, 64, (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1))),
                (64, 192, (3, 3), (1, 1), (1, 1), ((3, 3), (1, 2))),
                (192, 384, (3, 3), (1, 1), (1, 1), None),
                (384, 256, (3, 3), (1, 1), (1, 1), None),
                (256, 256, (3, 3), (1, 1), (1, 1), ((3, 3), (2, 2))),
                (256, 512, (5, 4), (1, 1), (0, 0), None),
            ])  # fmt: skip
            self.netfcaud = head()
            self.netfclip = head()
            one = (1, 1, 1)
            self.netcnnlip = layers(nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d, [
                (3, 96, (5, 7, 7), (1, 2, 2), 0, ((1, 3, 3), (1, 2, 2))),
                (96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1), ((1, 3, 3), (1, 2, 2), (0, 1, 1))),
                (256, 256, (1, 3, 3), one, (0, 1, 1), None),
                (256, 256, (1, 3, 3), one, (0, 1, 1), None),
                (256, 256, (1, 3, 3), one, (0, 1, 1), ((1, 3, 3), (1, 2, 2))),
                (256, 512, (1, 6, 6), one, 0, None),
            ])  # fmt: skip

        def lips(self, clip: Any) -> Any:
            """Codes [b, 1024] of pictures [b, 3, 5, 224, 224]."""
            return self.netfclip(self.netcnnlip(clip).flatten(1))

        def voice(self, steps: Any) -> Any:
            """Codes [b, 1024] of MFCC [b, 1, 13, 20]."""
            return self.netfcaud(self.netcnnaud(steps).flatten(1))

    return SyncNet()
