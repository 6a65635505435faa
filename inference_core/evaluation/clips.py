# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered clips of people whom the pack never saw, with the exact controls of every frame.

python -m inference_core.evaluation.clips --assets FOLDER --out FOLDER --people 0:24

A clip is decided by its seed, so the set is fixed without being stored. Reading one needs numpy
alone; making one needs what training needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..protocol.controls import EMOTIONS, INDEX, VISEMES
from ..runtime.tracks import defaults

PEOPLE = 16
MOVING = 12  # frames of talking, one clip
PAN = 17  # frames of a slow turn, for the first PANNED people
PANNED = 3
STATES = "states"  # the folder, beside the clips, of one person in exactly asked states
PAN_DEGREES = 8.0  # to each side
SIDE = 320  # pixels of a picture; the canonical crop is the CROP in its middle
CROP = 256

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """Pictures [1+n, SIDE, SIDE, 3] of one person, the portrait first, with controls [1+n, 19] and
    content [1+n, 15] of each; the last `pan` of them are a slow turn.
    """

    pictures: Bytes
    controls: Floats
    content: Floats
    pan: int

    def save(self, path: Path) -> None:
        """Write it; the file is there whole or not at all."""
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **asdict(self))
        part.replace(path)


def load(path: Path) -> Clip:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in archive.files}
    return Clip(arrays["pictures"], arrays["controls"], arrays["content"], int(arrays["pan"]))


def file_of(folder: Path, seed: int) -> Path:
    """Where the clip of a seed lies."""
    return folder / f"clip_{seed:04d}.npz"


def missing(folder: Path, seeds: Sequence[int]) -> list[int]:
    """The seeds whose clips are not in the folder yet."""
    return [seed for seed in seeds if not file_of(folder, seed).exists()]


def talking(rng: np.random.Generator, frames: int) -> tuple[Floats, Floats]:
    """Controls [frames, 19] and content [frames, 15] as of somebody who talks, smooth in time.

    Pose moves by up to +-12, 7 and 6 degrees around frontal, one emotion rises to 0.8, the mouth
    passes from viseme to viseme, one blink closes fully.
    """
    track, content = defaults(frames), np.zeros((frames, len(VISEMES)), np.float32)
    time = np.arange(frames) / max(frames - 1, 1)
    for name, reach in (("yaw", 12.0), ("pitch", 7.0), ("roll", 6.0)):
        phase, pace = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4)
        track[:, INDEX[name]] = reach * np.sin(2 * np.pi * pace * time + phase)
    emotion = str(rng.choice(EMOTIONS))
    track[:, INDEX[emotion]] = 0.8 * np.clip(2.2 * time - 0.4, 0, 1)
    shut = np.clip(1 - np.abs(np.arange(frames) - rng.integers(1, frames)) / 1.5, 0, 1)
    shut = np.where(shut > 0.9, 1, shut * 0.6)
    track[:, INDEX["blink_left"]] = track[:, INDEX["blink_right"]] = shut
    track[:, INDEX["gaze_x"]] = 0.3 * np.sin(2 * np.pi * time + rng.uniform(0, 6))
    said = rng.choice(np.arange(1, len(VISEMES)), frames // 3 + 2)
    at = time * (len(said) - 1)
    first = np.minimum(at.astype(int), len(said) - 2)
    share = at - first
    rows = np.arange(frames)
    strength = 0.75 + 0.25 * np.sin(7 * time)
    content[rows, said[first]] += (1 - share) * strength
    content[rows, said[first + 1]] += share * strength
    content[:, 0] = 1 - content.sum(1)
    return track, content


def panned(frames: int) -> tuple[Floats, Floats]:
    """A slow turn from one side to the other, mouth closed."""
    track, content = defaults(frames), np.zeros((frames, len(VISEMES)), np.float32)
    track[:, INDEX["yaw"]] = np.linspace(-PAN_DEGREES, PAN_DEGREES, frames)
    content[:, 0] = 1
    return track, content


def pan_pictures(clip: Clip) -> Bytes:
    """The pictures of the slow turn."""
    return clip.pictures[len(clip.pictures) - clip.pan :]


def render(seeds: Sequence[int], assets: Path, out: Path) -> None:
    """Render the clips of `seeds` into `out`, those that are missing.

    FileNotFoundError when the avatar archives are not in `assets`; ImportError without the
    training requirements.
    """
    from ..training.data.assets import AvatarBank
    from ..training.data.renderer import Renderer

    bank, renderer = AvatarBank(assets), Renderer(SIDE, 3)
    out.mkdir(parents=True, exist_ok=True)
    for seed in missing(out, seeds):
        _clip(bank, renderer, seed).save(file_of(out, seed))


def render_asked(
    seeds: Sequence[int],
    assets: Path,
    out: Path,
    asked: Callable[[int], tuple[Floats, Floats]],
) -> None:
    """Render the same people as `asked` of each seed, controls [n, 19] and content [n, 15], into
    `out`, those that are missing; the portrait first, as in their clips. Errors as of `render`."""
    from ..training.data.assets import AvatarBank
    from ..training.data.renderer import Renderer

    bank, renderer = AvatarBank(assets), Renderer(SIDE, 3)
    out.mkdir(parents=True, exist_ok=True)
    for seed in missing(out, seeds):
        _clip(bank, renderer, seed, asked(seed)).save(file_of(out, seed))


def _clip(bank: Any, renderer: Any, seed: int, asked: tuple[Floats, Floats] | None = None) -> Clip:
    """The clip of a seed, or its person in the states `asked` instead of talking."""
    pan = PAN if seed < PANNED and asked is None else 0
    rng = np.random.default_rng([seed, 4711])
    return filmed(bank, renderer, rng, MOVING, pan, asked=asked)


def filmed(
    bank: Any,
    renderer: Any,
    rng: np.random.Generator,
    moving: int,
    pan: int = 0,
    evaluation: bool = True,
    reach: float = SIDE / CROP,
    asked: tuple[Floats, Floats] | None = None,
) -> Clip:
    """Render one clip: a portrait, `moving` frames of talking, `pan` frames of a slow turn.

    `bank`: AvatarBank, `renderer`: Renderer; `evaluation`: of people held out from training;
    `reach`: side of the picture in canonical crops; `asked`: controls [n, 19] and content [n, 15]
    to show instead of talking.
    """
    import torch

    from ..model.expression import expression
    from ..training.data import scene
    from ..training.data.camera import cropped
    from ..training.data.canonical import canonical_crop
    from ..training.data.group import face_points
    from ..training.data.head import Head, angles, rotation

    identity = scene.random_identity(bank, rng, evaluation=evaluation)
    head = Head(bank, identity)
    renderer.set_head(head, scene.skin_texture(bank, identity, 1024))
    light = scene.random_light(rng)
    look, background = scene.random_look(rng, light), scene.random_background(rng)
    portrait, silence = defaults(1), panned(1)[1]
    talk, turn_slowly = talking(rng, moving), panned(pan)
    if asked is not None:
        talk = asked
    track = np.concatenate([portrait, talk[0], turn_slowly[0]])
    content = np.concatenate([silence, talk[1], turn_slowly[1]])
    weights = expression(torch.from_numpy(track), torch.from_numpy(content)).numpy()
    wide = scene.random_camera(rng, head)
    own = head.pose(weights[0], rng.normal(0, 1, 3) * [6, 3, 3])
    centre, half, turn = canonical_crop(face_points(wide, own, bank))
    # Controls count in the frame of the upright crop, which lies turned in the picture.
    track[0, :3] = angles(rotation(0, 0, -turn) @ own.rotation)
    in_picture = [angles(rotation(0, 0, turn) @ rotation(*state[:3])) for state in track]
    camera = cropped(wide, centre, half * reach, 0)
    pictures = [
        renderer.render(head.pose(row, degrees), camera, light, look, background)[..., :3]
        for row, degrees in zip(weights, in_picture, strict=True)
    ]
    return Clip(np.stack(pictures), track, content, pan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder with geo.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", default=f"0:{PEOPLE}", help="half-open range of seeds")
    options = parser.parse_args()
    first, last = (int(part) for part in options.people.split(":"))
    render(range(first, last), options.assets, options.out)


if __name__ == "__main__":
    main()
