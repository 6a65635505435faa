# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the avatar bank (VALID, MIT licence) from the three archives that hold it."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

GEOMETRY_SCALE = 20000.0  # geo.npz stores positions as integers of 1/20000 metre

# Texture coordinates (u, v) of the landmarks; all avatars share one layout, mirrored at u = 0.327.
_MIRROR = 0.654
_BROW = [(0.213, 0.197), (0.240, 0.180), (0.262, 0.179), (0.300, 0.187)]
_EYE = [(0.243, 0.218), (0.262, 0.2135), (0.284, 0.216), (0.262, 0.219)]
_NOSE = [(0.327, v) for v in (0.215, 0.24, 0.262, 0.285, 0.302)] + [(0.290, 0.292), (0.364, 0.292)]
_MOUTH = [(0.266, 0.357), (0.300, 0.337), (0.327, 0.338), (0.354, 0.337), (0.388, 0.357)]
_MOUTH += [(0.354, 0.385), (0.327, 0.388), (0.300, 0.385)]
_INNER = [(0.281, 0.3585), (0.327, 0.3565), (0.372, 0.3585), (0.327, 0.367)]
_CHIN = [(0.327, 0.430), (0.280, 0.432), (0.374, 0.432)]
LANDMARK_UV = (
    _BROW
    + [(_MIRROR - u, v) for u, v in _BROW[::-1]]
    + _EYE
    + [(_MIRROR - u, v) for u, v in _EYE]
    + _NOSE
    + _MOUTH
    + _INNER
    + _CHIN
)
EYE_A, EYE_B, NOSE_TIP, CORNER_A, CORNER_B, CHIN = slice(8, 12), slice(12, 16), 19, 23, 27, 35


@dataclass(frozen=True)
class Wig:
    """Hair as its own mesh. vertices [n,3] metres, uv [n,2], faces [f,3]."""

    vertices: np.ndarray
    uv: np.ndarray
    faces: np.ndarray


class AvatarBank:
    """All avatars: shared topology, per-avatar rest shapes, per-person expression offsets.

    Attributes: ids (avatar names ETHNICITY_SEX_NUMBER_OUTFIT), vertices [avatars,v,3] metres,
    faces [f,3], uv [v,2], material [v], head_weight and neck_weight [v] (skinning), joints
    [avatars,4,3] (head, neck, eye at x > 0, eye at x < 0), parts [7,2] (vertex ranges),
    shape_names (96: 65 of the face, then 31 of teeth and tongue), landmarks [38] (vertices).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "geo.npz").is_file():
            raise FileNotFoundError(
                f"{self.folder} has no geo.npz: training needs the avatar archives."
            )
        geometry = np.load(self.folder / "geo.npz")
        # Avatars are stored as differences from the first outfit of the same person.
        stored, first = geometry["Q"].astype(np.int32), geometry["first"]
        absolute = stored.copy()
        for i, k in enumerate(first):
            if k != i:
                absolute[i] += stored[k]
        self.vertices = ((absolute + geometry["mean"]) / GEOMETRY_SCALE).astype(np.float32)
        self.ids = [str(name) for name in geometry["ids"]]
        self.faces = geometry["F"].astype(np.int32)
        self.uv = geometry["UV"].astype(np.float32)
        self.material = geometry["MAT"].astype(np.float32)
        self.head_weight = geometry["WH"].astype(np.float32)
        self.neck_weight = geometry["WN"].astype(np.float32)
        self.joints = geometry["JP"].astype(np.float32)
        self.parts = geometry["parts"]
        self.shape_names = [str(n) for n in geometry["names"]] + [
            str(n) for n in geometry["tnames"]
        ]
        self.body_vertices = int(self.parts[0][1])
        uv = self.uv[: self.body_vertices]
        self.landmarks = np.array(
            [np.argmin(((uv - np.array(p, np.float32)) ** 2).sum(1)) for p in LANDMARK_UV]
        )
        self.offsets = self._load_offsets()
        self.wigs, self.wig_of = self._load_wigs()

    def people(self) -> list[str]:
        return sorted({person_of(name) for name in self.ids})

    def without(self, people: Collection[str]) -> AvatarBank:
        """The bank of everybody else: nothing may be measured on people whom it is judged by."""
        rows = [i for i, name in enumerate(self.ids) if person_of(name) not in people]
        rest = copy(self)
        rest.ids = [self.ids[i] for i in rows]
        rest.vertices, rest.joints = self.vertices[rows], self.joints[rows]
        rest.offsets = {p: o for p, o in self.offsets.items() if p not in people}
        return rest

    def _load_offsets(self) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
        """person -> for each shape (vertex indices [m], offsets [m,3] metres)."""
        archive = np.load(self.folder / "expr.npz")
        offsets = {}
        for person in sorted({key.split("|")[0] for key in archive.files}):
            counts, scale = archive[person + "|c"], archive[person + "|s"]
            index, delta = archive[person + "|i"].astype(np.int64), archive[person + "|d"]
            ends = np.r_[0, np.cumsum(counts)]
            offsets[person] = [
                (index[a:b], delta[a:b].astype(np.float32) * (scale[e] / 127))
                for e, (a, b) in enumerate(pairwise(ends))
            ]
        return offsets

    def _load_wigs(self) -> tuple[dict[str, Wig], dict[str, str]]:
        archive = np.load(self.folder / "wigs.npz")
        names = {key.split("|")[0] for key in archive.files if "|" in key}
        wigs = {
            name: Wig(
                archive[name + "|V"].astype(np.float32),
                archive[name + "|U"].astype(np.float32),
                archive[name + "|F"].astype(np.int32),
            )
            for name in sorted(names)
        }
        same = {name: name for name in wigs}
        if "ref" in archive.files:  # avatars that wear another avatar's wig mesh
            same = {str(a): str(b) for a, b in archive["ref"]}
        return wigs, same


def person_of(avatar: str) -> str:
    """'Black_F_2_Medi' -> 'Black_F_2': splits are by person, never by outfit."""
    return avatar.rsplit("_", 1)[0]
