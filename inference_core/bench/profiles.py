# SPDX-License-Identifier: GPL-3.0-or-later
"""The conventions that a number depends on, with a name each, printed beside the number.

The same two pictures have SSIM 0.64 or 0.76 by the window and colour alone, so a number without its
profile says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """`words`: what is done, metric by metric."""

    name: str
    origin: str
    words: dict[str, str]


_FRAMES = "frames paired by number over the shorter clip"
_FIRST = {
    "PSNR": "red, green and blue together, range 255, mean over frames of each frame's dB",
    "MS-SSIM": "grey, 5 scales by 2 x 2 means, Gaussian 11 / 1.5, valid pixels (Wang 2003)",
}

PROFILES: dict[str, Profile] = {
    "eat": Profile(
        "eat",
        "talking-head papers since EAT (2023): scikit-image's defaults",
        {
            **_FIRST,
            "SSIM": "scikit-image: uniform window 7, sample covariance, range 255, mean over RGB",
            "pairing": "frames paired by equal steps over both clips",
        },
    ),
    "wang": Profile(
        "wang",
        "picture quality: the authors' own code (Wang 2004)",
        {
            **_FIRST,
            "SSIM": "grey by MATLAB's rgb2gray, whole levels, Gaussian 11 / 1.5, valid pixels",
            "pairing": _FRAMES,
        },
    ),
    "torchmetrics": Profile(
        "torchmetrics",
        "torchmetrics 1.9.0, its functional interface at its defaults",
        {
            "PSNR": "range 1, squared error pooled over all frames before the logarithm",
            "SSIM": "Gaussian 11 / 1.5, range 1, mean over RGB and over the padded map",
            "MS-SSIM": "Gaussian 11 / 1.5, RGB, range 1, negative contrast set to 0",
            "pairing": _FRAMES,
        },
    ),
}
