# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head wears or has in front of it, as meshes that follow the head, the lids or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .head import Head, Posed
from .solids import Mesh, normals

LASH_MATERIAL, HAIR_MATERIAL, WORN_MATERIAL = 0, 7, 8  # HELD_MATERIAL is the dataset's


class Kind(IntEnum):
    """How shaders/worn.frag draws a piece."""

    PLAIN = 0  # plastic, metal, leather, by its gloss
    HAIR = 1  # strands, cut out of the sheet
    LENS = 2  # seen through, by its opacity
    CLOTH = 3  # knit and weave
    SKIN = 4
    MESH = 5  # a microphone's basket
    LASH = 6  # a dark line that fades to its edges
    FRINGE = 7  # single lashes


@dataclass(frozen=True)
class Lid:
    """Where the vertices of a lash hang: on body vertices, so many metres away from the eyeball and
    upwards on it. eye: 0 at x > 0, 1 at x < 0; out and up float [n]."""

    anchors: np.ndarray
    eye: int
    out: np.ndarray
    up: np.ndarray


@dataclass(frozen=True)
class Piece:
    """mesh in the head's resting place. material: the label of its pixels (labels.Labels), None
    where what is behind keeps its own label; label_uv [n,2]: its place in the layout, for lashes
    that are part of the lid they grow on. colour: linear. held: it stays where it is when the head
    moves. shadow: whether it casts one. hides_hair: a wig is tucked away under it."""

    mesh: Mesh
    kind: Kind
    colour: tuple[float, float, float]
    material: int | None
    gloss: float = 0.3
    opacity: float = 1.0
    held: bool = False
    shadow: bool = True
    hides_hair: bool = False
    lid: Lid | None = None
    label_uv: np.ndarray | None = None

    @property
    def transparent(self) -> bool:
        return self.kind in (Kind.LENS, Kind.LASH, Kind.FRINGE)


class Worn:
    """All pieces of one head as one mesh, in the order they are drawn.

    faces [f,3]; casting and opaque: how many of its first faces cast shadows and hide what is
    behind them; labelled [m,3]: the faces that labels see; fixed float32 [n,8]: uv, kind, colour,
    gloss, opacity of each vertex; label float32 [n,3]: uv and material.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        def order(piece: Piece) -> tuple[bool, bool, bool]:
            # Lenses are in front of lashes: last.
            return piece.transparent, not piece.shadow, piece.kind == Kind.LENS

        self.pieces = sorted(pieces, key=order)
        self.hides_hair = any(p.hides_hair for p in pieces)
        sizes = [len(p.mesh[0]) for p in self.pieces]
        self.starts = np.cumsum([0, *sizes])
        self.count = int(self.starts[-1])
        faces = [p.mesh[1] + s for p, s in zip(self.pieces, self.starts, strict=False)]
        empty = np.zeros((0, 3), np.int64)
        self.faces = np.concatenate([empty, *faces]).astype(np.int32)
        self.opaque = sum(len(p.mesh[1]) for p in self.pieces if not p.transparent)
        self.casting = sum(len(p.mesh[1]) for p in self.pieces if p.shadow and not p.transparent)
        seen = [f for p, f in zip(self.pieces, faces, strict=True) if p.material is not None]
        self.labelled = np.concatenate([empty, *seen]).astype(np.int32)
        self._normals = [normals(p.mesh[0], p.mesh[1]) for p in self.pieces]
        self.fixed = np.concatenate([np.zeros((0, 8)), *map(_fixed, self.pieces)]).astype("f4")
        self.label = np.concatenate([np.zeros((0, 3)), *map(_label, self.pieces)]).astype("f4")

    def place(self, head: Head, posed: Posed) -> np.ndarray:
        """float32 [n,6]: positions and normals in the pose. Exact: the head is rigid here."""
        out = np.zeros((self.count, 6), np.float32)
        turn, joint, moved = posed.rotation, head.joints[2], posed.eyes[0][0]
        for i, piece in enumerate(self.pieces):
            rows = slice(self.starts[i], self.starts[i + 1])
            if piece.lid is not None:
                out[rows, :3], out[rows, 3:] = _on_lid(piece.lid, posed)
            elif piece.held:
                out[rows, :3], out[rows, 3:] = piece.mesh[0], self._normals[i]
            else:
                out[rows, :3] = (piece.mesh[0] - joint) @ turn.T + moved
                out[rows, 3:] = self._normals[i] @ turn.T
        return out


def _on_lid(lid: Lid, posed: Posed) -> tuple[np.ndarray, np.ndarray]:
    """Lashes turn with the lid: away from the eyeball is where the rim is, and up is across it."""
    root = posed.vertices[lid.anchors]
    away = root - posed.eyes[lid.eye][0]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    up = np.cross(away, posed.rotation[:, 0])
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    return root + lid.out[:, None] * away + lid.up[:, None] * up, away


def _fixed(piece: Piece) -> np.ndarray:
    n = len(piece.mesh[0])
    rest = np.array([piece.kind, *piece.colour, piece.gloss, piece.opacity], float)
    return np.concatenate([piece.mesh[2], np.broadcast_to(rest, (n, 6))], 1)


def _label(piece: Piece) -> np.ndarray:
    n = len(piece.mesh[0])
    uv = np.zeros((n, 2)) if piece.label_uv is None else piece.label_uv
    return np.concatenate([uv, np.full((n, 1), float(piece.material or 0))], 1)
