# SPDX-License-Identifier: GPL-3.0-or-later
"""One person's head as a mesh that can be posed: shape mixing, expression, skinning, normals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from .assets import AvatarBank, person_of
from .rig import EXPRESSIONS, GAZE_PITCH, GAZE_YAW, rig_matrix

_GAZE_X, _GAZE_Y = EXPRESSIONS.index("gaze_x"), EXPRESSIONS.index("gaze_y")
WIG_MATERIAL = 7.0
_MIDDLE = 1 << 19  # of what a coordinate may be, in 1/20000 metre: 26 metres either way


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """float64 [3,3] for our controls in degrees (x image right, y up, z to the viewer).

    R = Ry(yaw) Rx(-pitch) Rz(-roll): + yaw to the image's right, + pitch up, + roll clockwise.
    """
    y, p, r = np.radians([yaw, -pitch, -roll])
    cy, sy, cp, sp, cr, sr = np.cos(y), np.sin(y), np.cos(p), np.sin(p), np.cos(r), np.sin(r)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def angles(matrix: np.ndarray) -> np.ndarray:
    """Inverse of `rotation`: degrees [3] (yaw, pitch, roll)."""
    pitch = np.arcsin(np.clip(matrix[1, 2], -1, 1))
    yaw = np.arctan2(matrix[0, 2], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[1, 1])
    return np.degrees([yaw, pitch, roll]) * [1, 1, -1] + 0.0


@dataclass(frozen=True)
class Identity:
    """Who: a mixture of avatars, whose texture and wig they wear, and a frozen resting mood."""

    shape: dict[str, float]
    texture: str
    texture_mix: tuple[str, float]
    wig: str | None
    resting: np.ndarray  # float32 [96] rig weights that never change: asymmetry, a habitual look


@dataclass(frozen=True)
class Posed:
    """vertices [n,3] metres, eyes: ((centre, forward), ...) for the shader, rotation [3,3]."""

    vertices: np.ndarray
    eyes: tuple[tuple[np.ndarray, np.ndarray], ...]
    rotation: np.ndarray


class Head:
    def __init__(self, bank: AvatarBank, identity: Identity) -> None:
        self.bank = bank
        self.identity = identity
        rows = [bank.ids.index(name) for name in identity.shape]
        weights = np.array(list(identity.shape.values()), np.float32)
        base = np.tensordot(weights, bank.vertices[rows], 1)
        self.joints = np.tensordot(weights, bank.joints[rows], 1)
        # Clothes come from the avatar that lends the texture; blend to its torso below the neck.
        lender = bank.ids.index(identity.texture)
        keep = np.clip(bank.head_weight * 1.5, 0, 1)[:, None]
        torso = bank.vertices[lender] + (self.joints[1] - bank.joints[lender][1])
        base = base * keep + torso * (1 - keep)
        self._expressions(base, weights)
        self._wig(base)
        self._topology()

    def _expressions(self, base: np.ndarray, weights: np.ndarray) -> None:
        """Offsets of each expression axis, and the resting look baked into the base."""
        bank = self.bank
        people: dict[str, float] = {}
        for name, weight in zip(self.identity.shape, weights, strict=True):
            person = person_of(name)
            people[person] = people.get(person, 0.0) + float(weight)
        matrix = rig_matrix(bank.shape_names)
        used = np.nonzero(np.abs(matrix).sum(0) + np.abs(self.identity.resting))[0]
        total, touched = np.zeros_like(base), np.zeros(len(base), bool)

        def add(weight: float, index: np.ndarray, offset: np.ndarray) -> None:
            total[index] += weight * offset
            touched[index] = True

        def taken() -> tuple[np.ndarray, np.ndarray]:
            """What was added since the last time: which vertices, and how far they move."""
            index = np.nonzero(touched)[0]
            offset = total[index]
            total[index], touched[index] = 0, False
            return index, offset

        shapes = {}
        for shape in used:
            for person, weight in people.items():
                add(weight, *bank.offsets[person][shape])
            index, offset = shapes[shape] = taken()
            if self.identity.resting[shape]:
                base[index] += self.identity.resting[shape] * offset
        self.base = base.astype(np.float32)
        self.directions = []
        for row in matrix:
            for shape in np.nonzero(row)[0]:
                add(row[shape], *shapes[shape])
            index, offset = taken()
            felt = np.abs(offset).max(1, initial=0) > 2e-5
            self.directions.append((index[felt], offset[felt]))

    def _wig(self, base: np.ndarray) -> None:
        bank, name = self.bank, self.identity.wig
        self.hair = np.zeros((0, 3), np.float32)
        faces, uv, material = bank.faces, bank.uv, bank.material
        head = bank.head_weight.copy()
        neck = bank.neck_weight.copy()
        if name is not None:
            source = bank.wig_of[name]
            wig, owner = bank.wigs[source], bank.ids.index(source)
            skull = bank.head_weight[: bank.body_vertices] > 0.9
            grow = np.ptp(base[: bank.body_vertices][skull], axis=0) / np.ptp(
                bank.vertices[owner][: bank.body_vertices][skull], axis=0
            )
            grow = np.array([grow[0], np.sqrt(grow[0] * grow[1]), grow[2]]) * 1.01
            self.hair = ((wig.vertices - bank.joints[owner][0]) * grow + self.joints[0]).astype(
                np.float32
            )
            faces = np.concatenate([faces, wig.faces + len(base)])
            uv = np.concatenate([uv, wig.uv])
            material = np.concatenate([material, np.full(len(self.hair), WIG_MATERIAL, np.float32)])
            # Long hair lies on the shoulders: the lower it hangs, the less it turns with the head.
            follow = np.clip((self.hair[:, 1] - (self.joints[1][1] - 0.03)) / 0.10, 0.25, 1)
            head = np.concatenate([head, follow])
            neck = np.concatenate([neck, (1 - follow) * 0.7])
        self.faces, self.uv, self.material = faces, uv, material
        self.head_weight, self.neck_weight = head.astype(np.float32), neck.astype(np.float32)
        self.body_faces = len(bank.faces)
        # Most of a head turns with it, and most of a torso stays.
        whole = (self.head_weight == 1) & (self.neck_weight == 0)
        still = (self.head_weight == 0) & (self.neck_weight == 0)
        self._turning, self._between = np.nonzero(whole)[0], np.nonzero(~whole & ~still)[0]

    def _topology(self) -> None:
        """Sparse matrices that sum face normals onto vertices, welded across texture seams."""
        rest = self.rest()
        self._corners = np.ascontiguousarray(self.faces.T)
        n, f = len(rest), len(self.faces)
        columns = np.tile(np.arange(f), 3)
        onto = sparse.csr_matrix(
            (np.ones(3 * f, np.float32), (self.faces.T.reshape(-1), columns)), shape=(n, f)
        )
        # One number for place and material: sorted ten times as fast as rows of four.
        x, y, z = np.round(rest * 20000).astype(np.int64).T + _MIDDLE
        key = ((x * 2 * _MIDDLE + y) * 2 * _MIDDLE + z) * 8 + self.material.astype(np.int64)
        _, self._weld = np.unique(key, return_inverse=True)
        weld = sparse.csr_matrix(
            (np.ones(n, np.float32), (self._weld, np.arange(n))), shape=(self._weld.max() + 1, n)
        )
        self._normal_sum = (weld @ onto).tocsr().astype(np.float32)

    def show_only(self, faces: np.ndarray) -> None:
        """Draw only these faces [f,3] of the body from now on."""
        self.faces, self.body_faces = faces, len(faces)
        self._topology()

    def rest(self) -> np.ndarray:
        """float32 [n,3]: the resting mesh with its hair."""
        return np.concatenate([self.base, self.hair])

    def pose(self, expression: np.ndarray, degrees: np.ndarray) -> Posed:
        """expression [len(EXPRESSIONS)], degrees [3] yaw pitch roll."""
        v = self.base.copy()
        for row in np.nonzero(np.abs(expression) > 1e-4)[0]:
            moved, offset = self.directions[row]
            v[moved] += expression[row] * offset
        turn = rotation(expression[_GAZE_X] * GAZE_YAW, expression[_GAZE_Y] * GAZE_PITCH, 0)
        for part, joint in ((1, 2), (2, 3)):
            a, b = self.bank.parts[part]
            centre = self.joints[joint]
            v[a:b] = (v[a:b] - centre) @ turn.T + centre
        v = np.concatenate([v, self.hair])
        # The neck takes 40 % of a turn of the head, as in the rig's own animations.
        neck, head = rotation(*(degrees * 0.4)), rotation(*(degrees * 0.6))
        at_head, at_neck = self.joints[0], self.joints[1]

        def whole(x: np.ndarray) -> np.ndarray:
            return (((x - at_head) @ head.T + at_head) - at_neck) @ neck.T + at_neck

        turning, between = self._turning, self._between
        mixed = v[between]
        only_neck = (mixed - at_neck) @ neck.T + at_neck
        wh, wn = self.head_weight[between, None], self.neck_weight[between, None]
        mixed = whole(mixed) * wh + only_neck * wn + mixed * (1 - wh - wn)
        v[turning], v[between] = whole(v[turning]), mixed
        full = neck @ head
        eyes = tuple((whole(self.joints[j]), full @ turn[:, 2]) for j in (2, 3))
        return Posed(v, eyes, full)

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals, float32 [n,3], of the mesh with these vertices [n,3]."""
        axes = np.ascontiguousarray(vertices.T)  # long rows: half the time of short ones
        a, b, c = (axes[:, corner] for corner in self._corners)
        e1, e2 = b - a, c - a
        face = np.stack(
            [
                e1[1] * e2[2] - e1[2] * e2[1],
                e1[2] * e2[0] - e1[0] * e2[2],
                e1[0] * e2[1] - e1[1] * e2[0],
            ],
            1,
        )
        n = self._normal_sum @ face
        n /= np.linalg.norm(n, axis=1, keepdims=True) + 1e-12
        return np.asarray(n[self._weld])
