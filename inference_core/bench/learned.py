# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics by networks of others: LPIPS, FID, CSIM and SyncNet's LSE. Each needs a file.

Where it is not there, `UnavailableError` says which; never is another number given instead.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from . import weights
from .frechet import frechet
from .weights import UnavailableError, path_of

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

LEAST_FOR_FID = 50  # frames; below, the figure is more about their number than about them
FACE_SIDE = 112
# Where ArcFace wants eyes, nose and mouth corners in its 112 x 112 picture (Deng et al. 2019).
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
_FIVE = ((33, 133), (362, 263), (1, 1), (61, 61), (291, 291))  # pairs of which the middle is taken


@contextmanager
def _hub(path: Path) -> Iterator[None]:
    """Lets torch's hub find a file that the user has, so that nothing is fetched."""
    import torch

    before = torch.hub.get_dir()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "checkpoints").mkdir()
        (Path(folder) / "checkpoints" / path.name).symlink_to(path.resolve())
        torch.hub.set_dir(folder)
        try:
            yield
        finally:
            torch.hub.set_dir(before)


def lpips(one: Bytes, other: Bytes, folder: Path | None) -> list[float]:
    """LPIPS, AlexNet, version 0.1, RGB in -1..1, per frame (Zhang et al. 2018)."""
    file = path_of(weights.LPIPS, folder)
    package = _package("lpips")
    import torch

    with _hub(file):
        network = package.LPIPS(net="alex", version="0.1", verbose=False).eval()
    result = []
    with torch.no_grad():
        for a, b in zip(one, other, strict=True):
            pair = [torch.from_numpy(x.transpose(2, 0, 1)[None] / np.float32(127.5) - 1)
                    for x in (a, b)]  # fmt: skip
            result.append(float(network(*pair)))
    return result


def fid(one: Bytes, other: Bytes, folder: Path | None) -> float:
    """FID over the frames of two clips: pool3 of the Inception of pytorch-fid (Heusel 2017)."""
    file = path_of(weights.FID, folder)
    package = _package("pytorch_fid.inception", "pytorch-fid")
    if min(len(one), len(other)) < LEAST_FOR_FID:
        raise UnavailableError(f"unavailable (needs at least {LEAST_FOR_FID} frames a side)")
    import torch

    with _hub(file):
        network = package.InceptionV3([3]).eval()
    clouds = []
    with torch.no_grad():
        for clip in (one, other):
            parts = [
                network(torch.from_numpy(part.transpose(0, 3, 1, 2) / np.float32(255)))[0]
                for part in np.array_split(clip, max(1, len(clip) // 16))
            ]
            clouds.append(torch.cat(parts)[:, :, 0, 0].numpy())
    return frechet(*clouds)


def csim(pictures: Bytes, points: Doubles, target: Bytes, target_points: Doubles,
         folder: Path | None) -> list[float]:  # fmt: skip
    """CSIM: cosine of ArcFace's codes of each frame and of one picture of the person.

    `points` [n, 478, 3], `target_points` [478, 3]: the judge's landmarks. NaN without a face.
    """
    import onnxruntime

    file = path_of(weights.CSIM, folder)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def code(picture: Bytes, found: Doubles) -> Doubles | None:
        if not np.isfinite(found).all():
            return None
        face = aligned(picture, found).astype(np.float32)
        (values,) = session.run(None, {name: ((face - 127.5) / 127.5).transpose(2, 0, 1)[None]})
        unit: Doubles = values[0] / np.linalg.norm(values[0])
        return unit

    wanted = code(target, target_points)
    codes = [code(picture, found) for picture, found in zip(pictures, points, strict=True)]
    return [float("nan") if one is None or wanted is None else float(one @ wanted) for one in codes]


def aligned(picture: Bytes, found: Doubles) -> Bytes:
    """The face as ArcFace wants it [112, 112, 3]: the similarity that fits five landmarks."""
    from skimage.transform import SimilarityTransform

    source = np.array([(found[a, :2] + found[b, :2]) / 2 for a, b in _FIVE])
    fit = SimilarityTransform.from_estimate(_TEMPLATE, source)
    (a, b, c), (d, e, f) = fit.params[:2]
    turned = Image.fromarray(picture).transform(
        (FACE_SIDE, FACE_SIDE), Image.Transform.AFFINE, (a, b, c, d, e, f),
        Image.Resampling.BILINEAR,
    )  # fmt: skip
    return np.asarray(turned)


def _package(name: str, wheel: str = "") -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise UnavailableError(f"unavailable (needs the Python package {wheel or name})") from None
