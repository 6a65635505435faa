# SPDX-License-Identifier: GPL-3.0-or-later
"""Random surroundings of a head: who, what light, what lens, what look, what is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .assets import AvatarBank, person_of
from .camera import Camera, look_at, perspective
from .head import Head, Identity

# Never trained on: two dark-skinned people, three women, three men, six origins.
EVALUATION_PEOPLE = frozenset(
    {"Black_F_2", "Black_M_3", "Asian_F_3", "White_F_2", "Hispanic_M_2", "MENA_M_1"}
)


@dataclass(frozen=True)
class Light:
    """Three directional lights (the first casts the shadow) and ambient SH, linear colours."""

    directions: list[np.ndarray]
    colours: list[np.ndarray]
    ambient: np.ndarray  # [9,3]
    level: float  # mean radiance on a face turned to the camera, to expose by


@dataclass(frozen=True)
class Look:
    skin_tint: tuple[float, ...]
    skin_gain: float
    oil: float
    hair_tint: tuple[float, ...]
    lip_tint: tuple[float, ...]
    beard: float
    iris_tint: tuple[float, ...]
    cloth_tint: tuple[float, ...]
    exposure: float
    tint: tuple[float, ...]

    def uniforms(self) -> dict[str, float | tuple[float, ...]]:
        names = "skin_tint skin_gain oil hair_tint lip_tint beard iris_tint cloth_tint"
        return {name: getattr(self, name) for name in names.split()}


def random_identity(bank: AvatarBank, rng: np.random.Generator, evaluation: bool) -> Identity:
    """A person mixed from several; training and evaluation people are never mixed."""
    pool = [n for n in bank.ids if (person_of(n) in EVALUATION_PEOPLE) == evaluation]
    lead = str(rng.choice(pool))
    others = [n for n in pool if person_of(n) != person_of(lead)]
    if not evaluation:
        same = [n for n in others if n.split("_")[-3] == lead.split("_")[-3]]
        others = same if rng.random() < 0.8 else others
    picks = [str(n) for n in rng.choice(others, 3, replace=False)]
    share = rng.uniform(0.35, 1.0)
    shape = {lead: share}
    for name, weight in zip(picks, rng.dirichlet([1, 1, 1]) * (1 - share), strict=True):
        shape[name] = shape.get(name, 0.0) + float(weight)
    if rng.random() < 0.5:  # a little beyond the people there are
        away, amount = str(rng.choice(others)), float(rng.uniform(0, 0.3))
        shape[lead] += amount
        shape[away] = shape.get(away, 0.0) - amount
    resting = np.zeros(len(bank.shape_names), np.float32)
    for shape_index in rng.choice(65, rng.integers(0, 6), replace=False):
        if not shape_index < 13 and "eyeClose" not in bank.shape_names[shape_index]:
            resting[shape_index] = rng.uniform(0, 0.25)
    resting[bank.shape_names.index("MouthOpen")] = 0
    wigs = [n for n in pool if n in bank.wig_of]
    wig = lead if lead in bank.wig_of else None
    if rng.random() < 0.25:
        wig = str(rng.choice(wigs))
    mix = (picks[0], float(rng.uniform(0, 0.6)))
    return Identity(shape, lead, mix, wig, resting)


def lopsided(bank: AvatarBank, resting: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One face in four rests with one side's shapes: a crooked smile, one raised brow. [96]."""
    if rng.random() > 0.25:
        return resting
    shapes = [name for name in bank.shape_names[13:65] if name[0] in "LR"]
    shapes = [n for n in shapes if "eyeClose" not in n and "jaw" not in n and "neck" not in n]
    side = str(rng.choice(["L", "R"]))
    mine = [n for n in shapes if n[0] == side]
    found = resting.copy()
    for name in rng.choice(mine, rng.integers(1, 4), replace=False):
        found[bank.shape_names.index(str(name))] = rng.uniform(0.15, 0.5)
    return found


_TEXTURES = 48  # that are kept: 0.8 MB each at 512 pixels


@lru_cache(maxsize=_TEXTURES)
def _skin_file(path: Path, size: int) -> np.ndarray:
    """uint8 [size,size,3], not to be written to."""
    image = Image.open(path).convert("RGB")
    if image.width != size:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


@lru_cache(maxsize=2)
def _face_area(size: int) -> tuple[tuple[slice, slice], np.ndarray]:
    """Rows and columns of a skin texture that hold a face, and how much of each pixel there is
    face, float64 0..1; outside it is none."""
    y, x = np.mgrid[0:size, 0:size] / size
    away = np.sqrt(((x - 0.325) / 0.145) ** 2 + ((y - 0.285) / 0.16) ** 2)
    mask = np.clip((1.05 - away) / 0.3, 0, 1)
    rows, columns = (np.nonzero(mask.any(axis))[0] for axis in (1, 0))
    area = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return area, (mask * mask * (3 - 2 * mask))[area]


def skin_texture(bank: AvatarBank, identity: Identity, size: int = 1024) -> np.ndarray:
    """uint8 [size,size,3]: the lead's texture with a second face mixed into the face's area."""
    second, share = identity.texture_mix
    lead, other = (
        _skin_file(bank.folder / "tex" / f"{name}_col.webp", size)
        for name in (identity.texture, second)
    )
    face = (slice(int(0.24 * size), int(0.34 * size)), slice(int(0.24 * size), int(0.41 * size)))
    means = [x[face].astype(np.float32).reshape(-1, 3).mean(0) for x in (lead, other)]
    gain = means[0] / means[1]
    area, mask = _face_area(size)
    mask = (mask * share)[..., None].astype(np.float32)
    mixed = lead.copy()
    mixed[area] = lead[area] * (1 - mask) + np.clip(other[area] * gain, 0, 255) * mask
    return mixed


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    a, e = np.radians([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def _tinted(rng: np.random.Generator, spread: float) -> np.ndarray:
    warm = float(np.clip(rng.normal(0, spread), -1, 1))
    return np.array([1 + 0.22 * warm, 1, 1 - 0.28 * warm])


def random_light(rng: np.random.Generator) -> Light:
    azimuth, elevation = rng.uniform(-75, 75), rng.uniform(8, 58)
    if rng.random() < 0.08:
        elevation = rng.uniform(-45, 0)  # footlights
    hard = rng.random() < 0.25
    key = rng.uniform(1.2, 2.4) if hard else rng.uniform(0.5, 1.6)
    fill = rng.uniform(0.05, 0.45)
    rim = rng.uniform(0.4, 1.8) if rng.random() < 0.5 else 0.0
    side = -np.sign(azimuth) if abs(azimuth) > 5 else rng.choice([-1, 1])
    directions = [
        _direction(azimuth, elevation),
        _direction(side * rng.uniform(30, 85), rng.uniform(-5, 30)),
        _direction(rng.choice([-1, 1]) * rng.uniform(130, 165), rng.uniform(10, 45)),
    ]
    colours = [key * _tinted(rng, 0.4), fill * _tinted(rng, 0.4), rim * _tinted(rng, 0.6)]
    if rng.random() < 0.1:  # stage light
        colours[rng.integers(3)] *= rng.uniform(0.3, 1.6, 3)
    base = rng.uniform(0.12 if hard else 0.25, 0.6) * _tinted(rng, 0.35)
    ambient = np.zeros((9, 3))
    ambient[0] = base
    ambient[1] = base * rng.uniform(0.1, 0.5)
    ambient[2] = base * rng.uniform(-0.05, 0.4)
    ambient[3] = base * rng.uniform(-0.45, 0.45)
    ambient[4:] = base * rng.normal(0, 0.07, (5, 1))
    lit = ambient[0] + ambient[2] + colours[0] * max(0.25, directions[0][2])
    level = float((lit + colours[1] * max(0.0, directions[1][2])).mean())
    return Light(directions, colours, ambient, level)


def random_look(rng: np.random.Generator, light: Light) -> Look:
    grey = rng.uniform(0.5, 1.3)
    hair = np.clip(grey + rng.normal(0, 0.05, 3), 0.3, 1.6)
    if rng.random() < 0.2:  # blond, red, white
        hair = np.array([[2.6, 2.0, 1.2], [2.2, 1.1, 0.7], [3.0, 3.0, 3.0]])[rng.integers(3)] * grey
    lips = np.array([1.0, 1.0, 1.0])
    if rng.random() < 0.35:
        lips = np.array([rng.uniform(0.8, 1.3), rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.95)])
    return Look(
        skin_tint=tuple(1 + rng.normal(0, 0.05, 3)),
        skin_gain=float(rng.uniform(0.75, 1.3)),
        oil=float(rng.uniform(0, 0.6)),
        hair_tint=tuple(hair),
        lip_tint=tuple(lips),
        beard=float(rng.uniform(0.1, 0.7)) if rng.random() < 0.15 else 0.0,
        iris_tint=tuple(rng.uniform(0.5, 1.5, 3)),
        cloth_tint=tuple(rng.uniform(0.3, 1.3, 3)),
        exposure=float(rng.uniform(0.75, 1.15) * 0.95 / light.level),
        tint=tuple(1 + rng.normal(0, 0.04, 3)),
    )


def random_camera(
    rng: np.random.Generator, head: Head, shortest: float = 32.0, near: float = 0.2
) -> Camera:
    """A lens of `shortest` to 135 mm (over 36 mm of film), at the distance that frames a head.

    near: metres up to which nothing is drawn; the shortest lenses come closer than 0.2.
    """
    millimetres = np.exp(rng.uniform(np.log(shortest), np.log(135)))
    fov = 2 * np.degrees(np.arctan(18 / millimetres))
    distance = 0.19 / np.tan(np.radians(fov / 2)) * rng.uniform(0.9, 1.1)
    eyes = (head.joints[2] + head.joints[3]) / 2
    at = np.array([0, eyes[1] - 0.045, 0.06])
    eye = at + np.array([rng.normal(0, 0.03), rng.normal(0, 0.03), distance])
    return Camera(perspective(fov, near) @ look_at(eye, at), eye)


def random_background(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """uint8 [size,size,3]: gradients, blurred shapes, hard shapes, noise."""
    y, x = np.mgrid[0:size, 0:size] / size
    level, vivid = rng.uniform(15, 235), 1 if rng.random() < 0.7 else 2.2
    base = np.clip(level + rng.normal(0, 18, 3) * vivid, 8, 248)
    kind = rng.integers(0, 5)
    if kind == 0:
        picture = (
            base
            + (x - 0.5)[..., None] * rng.normal(0, 40)
            + (y - 0.5)[..., None] * rng.normal(0, 50)
        )
    elif kind == 4:  # clouds, foliage, plaster: noise at several scales
        picture = np.zeros((size, size, 3)) + base
        for cells in (4, 8, 16, 32, 64):
            noise = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype("f4"))
            wave = np.asarray(noise.resize((size, size), Image.Resampling.BICUBIC))
            picture = picture + wave[..., None] * rng.normal(12, 8, 3) * 6 / cells**0.5
    else:
        canvas = Image.new("RGB", (size, size), tuple(int(v) for v in base))
        draw = ImageDraw.Draw(canvas)
        for _ in range(rng.integers(4, 26)):
            colour = np.clip(base + rng.normal(0, 16, 3) + rng.normal(0, 45), 0, 255)
            fill = tuple(int(v) for v in colour)
            (x0, y0), (w, h) = rng.uniform(-60, size, 2), rng.uniform(8, 160, 2)
            if kind == 1:
                draw.rectangle([x0, y0, x0 + w, y0 + h], fill=fill)
            elif kind == 2:
                draw.ellipse([x0, y0, x0 + w * 0.5, y0 + w * 0.5], fill=fill)
            else:
                corners = rng.uniform(-30, size + 30, (4, 2))
                draw.polygon([(float(a), float(b)) for a, b in corners], fill=fill)
        blur = float(rng.choice([0.7, 1.5, 3, 6, 12]))
        picture = np.asarray(canvas.filter(ImageFilter.GaussianBlur(blur)), float)
    radius = np.hypot(x - 0.5, y - 0.5)[..., None]
    picture = picture * (1 - rng.uniform(0, 0.5) * radius**2 * 2)
    return np.clip(picture, 0, 255).astype(np.uint8)
