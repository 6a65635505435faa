# SPDX-License-Identifier: GPL-3.0-or-later
"""A training group: one portrait in its canonical crop, other pictures of it, and exact labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from .accessories import HELD, random_worn
from .assets import CHIN, CORNER_A, CORNER_B, EYE_A, EYE_B, NOSE_TIP, AvatarBank
from .camera import Camera, cropped
from .canonical import canonical_crop
from .head import Head, Posed, angles, rotation
from .held import held
from .labels import TRACKED, visible
from .makeup import painted
from .renderer import Renderer
from .rig import closed_eyes, random_expression
from .scene import (
    Look,
    lopsided,
    random_background,
    random_camera,
    random_identity,
    random_light,
    random_look,
    skin_texture,
)
from .truth import truth
from .worn import Worn

DRAWN = 3  # targets that are drawn; the rest of the TRACKED have labels only


@dataclass(frozen=True)
class Group:
    """What one training step sees of one portrait (index 0) and its targets.

    pictures uint8 [1+DRAWN,s,s,3]; alpha uint8 [1+DRAWN,s,s]; flow float16 [TRACKED,2,g,g] from the
    portrait to each target, the first DRAWN of them drawn (half-widths of the crop, y down);
    visible bool [TRACKED,g,g]: whether that point is to be seen in the target (labels.visible);
    depth float16 [g,g] towards the viewer in half-widths of the crop, 0 at the head joint;
    material int8 [1+DRAWN,g,g] and uv float16 [1+DRAWN,2,g,g]: of the point seen in each drawn
    picture, as in labels.Labels;
    pose float32 [1+TRACKED,3] degrees in the crop's frame;
    expression float32 [1+TRACKED,EXPRESSIONS];
    points float32 [1+DRAWN,6,2] in -1..1 of the crop.

    The same controls and places in other forms, of the portrait and all targets (truth.Truth says
    what they are): rig float16 [1+TRACKED,96], arkit float16 [1+TRACKED,52], visemes float16
    [1+TRACKED,15], gaze float32 [1+TRACKED,2] degrees; landmarks float32 [1+TRACKED,38,2] in -1..1
    of the crop, y down, those of assets.LANDMARK_UV.
    """

    pictures: np.ndarray
    alpha: np.ndarray
    flow: np.ndarray
    visible: np.ndarray
    depth: np.ndarray
    material: np.ndarray
    uv: np.ndarray
    pose: np.ndarray
    expression: np.ndarray
    points: np.ndarray
    rig: np.ndarray
    arkit: np.ndarray
    visemes: np.ndarray
    gaze: np.ndarray
    landmarks: np.ndarray

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
    plain: bool = False,
) -> Iterator[Group]:
    """`per_identity` groups of one identity; the seed decides everything.

    plain: no make-up, nothing worn or held, ordinary lenses and exposures. What is drawn for the
    rest is not changed by it: variety has random numbers of its own.
    """
    rng = np.random.default_rng([seed, int(evaluation)])
    variety = None if plain else np.random.default_rng([seed, int(evaluation), 8128])
    identity = random_identity(bank, rng, evaluation)
    skin = skin_texture(bank, identity, 512)
    if variety is not None:
        identity = replace(identity, resting=lopsided(bank, identity.resting, variety))
        skin = painted(skin, variety, male="_M_" in identity.texture)
    head = Head(bank, identity)
    renderer.set_head(head, skin, occlusion=rng.random() < 0.8)
    for _ in range(per_identity):
        yield _group(bank, renderer, rng, head, skin, variety)


@cache
def _mean_colour(path: Path) -> np.ndarray:
    """float64 [3]: of a texture, linear."""
    small = np.asarray(Image.open(path).convert("RGB").resize((8, 8)), float) / 255
    return np.asarray((small**2.2).reshape(-1, 3).mean(0))


def _dress(
    renderer: Renderer, head: Head, look: Look, skin: np.ndarray, variety: np.random.Generator
) -> None:
    """Puts something on the head, in colours that suit it."""
    size = len(skin)
    cheek = skin[int(0.24 * size) : int(0.34 * size), int(0.24 * size) : int(0.41 * size)]
    tone = (cheek.reshape(-1, 3).mean(0) / 255) ** 2.2 * look.skin_tint * look.skin_gain
    level = variety.uniform(0.006, 0.03)
    hair = np.array([1.0, 0.75, 0.55]) * level
    if head.identity.wig is not None:
        path = head.bank.folder / "tex" / f"{head.identity.wig}_wig.webp"
        hair = _mean_colour(path) * 0.8 * look.hair_tint
    elif variety.random() < 0.2:
        hair = np.array([[0.30, 0.20, 0.10], [0.18, 0.06, 0.03], [0.4, 0.4, 0.4]])[
            variety.integers(3)
        ]
    red, green, blue = (float(c) for c in hair)
    pieces = random_worn(head, variety, (red, green, blue))
    if variety.random() < HELD:
        pieces += held(head, variety, (float(tone[0]), float(tone[1]), float(tone[2])))
    renderer.set_worn(Worn(pieces))


def _group(
    bank: AvatarBank,
    renderer: Renderer,
    rng: np.random.Generator,
    head: Head,
    skin: np.ndarray,
    variety: np.random.Generator | None,
) -> Group:
    light = random_light(rng)
    look, background = random_look(rng, light), random_background(rng)
    renderer.set_worn(Worn(()))
    lens = {"shortest": 32.0, "near": 0.2}
    if variety is not None:
        _dress(renderer, head, look, skin, variety)
        lens = {"shortest": 24.0, "near": 0.03}
        if variety.random() < 0.08:  # low light
            look = replace(look, exposure=look.exposure * float(variety.uniform(0.2, 0.55)))
        elif variety.random() < 0.06:  # blown out
            look = replace(look, exposure=look.exposure * float(variety.uniform(1.3, 1.8)))
    poses = [_random_pose(rng, portrait=True)]
    expressions = [random_expression(rng, calm=rng.random() < 0.8)]
    if variety is not None and variety.random() < 0.1:  # portraits in three-quarter view
        poses[0] = variety.uniform(-1, 1, 3) * [38, 14, 12]
    if variety is not None and variety.random() < 0.04:
        expressions[0] = closed_eyes(expressions[0])
    own = head.pose(expressions[0], poses[0])
    camera = _portrait_camera(rng, random_camera(rng, head, **lens), own, bank)
    for _ in range(TRACKED):
        only = rng.random()
        poses.append(poses[0] if only < 0.25 else _random_pose(rng, portrait=False))
        expressions.append(
            expressions[0] if only > 0.9 else random_expression(rng, calm=rng.random() < 0.15)
        )
        if variety is not None and variety.random() < 0.08:
            expressions[-1] = closed_eyes(expressions[-1])
        if variety is not None and variety.random() < 0.05:  # as far as controls go
            poses[-1] = variety.uniform(-1, 1, 3) * [50, 32, 32]
    posed = [head.pose(e, p) for e, p in zip(expressions, poses, strict=True)]
    drawn = [renderer.render(p, camera, light, look, background) for p in posed[: 1 + DRAWN]]
    tracks = renderer.track(posed[0], posed[1:], camera)
    labels = [renderer.labels(p, camera) for p in posed[1:]]
    # In the crop's frame the picture is turned by camera.turn, so the head is turned with it.
    upright = rotation(0, 0, -camera.turn)
    degrees = np.stack([angles(upright @ p.rotation) for p in posed])
    known = truth(np.stack(expressions), bank.shape_names, head.identity.resting)
    return Group(
        pictures=np.stack([d[..., :3] for d in drawn]),
        alpha=np.stack([d[..., 3] for d in drawn]),
        flow=np.clip(tracks.flow, -4, 4).astype(np.float16),
        visible=visible(tracks, labels),
        depth=_relative_depth(tracks.depth, camera, head).astype(np.float16),
        material=np.stack([tracks.material, *(x.material for x in labels[:DRAWN])]).astype(np.int8),
        uv=np.stack([tracks.uv, *(x.uv for x in labels[:DRAWN])]).astype(np.float16),
        pose=degrees.astype(np.float32),
        expression=np.stack(expressions).astype(np.float32),
        points=np.stack([face_points(camera, p, bank) for p in posed[: 1 + DRAWN]]).astype(
            np.float32
        ),
        rig=known.rig.astype(np.float16),
        arkit=known.arkit.astype(np.float16),
        visemes=known.visemes.astype(np.float16),
        gaze=known.gaze,
        landmarks=np.stack([camera.project(p.vertices[bank.landmarks]) for p in posed]).astype(
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
