# SPDX-License-Identifier: GPL-3.0-or-later
"""Which emotion a face shows: a linear classifier over the judge's landmarks.

It had no part in training SPEAK. It is told how the same person looks at rest, because at rest one
person looks angry and another sad; what counts is how the landmarks moved from there.

python -m inference_core.evaluation.emotion_witness --faces FILE.npz --unseen FILE.npz --judge DIR
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .judge import Judge
from .witnesses import CLASSES, FOLDER, looked_at, merged_facts

FILE = "emotion.npz"
SEEN_SIDE = 256  # the judge sees what the witnesses look at, enlarged to this
PARTS = 80  # principal directions of movement that the classifier sees
_SHRINK = 0.01  # of the covariance towards a sphere (Friedman 1989)

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]


def enlarged(faces: Bytes) -> Bytes:
    """Faces [n, 64, 64, 3] as the judge sees them."""
    size = (SEEN_SIDE, SEEN_SIDE)
    return np.stack(
        [np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BICUBIC)) for f in faces]
    )


def shapes(points: Doubles, model: Doubles) -> Doubles:
    """Landmarks [n, 478, 3] turned, moved and scaled onto `model` [478, 3], flattened [n, 1434].

    Orthogonal Procrustes (Schoenemann 1966) with scale; rows of faces that were not found are NaN.
    """
    b = model - model.mean(0)
    result = np.full((len(points), b.size), np.nan)
    for row, found in zip(result, points, strict=True):
        if np.isfinite(found).all():
            a = found - found.mean(0)
            u, s, vt = np.linalg.svd(a.T @ b)
            sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
            row[:] = (a @ (u * sign) @ vt * (s @ sign) / (a * a).sum()).ravel() / np.sqrt(
                (b * b).sum()
            )
    return result


class EmotionWitness:
    """The classifier with its judge."""

    def __init__(self, judge: Judge, folder: Path = FOLDER) -> None:
        """OSError when its file is not there."""
        self._judge = judge
        with np.load(folder / FILE, allow_pickle=False) as archive:
            self._fit = {name: archive[name].astype(np.float64) for name in archive.files}

    def shown(self, crops: Bytes, rest: Bytes) -> Doubles:
        """Probability of each of CLASSES [n, 8] for canonical crops [n, S, S, 3] of a person who at
        rest looks as in the crop `rest`; NaN where no face is seen.
        """
        small = np.stack([looked_at(crop) for crop in (rest, *crops)])
        found = shapes(self._judge.look(enlarged(small)).points, self._fit["model"])
        return probabilities(found[1:] - found[0], self._fit)


def probabilities(moved: Doubles, fit: dict[str, Doubles]) -> Doubles:
    """Classes [n, 8] of movements [n, 1434] from rest."""
    scores = moved @ fit["weights"] + fit["bias"]
    scores = np.exp(scores - scores.max(1, keepdims=True))
    answer: Doubles = scores / scores.sum(1, keepdims=True)
    return answer


def movements(found: Doubles, labels: npt.NDArray[Any], people: npt.NDArray[Any]) -> Doubles:
    """Each face [n, 1434] minus another picture of the same person at rest (in another light)."""
    moved = np.full_like(found, np.nan)
    for k in range(len(found)):
        rest = np.flatnonzero((people == people[k]) & (labels == 0))
        # Pictures of a person come in blocks of one light; the next block's rest face is taken.
        later = rest[rest > k]
        moved[k] = found[k] - found[later[0] if len(later) else rest[0]]
    return moved


def fit_classes(moved: Doubles, labels: npt.NDArray[Any]) -> dict[str, Doubles]:
    """Weights [1434, 8] and bias [8] of a shrunk linear discriminant on principal directions."""
    there = np.isfinite(moved).all(1)
    x, y = moved[there], labels[there]
    _, _, vt = np.linalg.svd(x - x.mean(0), full_matrices=False)
    basis = vt[:PARTS].T
    z = x @ basis
    centres = np.stack([z[y == k].mean(0) for k in range(len(CLASSES))])
    spread = np.cov((z - centres[y]).T)
    ball = np.eye(PARTS) * np.trace(spread) / PARTS
    spread = (1 - _SHRINK) * spread + _SHRINK * ball
    inverse = np.linalg.inv(spread)
    return {
        "weights": basis @ inverse @ centres.T,
        "bias": -0.5 * np.einsum("ki,ij,kj->k", centres, inverse, centres),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="of training people")
    parser.add_argument("--unseen", type=Path, required=True, help="of people never trained on")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=3840, help="pictures at most")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    judge = Judge(options.judge)
    sets = []
    for path in (options.faces, options.unseen):
        with np.load(path, allow_pickle=False) as archive:
            kept = {name: archive[name][: options.limit] for name in archive.files}
        sets.append((judge.look(enlarged(kept["pictures"])).points, kept["labels"], kept["people"]))
    train, unseen = sets
    model = np.nanmean(train[0], 0)
    fit = fit_classes(movements(shapes(train[0], model), *train[1:]), train[1])
    fit["model"] = model
    moved = movements(shapes(unseen[0], model), *unseen[1:])
    there = np.isfinite(moved).all(1)
    right = probabilities(moved[there], fit).argmax(1) == unseen[1][there]
    each = {c: round(float(right[unseen[1][there] == k].mean()), 3) for k, c in enumerate(CLASSES)}
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out / FILE, **{k: v.astype(np.float32) for k, v in fit.items()})
    found = {"accuracy": round(float(right.mean()), 3), "per_class": each, "faces": len(right),
             "trained_on": int(np.isfinite(train[0][:, 0, 0]).sum())}  # fmt: skip
    merged_facts(options.out, {"emotion": found})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
