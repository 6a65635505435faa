# SPDX-License-Identifier: GPL-3.0-or-later
"""What all faces share, measured on the training avatars once: how skin moves, and what is in a
mouth.

python -m inference_core.training.data.template --assets FOLDER --out template.npz

Every avatar has the same texture layout, so a texture coordinate names a place on the face. Here
the mean displacement of each place along each expression axis is drawn into two small textures,
one that ends at the upper lip and one that ends at the lower, and teeth and tongue are rendered
from the front. Lengths are half-widths of the canonical crop, x right, y down, z to the viewer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.interpolate import LinearNDInterpolator

from ...model.template import (
    EYES,
    MOUTH,
    PLATE_HALF,
    PLATE_SIZE,
    TEXTURE,
    UV_CENTRE,
    UV_HALF,
)
from .assets import EYE_A, EYE_B, AvatarBank
from .camera import Camera, look_at, orthographic
from .canonical import CROP_SIDE
from .head import Head, Identity, Posed
from .renderer import Renderer
from .rig import EXPRESSIONS, rig_matrix
from .scene import EVALUATION_PEOPLE, Light, Look

# Of the layout: over so much of it to each side of the closed lips a corner of the mouth stretches.
# The lining itself, a fold that nobody sees in a closed mouth, is too thin to be looked up.
_STRETCHED = 0.018
_LOWER_TEETH, _UPPER_TEETH = 5, 6


def half_width(bank: AvatarBank) -> float:
    """Metres in half the side of the canonical crop of an average person."""
    mean = bank.vertices.mean(0)[bank.landmarks]
    eyes = (mean[EYE_A].mean(0) + mean[EYE_B].mean(0)) / 2
    mouth = (mean[23] + mean[27]) / 2
    return float(CROP_SIDE / 2 * np.hypot(*(eyes - mouth)[:2]))


def displacements(bank: AvatarBank) -> np.ndarray:
    """float32 [len(EXPRESSIONS),v,3] mean over all people, half-widths of the crop."""
    matrix = rig_matrix(bank.shape_names)
    found = np.zeros((len(EXPRESSIONS), *bank.vertices.shape[1:]), np.float32)
    for shapes in bank.offsets.values():
        for shape, (index, offset) in enumerate(shapes):
            for row in np.nonzero(matrix[:, shape])[0]:
                found[row, index] += matrix[row, shape] * offset / len(bank.offsets)
    return found / half_width(bank) * np.array([1, -1, 1], np.float32)


def skin_textures(bank: AvatarBank, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 [3*len(EXPRESSIONS),TEXTURE,TEXTURE] twice: past the upper and past the lower lip.

    Each is smooth across the mouth and the eyes, so only the choice between them is sharp.
    """
    n = bank.body_vertices
    uv, skin = bank.uv[:n], bank.head_weight[:n] > 0.02
    u, v = uv.T
    on_chart = skin & (u < 0.66) & (v < 0.56)
    centre = (np.arange(TEXTURE) + 0.5) * 2 / TEXTURE - 1
    x, y = np.meshgrid(UV_CENTRE[0] + UV_HALF[0] * centre, UV_CENTRE[1] + UV_HALF[1] * centre)
    sides = []
    for side in (-1, 1):
        use, row = on_chart.copy(), y.copy()
        for slit in (MOUTH, *EYES):
            around = (np.abs(u - slit.u) < slit.half) & (v > slit.top) & (v < slit.bottom)
            use &= ~(around & ((v - slit.row) * side < 0))
            # Past its rim a texture goes on as the rim does, so that a place read a little wrong
            # still moves with it.
            rim = slit.row + side * slit.rim
            between = (np.abs(x - slit.u) < slit.half) & (y > slit.top) & (y < slit.bottom)
            row = np.where(between & ((y - rim) * side < 0), rim, row)
        values = moved[:, np.nonzero(use)[0]].transpose(1, 0, 2).reshape(int(use.sum()), -1)
        texture = LinearNDInterpolator(uv[use], values, fill_value=0.0)(x, row)
        sides.append(texture.transpose(2, 0, 1))
    # Where rims are joined both textures are the same: one skin, stretched from one to the other.
    down = np.clip((y - MOUTH.row) / _STRETCHED * 0.5 + 0.5, 0, 1)
    down = down * down * (3 - 2 * down)
    skin_between = sides[0] + down * (sides[1] - sides[0])
    away = (np.abs(x - MOUTH.u) - MOUTH.parting) / (MOUTH.joined - MOUTH.parting)
    joined = np.clip(away, 0, 1) * ((y > MOUTH.top) & (y < MOUTH.bottom))
    upper, lower = (side + joined * (skin_between - side) for side in sides)
    return upper.astype(np.float32), lower.astype(np.float32)


def mean_face(bank: AvatarBank) -> dict[str, np.ndarray]:
    """The buffers shape [3,TEXTURE,TEXTURE], turn and firm [1,TEXTURE,TEXTURE] of the template."""
    n = bank.body_vertices
    uv, head = bank.uv[:n], bank.head_weight[:n]
    u, v = uv.T
    use = (head > 0.02) & (u < 0.66) & (v < 0.56)
    from_joint = (bank.vertices[:, :n] - bank.joints[:, :1]).mean(0)
    shape = from_joint / half_width(bank) * np.array([1, -1, 1])
    turn = head + 0.4 * bank.neck_weight[:n]  # as head.Head.pose shares a turn
    values = np.concatenate([shape, turn[:, None], np.ones((n, 1))], 1)[use]
    centre = (np.arange(TEXTURE) + 0.5) * 2 / TEXTURE - 1
    x, y = np.meshgrid(UV_CENTRE[0] + UV_HALF[0] * centre, UV_CENTRE[1] + UV_HALF[1] * centre)
    texture = LinearNDInterpolator(uv[use], values, fill_value=0.0)(x, y)
    texture = texture.transpose(2, 0, 1).astype(np.float32)
    firm = texture[4:] > 0.99
    firm &= ~((np.abs(x - MOUTH.u) < 0.11) & (y > 0.30) & (y < 0.47))
    for eye in EYES:
        firm &= ~((np.abs(x - eye.u) < 0.04) & (y > 0.17) & (y < 0.24))
    firm &= texture[3:4] > 0.9
    return {"shape": texture[:3], "turn": texture[3:4], "firm": firm.astype(np.float32)}


def _plain_head(bank: AvatarBank) -> Head:
    calm = np.zeros(len(bank.shape_names), np.float32)
    share = 1 / len(bank.ids)
    lead = next(name for name in bank.ids if name.startswith("White_F"))
    return Head(bank, Identity(dict.fromkeys(bank.ids, share), lead, (lead, 0.0), None, calm))


def mouth_parts(bank: AvatarBank) -> list[np.ndarray]:
    """Vertices of tongue, lower teeth and upper teeth."""
    shape = bank.shape_names.index("OutMiddle_tg")
    index, offset = next(iter(bank.offsets.values()))[shape]
    tongue = index[np.abs(offset).max(1) > 1e-4]
    lower, upper = (np.arange(*bank.parts[part]) for part in (_LOWER_TEETH, _UPPER_TEETH))
    return [tongue, np.setdiff1d(lower, tongue), upper]


def mouth_motions(bank: AvatarBank, moved: np.ndarray) -> np.ndarray:
    """float32 [3,len(EXPRESSIONS),2]: how the front of each mouth part moves along each axis."""
    mean = bank.vertices.mean(0)
    motions = []
    for vertices in mouth_parts(bank):
        front = vertices[mean[vertices, 2] > np.quantile(mean[vertices, 2], 0.8)]
        motions.append(moved[:, front, :2].mean(1))
    return np.stack(motions).astype(np.float32)


def mouth_plates(bank: AvatarBank) -> np.ndarray:
    """float32 [3,4,h,w]: tongue, lower teeth, upper teeth as at rest; RGB 0..1 and alpha.

    The point where the closed lips touch is in the middle, PLATE_HALF from the edges.
    """
    head = _plain_head(bank)
    rest = head.rest()
    middle = rest[bank.landmarks[[32, 34]]].mean(0)
    width, height = PLATE_SIZE[1], PLATE_SIZE[0]
    size = width * 4
    renderer = Renderer(size, supersample=2, grid=8)
    half, ahead = PLATE_HALF[0] * half_width(bank), np.array([0.0, 0.0, 1.0])
    camera = Camera(
        orthographic(half, 0.1, 1.5) @ look_at(middle + ahead, middle), middle + 4 * ahead
    )
    front = np.array([0, 0.25, 1]) / np.hypot(0.25, 1)
    ambient = np.zeros((9, 3))
    ambient[0] = 0.55
    light = Light([front] * 3, [np.full(3, k) for k in (0.75, 0.0, 0.0)], ambient, 1.0)
    white = (1.0, 1.0, 1.0)
    look = Look(white, 1.0, 0.1, white, white, 0.0, white, white, 1.0, white)
    whole_faces = head.faces
    plates = []
    for vertices in mouth_parts(bank):
        head.show_only(whole_faces[np.isin(whole_faces, vertices).all(1)])
        renderer.set_head(head, _skin(bank, head), occlusion=False)
        posed = Posed(rest, ((rest[0], front), (rest[0], front)), np.eye(3))
        drawn = renderer.render(posed, camera, light, look, np.zeros((256, 256, 3), np.uint8))
        rows = round(size * PLATE_HALF[1] / PLATE_HALF[0])
        top = (size - rows) // 2
        cut = drawn[top : top + rows].astype(np.float32) / 255
        step = size // width
        cut = cut[: height * step].reshape(height, step, width, step, 4).mean((1, 3))
        cut[..., :3] /= np.maximum(cut[..., 3:], 1e-3)
        # The throat around the teeth is black; the generator has a darkness of its own.
        cut[..., 3] *= np.clip((cut[..., :3].max(-1) - 0.06) / 0.12, 0, 1)
        plates.append(cut.transpose(2, 0, 1))
    return np.clip(np.stack(plates), 0, 1).astype(np.float32)


def _skin(bank: AvatarBank, head: Head) -> np.ndarray:
    from .scene import skin_texture

    return skin_texture(bank, head.identity, 1024)


def build(everybody: AvatarBank) -> dict[str, np.ndarray]:
    """The buffers of model/template.Template, by name; of people who are trained on only."""
    bank = everybody.without(EVALUATION_PEOPLE)
    moved = displacements(bank)
    upper, lower = skin_textures(bank, moved)
    return {
        "upper": upper,
        "lower": lower,
        "plates": mouth_plates(bank),
        "motions": mouth_motions(bank, moved),
        **mean_face(bank),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with geo.npz")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    np.savez_compressed(options.out, **build(AvatarBank(options.assets)))


if __name__ == "__main__":
    main()
