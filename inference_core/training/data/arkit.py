# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rig's weights are in ARKit's 52 shapes, and the other way round.

python -m inference_core.training.data.arkit --assets FOLDER --ict FOLDER

ICT-FaceKit (MIT) models ARKit's shapes as geometry. Its mean face is laid over the mean of the
training avatars by 36 landmarks, each of its shapes becomes a displacement of the avatars' skin,
and non-negative least squares says which mixture of ARKit's shapes each shape of the rig is most
like, and which mixture of the rig's is most like each of ARKit's. The command writes both tables
(arkit.json beside this file) and prints how well each fits; training reads the tables only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from ...protocol.face_shapes import ARKIT
from .assets import AvatarBank
from .scene import EVALUATION_PEOPLE

Mixture = dict[str, float]
TABLE = Path(__file__).parent / "arkit.json"
FACE_SHAPES = 65  # of the rig's 96; the rest are of teeth and tongue
_VISEME_SHAPES = 13  # the first of them: whole mouths
_DEPTH = np.array([1.0, 1.0, 1 / 3])
_MOST = 1.5  # of a shape: more would tear the mesh

# Shapes that may stand for each other, by what they mean (sides left out): a fit among all of them
# trades brows for lids and jaws for lips wherever that lowers the error. What has no partner
# (swallowing, the neck) has none here either.
_MEANING = {
    "lipUp": "mouthUpperUp mouthShrugUpper",
    "lipDown": "mouthLowerDown",
    "lipSide": "mouthStretch mouthDimple",
    "lipCorner": "mouthDimple mouthPress mouthStretch",
    "JawCompress": "mouthShrugLower mouthPress mouthRollLower mouthRollUpper",
    "jaw": "jawLeft jawRight",
    "JawFront": "jawForward",
    "Chew": "mouthShrugLower",
    "MouthOpen": "jawOpen",
    "Shout": "jawOpen mouthFunnel mouthLowerDown mouthUpperUp",
    "smileClose": "mouthSmile mouthPress mouthDimple mouthStretch cheekSquint",
    "smileOpen": "mouthSmile mouthLowerDown mouthUpperUp mouthDimple mouthStretch cheekSquint",
    "mouthSad": "mouthFrown mouthShrugLower",
    "disgust": "noseSneer mouthUpperUp",
    "Kiss": "mouthPucker mouthFunnel",
    "blow": "cheekPuff mouthPress",
    "Chin": "mouthShrugLower mouthPress",
    "nostril": "noseSneer",
    "eyeClose": "eyeBlink",
    "eyeOpen": "eyeWide",
    "squint": "eyeSquint cheekSquint",
    "lowLid": "eyeSquint cheekSquint",
    "sad": "browInnerUp browDown",
    "pityful": "browInnerUp",
    "browUp": "browInnerUp browOuterUp",
    "browDown": "browDown",
}
_VISEME_MEANING = (
    "jawOpen mouthFunnel mouthPucker mouthLowerDown mouthUpperUp mouthStretch mouthRollLower "
    "mouthRollUpper mouthShrugLower mouthShrugUpper mouthPress mouthDimple mouthSmile"
)
_ALSO = {  # further shapes of the rig that one of ARKit may be made of
    "mouthFunnel": "lipUp lipDown MouthOpen",
    "mouthRollUpper": "MPB_Up JawCompress",
    "mouthRollLower": "MPB_Down JawCompress",
    "mouthLeft": "jaw lipSide lipCorner",
    "mouthRight": "jaw lipSide lipCorner",
    "jawOpen": "MouthOpen Shout",
}
# Shapes by which the two faces agree on what belongs to the lower lip and to each upper lid.
_TELLING = {"jawOpen": "MouthOpen", "eyeBlinkLeft": "LeyeClose", "eyeBlinkRight": "ReyeClose"}
_TONGUE_OUT = ("OutMiddle_tg", "CurlUp_Out_tg", "CurlDown_Out_tg")

# ICT-FaceKit's vertices of the usual 68 landmarks (its vertex_indices.json), and which of these
# (their mean) is which of assets.LANDMARK_UV.
_ICT_68 = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088,
    3443, 268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140,
    2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732,
    5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216,
    6207, 6470, 5517, 5966,
)  # fmt: skip
_SAME = (
    (17,), (18, 19), (19, 20), (21,), (22,), (23, 24), (24, 25), (26,),  # brows
    (36,), (37, 38), (39,), (40, 41), (45,), (43, 44), (42,), (46, 47),  # eyes
    (27,), (28,), (29,), (30,), (33,), (31,), (35,),  # nose
    (48,), (50,), (51,), (52,), (54,), (56,), (57,), (58,), (60,), (62,), (64,), (66,),  # mouth
    (8,), (7,), (9,),  # chin
)  # fmt: skip
_ICT_FACE = 9409  # its first vertices are the face's skin
_REACH = 0.012  # metres: skin of the avatars farther from ICT's face than this has no partner


def _names(ict: np.lib.npyio.NpzFile) -> dict[str, list[int]]:
    """ARKit's name -> rows of ICT-FaceKit's shapes (two where ICT has one for each side)."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(str(n) for n in ict["n"]):
        base, _, side = name.partition("_")
        whole = base + {"L": "Left", "R": "Right", "": ""}[side]
        for arkit in (whole, base):
            if arkit in ARKIT:
                found.setdefault(arkit, []).append(row)
    return found


def transferred(bank: AvatarBank, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """ARKit's shapes on the bank's mean avatar: offsets [52,m,3] metres and the body vertices [m]
    that they are of. tongueOut, which ICT-FaceKit has not, is 0.
    """
    ict = np.load(folder / "ict.npz")
    rest = ict["N"][:_ICT_FACE].astype(np.float64)
    mean = bank.vertices.mean(0).astype(np.float64)
    marks = np.array([rest[[_ICT_68[k] for k in same]].mean(0) for same in _SAME])
    target = mean[bank.landmarks]
    scale, turn, shift = _similarity(marks, target)
    aligned = scale * rest @ turn.T + shift
    warp = RBFInterpolator(
        scale * marks @ turn.T + shift, target - (scale * marks @ turn.T + shift), smoothing=1e-6
    )
    laid = aligned + warp(aligned)
    body = mean[: bank.body_vertices]
    front = np.nonzero((bank.head_weight[: len(body)] > 0.5) & (body[:, 2] > 0.02))[0]
    # Lips and lids that touch are told apart by how the jaw and the lids move them.
    names = _names(ict)
    shapes = rig_offsets(bank)
    ours = [_share(shapes[bank.shape_names.index(n)][front]) for n in _TELLING.values()]
    theirs = [_share(ict["E"][names[n][0]][:_ICT_FACE].astype(np.float64)) for n in _TELLING]
    tree = cKDTree(np.concatenate([laid, *theirs], 1))
    away, partner = tree.query(np.concatenate([body[front], *ours], 1), k=4)
    near = away[:, 0] < _REACH
    front, away, partner = front[near], away[near], partner[near]
    share = 1 / (away + 1e-4)
    share /= share.sum(1, keepdims=True)
    offsets = np.zeros((len(ARKIT), len(front), 3))
    for arkit, rows in names.items():
        whole = scale * ict["E"][rows].astype(np.float64).sum(0)[:_ICT_FACE] @ turn.T
        offsets[ARKIT.index(arkit)] = (whole[partner] * share[..., None]).sum(1)
    return offsets, front


def _similarity(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift that bring points a [n,3] to b (Umeyama 1991)."""
    ca, cb = a.mean(0), b.mean(0)
    u, s, vt = np.linalg.svd((b - cb).T @ (a - ca))
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = u @ sign @ vt
    scale = float((s * np.diag(sign)).sum() / ((a - ca) ** 2).sum())
    return scale, turn, cb - scale * turn @ ca


def _share(offsets: np.ndarray) -> np.ndarray:
    """[n,1] metres: how much of a shape each point takes part in, as a distance."""
    size = np.linalg.norm(offsets, axis=1, keepdims=True)
    return 0.008 * np.clip(2 * size / size.max(), 0, 1)


def rig_offsets(bank: AvatarBank) -> np.ndarray:
    """float64 [96,v,3] metres: each shape of the rig, the mean over the bank's people."""
    found = np.zeros((len(bank.shape_names), *bank.vertices.shape[1:]))
    for shapes in bank.offsets.values():
        for shape, (index, offset) in enumerate(shapes):
            found[shape, index] += offset / len(bank.offsets)
    return found[:, : bank.body_vertices]


def fit(everybody: AvatarBank, folder: Path) -> dict[str, np.ndarray]:
    """to_arkit [96,52] (rig weights @ it = ARKit's) and to_rig [52,96], each with the share of the
    displacement that the mixture leaves unexplained ([96] and [52], 0..1).
    """
    bank = everybody.without(EVALUATION_PEOPLE)
    arkit, front = transferred(bank, folder)
    rig = rig_offsets(bank)[:, front]
    to_arkit, left = np.zeros((len(bank.shape_names), len(ARKIT))), np.ones(len(bank.shape_names))
    to_rig, unsaid = np.zeros((len(ARKIT), len(bank.shape_names))), np.ones(len(ARKIT))
    faces = bank.shape_names[:FACE_SHAPES]
    for k, name in enumerate(faces):
        allowed = [j for j, other in enumerate(ARKIT) if _alike(name, other, k < _VISEME_SHAPES)]
        if allowed:
            to_arkit[k, allowed], left[k] = _mixture(rig[k], arkit[allowed])
    for j, name in enumerate(ARKIT):
        allowed = [
            k
            for k, other in enumerate(faces)
            if (_alike(other, name, False) and k >= _VISEME_SHAPES) or _also(other, name)
        ]
        if allowed:
            to_rig[j, allowed], unsaid[j] = _mixture(arkit[j], rig[allowed])
    for side in ("Left", "Right"):  # a shut eye is 1 in both, however wide it was open
        lid, blink = bank.shape_names.index(side[0] + "eyeClose"), ARKIT.index("eyeBlink" + side)
        to_arkit[lid, blink] = to_rig[blink, lid] = 1.0
    tongue = ARKIT.index("tongueOut")
    for name in _TONGUE_OUT:  # ICT-FaceKit has no such shape: by name
        to_arkit[bank.shape_names.index(name), tongue] = 1.0
    to_rig[tongue, bank.shape_names.index(_TONGUE_OUT[0])] = 1.0
    for j in np.nonzero(to_rig.any(1))[0]:  # a face shape drags its tongue and teeth along
        for k in np.nonzero(to_rig[j])[0]:
            partner = "t_" + bank.shape_names[k]
            if partner in bank.shape_names:
                to_rig[j, bank.shape_names.index(partner)] = to_rig[j, k]
    return {"to_arkit": to_arkit, "to_arkit_left": left, "to_rig": to_rig, "to_rig_left": unsaid}


def _mixture(wanted: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, float]:
    """Non-negative weights of parts [k,m,3] that sum to wanted [m,3], small ones left out.

    Depth counts a third: ARKit's weights are read off faces seen from the front, and the jaws of
    the two faces swing back by different amounts.
    """
    wanted, parts = wanted * _DEPTH, parts * _DEPTH
    matrix = parts.reshape(len(parts), -1).T
    size = np.linalg.norm(matrix, axis=0) + 1e-12
    target = wanted.ravel()
    full = np.linalg.norm(target)
    if full < 1e-6:
        return np.zeros(len(parts)), 1.0
    # A little ridge: two shapes that look alike share, instead of one that cancels another.
    ridge = 0.05 * full
    square = np.concatenate([matrix / size, ridge / full * np.eye(len(parts))])
    weights, _ = nnls(square, np.concatenate([target, np.zeros(len(parts))]))
    weights[weights < 0.12 * weights.max()] = 0
    kept = np.nonzero(weights)[0]
    if not len(kept):
        return weights, 1.0
    weights[kept], _ = nnls(matrix[:, kept] / size[kept], target)
    weights = np.clip(weights / size, 0, _MOST)
    return weights, float(np.linalg.norm(target - matrix @ weights) / full)


def _stem(rig: str) -> tuple[str, str]:
    """Side ("L", "R" or "") and the rest of a rig shape's name; the outer brow is its brow's."""
    for side in "LR":
        for prefix in (side * 2, side):
            if rig.startswith(prefix) and rig[len(prefix)].islower():
                return side, rig[len(prefix) :]
    return "", rig


def _base(arkit: str) -> tuple[str, str]:
    """Side and the rest of an ARKit name; jawLeft and mouthLeft are whole names of one side."""
    for side in ("Left", "Right"):
        if arkit.endswith(side):
            whole = arkit in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
            return side[0], arkit if whole else arkit.removesuffix(side)
    return "", arkit


def _alike(rig: str, arkit: str, viseme: bool) -> bool:
    (side, stem), (other, base) = _stem(rig), _base(arkit)
    means = _VISEME_MEANING if viseme else _MEANING.get(stem, "")
    return base in means.split() and (side == other or not side or not other)


def _also(rig: str, arkit: str) -> bool:
    (side, stem), (other, base) = _stem(rig), _base(arkit)
    return stem in _ALSO.get(base, "").split() and (side == other or not side or not other)


def _named(table: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> dict[str, Mixture]:
    return {
        row: {columns[j]: round(float(table[k, j]), 3) for j in np.nonzero(table[k] > 5e-4)[0]}
        for k, row in enumerate(rows)
    }


@lru_cache(maxsize=1)
def tables() -> tuple[np.ndarray, np.ndarray]:
    """float32 to_arkit [96,52] and to_rig [52,96] as arkit.json has them."""
    stored = json.loads(TABLE.read_text(encoding="utf-8"))
    rig = list(stored["to_arkit"])
    to_arkit = np.zeros((len(rig), len(ARKIT)), np.float32)
    to_rig = np.zeros((len(ARKIT), len(rig)), np.float32)
    for name, mixture in stored["to_arkit"].items():
        for other, weight in mixture.items():
            to_arkit[rig.index(name), ARKIT.index(other)] = weight
    for name, mixture in stored["to_rig"].items():
        for other, weight in mixture.items():
            to_rig[ARKIT.index(name), rig.index(other)] = weight
    return to_arkit, to_rig


def arkit_weights(rig: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """float32 [...,52] in 0..1 in the order of ARKIT, from rig weights [...,96] and gaze [...,2].

    gaze: gaze_x and gaze_y in -1..1, x to the image's right and y up. The eyeLook shapes are 1 at
    GAZE_YAW and GAZE_PITCH degrees: ICT-FaceKit's eyes do not turn, so nothing measures another
    figure. mouthClose is 0: it undoes an open jaw, which the rig has no shape for.
    """
    found = np.asarray(rig) @ tables()[0]
    x, y = gaze[..., 0], gaze[..., 1]
    looks = {
        "eyeLookOutLeft": x, "eyeLookInRight": x, "eyeLookInLeft": -x, "eyeLookOutRight": -x,
        "eyeLookUpLeft": y, "eyeLookUpRight": y, "eyeLookDownLeft": -y, "eyeLookDownRight": -y,
    }  # fmt: skip
    for name, value in looks.items():
        found[..., ARKIT.index(name)] = value
    return np.clip(found, 0, 1).astype(np.float32)


def rig_weights(arkit: np.ndarray) -> np.ndarray:
    """float32 [...,96] of the rig for weights [...,52] of ARKit; gaze is not in it."""
    return (np.asarray(arkit) @ tables()[1]).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--assets", type=Path, required=True, help="folder with geo.npz")
    parser.add_argument("--ict", type=Path, required=True, help="folder with ict.npz")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    bank = AvatarBank(options.assets)
    found = fit(bank, options.ict)
    stored = {
        "to_arkit": _named(found["to_arkit"], bank.shape_names, ARKIT),
        "to_rig": _named(found["to_rig"], ARKIT, bank.shape_names),
    }
    options.out.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    for names, parts, table, left in (
        (bank.shape_names, ARKIT, found["to_arkit"], found["to_arkit_left"]),
        (ARKIT, bank.shape_names, found["to_rig"], found["to_rig_left"]),
    ):
        for k, name in enumerate(names):
            mix = [
                f"{parts[j]} {table[k, j]:.2f}" for j in np.argsort(-table[k]) if table[k, j] > 0
            ]
            if mix:
                print(f"{name} = {' + '.join(mix)} ({left[k]:.0%} left)")


if __name__ == "__main__":
    main()
