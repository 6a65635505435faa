# SPDX-License-Identifier: GPL-3.0-or-later
"""A training group: one portrait in its canonical crop, other pictures of it, and exact labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .assets import CHIN, CORNER_A, CORNER_B, EYE_A, EYE_B, NOSE_TIP, AvatarBank
from .camera import Camera, cropped
from .canonical import canonical_crop
from .head import Head, Posed, angles, rotation
from .renderer import TRACKED, Renderer
from .rig import random_expression
from .scene import (
    random_background,
    random_camera,
    random_identity,
    random_light,
    random_look,
    skin_texture,
)

DRAWN = 3  # targets that are drawn; the rest of the TRACKED have labels only


@dataclass(frozen=True)
class Group:
    """What one training step sees of one portrait (index 0) and its targets.

    pictures uint8 [1+DRAWN,s,s,3]; alpha uint8 [1+DRAWN,s,s]; flow float16 [TRACKED,2,g,g] from the
    portrait to each target, the first DRAWN of them drawn (half-widths of the crop, y down);
    depth float16 [g,g] towards the viewer in half-widths of the crop, 0 at the head joint;
    material int8 [g,g] and uv float16 [2,g,g]: of the point seen, as in renderer.Tracks;
    pose float32 [1+TRACKED,3] degrees in the crop's frame;
    expression float32 [1+TRACKED,EXPRESSIONS];
    points float32 [1+DRAWN,6,2] in -1..1 of the crop.
    """

    pictures: np.ndarray
    alpha: np.ndarray
    flow: np.ndarray
    depth: np.ndarray
    material: np.ndarray
    uv: np.ndarray
    pose: np.ndarray
    expression: np.ndarray
    points: np.ndarray

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part.npz")
        np.savez(part, **asdict(self))
        part.rename(path)


def face_points(camera: Camera, posed: Posed, bank: AvatarBank) -> np.ndarray:
    """float64 [6,2] in -1..1, y down: eyes, nose tip, mouth corners, chin; image left first."""
    p = camera.project(posed.vertices[bank.landmarks])
    eyes, corners = [p[EYE_A].mean(0), p[EYE_B].mean(0)], [p[CORNER_A], p[CORNER_B]]
    # UV's first half is the avatar's right side, which is at the image's left in a portrait.
    return np.stack([*eyes, p[NOSE_TIP], *corners, p[CHIN]])


def _random_pose(rng: np.random.Generator, portrait: bool) -> np.ndarray:
    if portrait:
        return rng.normal(0, 1, 3) * [13, 6, 5]
    wide = rng.uniform(-1, 1, 3) * [34, 20, 22]
    return wide * (0.35 if rng.random() < 0.35 else 1.0)


def _portrait_camera(
    rng: np.random.Generator, camera: Camera, posed: Posed, bank: AvatarBank
) -> Camera:
    """Crops as the aligner would, with the errors that an aligner makes."""
    centre, half, turn = canonical_crop(face_points(camera, posed, bank))
    centre = centre + rng.normal(0, 0.03, 2) * half
    return cropped(camera, centre, half * np.exp(rng.normal(0, 0.06)), turn + rng.normal(0, 3))


def make_groups(
    bank: AvatarBank,
    renderer: Renderer,
    seed: int,
    evaluation: bool = False,
    per_identity: int = 2,
) -> Iterator[Group]:
    """`per_identity` groups of one identity; the seed decides everything."""
    rng = np.random.default_rng([seed, int(evaluation)])
    identity = random_identity(bank, rng, evaluation)
    head = Head(bank, identity)
    renderer.set_head(head, skin_texture(bank, identity, 512), occlusion=rng.random() < 0.8)
    for _ in range(per_identity):
        yield _group(bank, renderer, rng, head)


def _group(bank: AvatarBank, renderer: Renderer, rng: np.random.Generator, head: Head) -> Group:
    light = random_light(rng)
    look, background = random_look(rng, light), random_background(rng)
    poses = [_random_pose(rng, portrait=True)]
    expressions = [random_expression(rng, calm=rng.random() < 0.8)]
    own = head.pose(expressions[0], poses[0])
    camera = _portrait_camera(rng, random_camera(rng, head), own, bank)
    for _ in range(TRACKED):
        only = rng.random()
        poses.append(poses[0] if only < 0.25 else _random_pose(rng, portrait=False))
        expressions.append(
            expressions[0] if only > 0.9 else random_expression(rng, calm=rng.random() < 0.15)
        )
    posed = [head.pose(e, p) for e, p in zip(expressions, poses, strict=True)]
    drawn = [renderer.render(p, camera, light, look, background) for p in posed[: 1 + DRAWN]]
    tracks = renderer.track(posed[0], posed[1:], camera)
    # In the crop's frame the picture is turned by camera.turn, so the head is turned with it.
    upright = rotation(0, 0, -camera.turn)
    degrees = np.stack([angles(upright @ p.rotation) for p in posed])
    return Group(
        pictures=np.stack([d[..., :3] for d in drawn]),
        alpha=np.stack([d[..., 3] for d in drawn]),
        flow=np.clip(tracks.flow, -4, 4).astype(np.float16),
        depth=_relative_depth(tracks.depth, camera, head).astype(np.float16),
        material=tracks.material.astype(np.int8),
        uv=tracks.uv.astype(np.float16),
        pose=degrees.astype(np.float32),
        expression=np.stack(expressions).astype(np.float32),
        points=np.stack([face_points(camera, p, bank) for p in posed[: 1 + DRAWN]]).astype(
            np.float32
        ),
    )


def _relative_depth(distance: np.ndarray, camera: Camera, head: Head) -> np.ndarray:
    """Metres from the camera -> towards the viewer, in half-widths at the head joint."""
    joint = head.joints[0]
    w = float(camera.matrix[3, :3] @ joint + camera.matrix[3, 3])
    # How far a metre reaches in the crop at that distance: two points a centimetre apart.
    pair = camera.project(np.stack([joint, joint + np.array([0.01, 0, 0])]))
    per_metre = np.linalg.norm(pair[1] - pair[0]) / 0.01
    return np.where(distance > 0, (w - distance) * per_metre, 0)
