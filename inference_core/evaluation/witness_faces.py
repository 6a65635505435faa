# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered faces for the two witnesses: small networks that had no part in training SPEAK.

python -m inference_core.evaluation.witness_faces --assets FOLDER --out FILE.npz --people 0:300
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..protocol.controls import EMOTIONS
from ..training.data.assets import AvatarBank
from ..training.data.camera import cropped
from ..training.data.canonical import canonical_crop
from ..training.data.group import face_points
from ..training.data.head import Head
from ..training.data.renderer import Renderer
from ..training.data.rig import EXPRESSIONS
from ..training.data.scene import (
    random_background,
    random_camera,
    random_identity,
    random_light,
    random_look,
    skin_texture,
)
from .witnesses import HALF, LOWER, SIDE

CLASSES = ("neutral", *EMOTIONS)
PER_PERSON = 24  # frames: each class three times
PER_LIGHT = 8  # frames under the same light and look, before the same background
_AT = {name: i for i, name in enumerate(EXPRESSIONS)}

Bytes = npt.NDArray[np.uint8]


def class_expression(
    rng: np.random.Generator, label: int, amount: float
) -> npt.NDArray[np.float32]:
    """One emotion (0 = neutral) at `amount`, with some of what else a face does at the time."""
    e = np.zeros(len(EXPRESSIONS), np.float32)
    if label:
        e[_AT[CLASSES[label] + "_upper"]] = amount * rng.uniform(0.9, 1.1)
        e[_AT[CLASSES[label] + "_mouth"]] = amount * rng.uniform(0.8, 1.1)
    if rng.random() < 0.25:
        e[_AT[str(rng.choice(EXPRESSIONS[-14:]))]] = rng.uniform(0, 0.5)
    if rng.random() < 0.1:
        e[_AT["jaw"]] = rng.uniform(0, 0.3)
    if rng.random() < 0.15:
        e[_AT["blink_left"]] = e[_AT["blink_right"]] = rng.uniform(0, 0.6)
    e[_AT["gaze_x"]] = np.clip(rng.normal(0, 0.2), -1, 1)
    e[_AT["gaze_y"]] = np.clip(rng.normal(0, 0.15), -1, 1)
    return e


def faces_of(
    bank: AvatarBank, renderer: Renderer, seed: int, evaluation: bool, amount: float | None = None
) -> Iterator[tuple[Bytes, int]]:
    """PER_PERSON pictures [SIDE, SIDE, 3] of one random person, each with its class.

    `amount` = how strong every emotion is; None draws it from 0.4 to 1.
    """
    rng = np.random.default_rng([seed, int(evaluation), 77])
    identity = random_identity(bank, rng, evaluation)
    head = Head(bank, identity)
    renderer.set_head(head, skin_texture(bank, identity, 512), occlusion=rng.random() < 0.5)
    for n in range(PER_PERSON):
        if n % PER_LIGHT == 0:
            light = random_light(rng)
            look, background = random_look(rng, light), random_background(rng)
            own = head.pose(class_expression(rng, 0, 0), rng.normal(0, 1, 3) * [10, 5, 4])
            wide = random_camera(rng, head)
            centre, half, turn = canonical_crop(face_points(wide, own, bank))
            down = np.array([-np.sin(np.radians(turn)), np.cos(np.radians(turn))])
            centre = centre + down * LOWER * half + rng.normal(0, 0.03, 2) * half
            side = half * HALF * np.exp(rng.normal(0, 0.06))
            camera = cropped(wide, centre, side, turn + rng.normal(0, 2))
        label = n % len(CLASSES)
        strength = float(rng.uniform(0.4, 1.0)) if amount is None else amount
        expression = class_expression(rng, label, strength)
        posed = head.pose(expression, rng.normal(0, 1, 3) * [12, 6, 5])
        picture = renderer.render(posed, camera, light, look, background)[..., :3]
        yield picture, label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with geo.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", default="0:300", help="half-open range of seeds")
    parser.add_argument("--evaluation", action="store_true", help="people never trained on")
    parser.add_argument("--amount", type=float, help="every emotion at this strength")
    options = parser.parse_args()
    first, last = (int(part) for part in options.people.split(":"))
    bank, renderer = AvatarBank(options.assets), Renderer(SIDE, 4)
    pictures: list[Bytes] = []
    labels: list[int] = []
    people: list[int] = []
    begun = time.monotonic()
    for seed in range(first, last):
        for picture, label in faces_of(bank, renderer, seed, options.evaluation, options.amount):
            pictures.append(picture)
            labels.append(label)
            people.append(seed)
        if (seed + 1) % 20 == 0 or seed + 1 == last:
            pace = (time.monotonic() - begun) / (seed + 1 - first)
            print(f"person {seed}: {pace:.2f} s each", flush=True)
            part = options.out.with_suffix(".part.npz")
            np.savez(part, pictures=np.stack(pictures), labels=labels, people=people)
            part.replace(options.out)


if __name__ == "__main__":
    main()
