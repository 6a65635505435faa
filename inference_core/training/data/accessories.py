# SPDX-License-Identifier: GPL-3.0-or-later
"""Glasses, hats, loose hair, lashes and held things, fitted to a head by its own vertices."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .assets import AvatarBank
from .dataset import HELD_MATERIAL
from .head import Head
from .solids import ball, box, disc, joined, sheet, tube
from .worn import HAIR_MATERIAL, LASH_MATERIAL, WORN_MATERIAL, Kind, Lid, Piece

# Share of heads (lashes, glasses, hats, strands) and of groups (held) that have one.
GLASSES, HATS, STRANDS, LASHES, HELD = 0.20, 0.12, 0.15, 0.60, 0.08
_BULKY = 1.2  # hair that is so much farther out than the skull does not go under a hat
_OPAQUE_LENS = 0.6  # from this opacity on what is behind a lens is not to be seen
Colour = tuple[float, float, float]


def random_worn(head: Head, rng: np.random.Generator, hair: Colour) -> list[Piece]:
    """What a head wears. hair: linear colour of its loose strands and lashes."""
    pieces = []
    if rng.random() < LASHES:
        pieces += lashes(head, rng)
    if rng.random() < GLASSES:
        pieces += glasses(head, rng)
    hat = rng.random() < HATS
    if hat:
        pieces += headwear(head, rng)
    if rng.random() < STRANDS:
        pieces += strands(head, rng, hair, under=hat)
    return pieces


def _colour(rng: np.random.Generator, dark: float = 0.4) -> Colour:
    """Mostly plain: black, brown, grey, white; some vivid."""
    if rng.random() < dark:
        level = rng.uniform(0.005, 0.05)
        return level, level * rng.uniform(0.7, 1), level * rng.uniform(0.5, 1)
    if rng.random() < 0.5:
        level = rng.uniform(0.05, 0.8)
        warm = rng.uniform(0.75, 1.0)
        return level, level * warm, level * warm**2
    r, g, b = rng.uniform(0, 1, 3) ** 2 * 0.8
    return float(r), float(g), float(b)


# --- lashes -------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def lid_rings(bank: AvatarBank, depth: int = 4) -> list[list[np.ndarray]]:
    """Per eye (x > 0 first) its rings of body vertices around the opening, from the eyeball out.

    Each ring is ordered by angle; rings are edges away from the hole that the skin has there.
    """
    n = bank.body_vertices
    mean = bank.vertices.mean(0)
    faces = bank.faces[(bank.faces < n).all(1)]
    _, first, weld = np.unique(
        np.round(mean[:n] * 20000).astype(int), axis=0, return_index=True, return_inverse=True
    )
    weld = weld.ravel()[faces]
    edges = np.sort(np.concatenate([weld[:, [0, 1]], weld[:, [1, 2]], weld[:, [2, 0]]]), axis=1)
    edges, uses = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(edges[uses == 1])
    found = []
    for centre in bank.joints.mean(0)[2:4]:
        away = np.linalg.norm(mean[first] - centre, axis=1)
        ring = border[away[border] < 0.03]
        seen, rings = set(ring.tolist()), []
        for _ in range(depth):
            rel = mean[first[ring]] - mean[first[ring]].mean(0)
            rings.append(first[ring[np.argsort(np.arctan2(rel[:, 1], rel[:, 0]))]])
            touched = edges[np.isin(edges, ring).any(1)]
            ring = np.array(sorted(set(touched.ravel().tolist()) - seen))
            seen |= set(ring.tolist())
        found.append(rings)
    return found


def _halves(bank: AvatarBank, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower rim of a ring, each from the small x to the large."""
    place = bank.vertices.mean(0)[ring]
    low, high = np.argmin(place[:, 0]), np.argmax(place[:, 0])
    slope = (place[high, 1] - place[low, 1]) / (place[high, 0] - place[low, 0])
    over = place[:, 1] - (place[low, 1] + slope * (place[:, 0] - place[low, 0]))
    corners = np.isin(np.arange(len(ring)), [low, high])
    halves = []
    for side in (1, -1):
        mine = np.nonzero((over * side > 0) | corners)[0]
        halves.append(ring[mine[np.argsort(place[mine, 0])]])
    return halves[0], halves[1]


def lashes(head: Head, rng: np.random.Generator) -> list[Piece]:
    """A dark line along each rim and single lashes beyond it; both move with the lid."""
    bank = head.bank
    strength = float(rng.uniform(0.35, 1.0))  # thin and fair to mascara
    colour: Colour = (0.012, 0.008, 0.006)
    if rng.random() < 0.2:
        colour = (0.10, 0.06, 0.03)
    long = float(rng.uniform(0.006, 0.011)) * (0.6 + 0.4 * strength)
    pieces = []
    for eye, rings in enumerate(lid_rings(bank)):
        for side, half in ((1, 0), (-1, 1)):
            inner, outer = _halves(bank, rings[1])[half], _halves(bank, rings[3])[half]
            middle = _halves(bank, rings[2])[half]
            share = strength if side == 1 else strength * 0.6
            if not len(inner) == len(outer) == len(middle):
                raise ValueError("The rings of a lid differ in length: not the VALID topology.")
            thick = 0.0003 + 0.0009 * strength**2 * (1 if side == 1 else 0.4)
            line = [(inner, 0.0002, 0.0), (middle, 0.0004, 0.0), (outer, 0.0005, side * thick)]
            pieces.append(_lash(bank, eye, line, Kind.LASH, colour, share, labelled=True))
            reach = long if side == 1 else long * 0.55
            hair = [
                (middle, 0.0, 0.0),
                (middle, 0.55 * reach, side * 0.15 * reach),
                (middle, 0.9 * reach, side * 0.5 * reach),
            ]
            pieces.append(_lash(bank, eye, hair, Kind.FRINGE, colour, share, labelled=False))
    return pieces


def _lash(
    bank: AvatarBank,
    eye: int,
    rows: list[tuple[np.ndarray, float, float]],
    kind: Kind,
    colour: Colour,
    opacity: float,
    labelled: bool,
) -> Piece:
    anchors = np.concatenate([row[0] for row in rows])
    out = np.concatenate([np.full(len(row[0]), row[1]) for row in rows])
    up = np.concatenate([np.full(len(row[0]), row[2]) for row in rows])
    at = bank.vertices.mean(0)[anchors].reshape(len(rows), -1, 3)
    return Piece(
        mesh=sheet(at),
        kind=kind,
        colour=colour,
        material=LASH_MATERIAL if labelled else None,
        opacity=opacity,
        shadow=False,
        lid=Lid(anchors, eye, out, up),
        label_uv=bank.uv[anchors],
    )


# --- glasses ------------------------------------------------------------------------------------


def glasses(head: Head, rng: np.random.Generator) -> list[Piece]:
    """Two lenses before the eyes, rims of wire or plastic (or none), a bridge and temples."""
    body = head.base[: head.bank.body_vertices]
    eye = (head.joints[2] * [1, 1, 1] + head.joints[3] * [-1, 1, 1]) / 2
    half_w, ratio = rng.uniform(0.023, 0.032), rng.uniform(0.6, 1.0)
    half_h = half_w * ratio
    power = rng.choice([2.0, 2.4, 3.0, 5.0])
    drop = rng.uniform(0, 0.3) if rng.random() < 0.25 else 0.0  # aviators hang lower outside
    cat = rng.uniform(0, 0.25) if rng.random() < 0.2 else 0.0  # cat's eyes rise outside
    gap = rng.uniform(0.006, 0.011)  # half of the bridge
    centre = np.array([max(eye[0] + 0.001, gap + half_w), eye[1] - rng.uniform(0, 0.006), 0.0])
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    x = np.sign(c) * np.abs(c) ** (2 / power) * half_w
    y = np.sign(s) * np.abs(s) ** (2 / power) * half_h
    y = y - drop * half_h * np.clip(-s, 0, 1) * np.clip(0.5 + c, 0, 1.5)
    y = y + cat * half_h * np.clip(s, 0, 1) * np.clip(c, 0, 1) * 1.5
    flat = np.stack([x, y], 1) + centre[:2]
    bow, tilt = rng.uniform(0.5, 3.5), rng.uniform(0.0, 0.15)

    def bent(xy: np.ndarray) -> np.ndarray:
        return -bow * xy[..., 0] ** 2 + tilt * (xy[..., 1] - centre[1])

    # The lenses stand clear of lashes, brows and cheeks.
    near = np.abs(body[:, :2] * [1, 1] - [0, centre[1]]) < [centre[0] + half_w, half_h]
    within = near.all(1) & (np.abs(body[:, 0]) > 0.02) & (body[:, 2] > 0.09)
    nose = near.all(1) & (np.abs(body[:, 0]) < 0.006) & (body[:, 1] > centre[1] - 0.002)
    front = float((body[within, 2] - bent(body[within, :2])).max()) + 0.004
    front = max(front, float(body[nose, 2].max()) - 0.001)

    def lifted(xy: np.ndarray) -> np.ndarray:
        return np.concatenate([xy, (front + bent(xy))[..., None]], -1)

    wire = rng.random() < 0.45
    thick = rng.uniform(0.0006, 0.0011) if wire else rng.uniform(0.0014, 0.0034)
    gloss = float(rng.uniform(0.5, 1.0))
    colour = _colour(rng, 0.5)
    if wire and rng.random() < 0.6:
        colour = (0.45, 0.36, 0.2) if rng.random() < 0.5 else (0.4, 0.4, 0.42)
    parts = []
    bare = rng.random() < 0.12  # rimless
    half_rim = rng.random() < 0.12
    lenses = []
    for side in (1, -1):
        outline = lifted(flat) * [side, 1, 1]
        ring = outline
        if half_rim:
            ring = outline[s > -0.2]
            ring = ring[np.argsort(np.arctan2(s[s > -0.2], c[s > -0.2]))]
        else:
            ring = np.concatenate([outline, outline[:2]])
        if not bare:
            parts.append(tube(ring, thick, 6))
        lenses.append(disc(outline, lifted(centre[:2]) * [side, 1, 1]))
        parts.append(_temple(head, outline, side, thick if wire else thick * 0.9, wire))
    inner = centre[0] - half_w * 0.97
    arch = np.linspace(-1, 1, 9)[:, None]
    high = centre[1] + half_h * rng.uniform(0.1, 0.55)
    bridge = np.concatenate([arch * inner, high + (1 - arch**2) * 0.003], 1)
    bridge = lifted(bridge)
    bridge[:, 2] += 0.002 * (1 - arch[:, 0] ** 2)
    parts.append(tube(bridge, max(thick, 0.0009), 6))
    frame = Piece(joined(parts), Kind.PLAIN, colour, WORN_MATERIAL, gloss=gloss)
    kind = rng.random()
    opacity, tint = float(rng.uniform(0.0, 0.06)), (0.5, 0.5, 0.5)
    if kind > 0.8:  # sunglasses
        opacity, tint = float(rng.uniform(0.75, 0.97)), (0.01, 0.01, 0.012)
    elif kind > 0.6:  # tinted
        opacity = float(rng.uniform(0.15, 0.45))
        tint = ((0.25, 0.12, 0.05), (0.05, 0.1, 0.2), (0.05, 0.05, 0.05))[rng.integers(3)]
    label = WORN_MATERIAL if opacity >= _OPAQUE_LENS else None
    glass = Piece(
        joined(lenses), Kind.LENS, tint, label,
        gloss=float(rng.uniform(0.2, 1.0)), opacity=opacity, shadow=False,
    )  # fmt: skip
    return [frame, glass]


def _temple(
    head: Head, outline: np.ndarray, side: int, thick: float, wire: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the outer end of a lens back over the ear."""
    body = head.base[: head.bank.body_vertices]
    outer = outline[np.argmax(outline[:, 0] * side)]
    high = outline[:, 1].max() * 0.35 + outer[1] * 0.65
    beside = (np.abs(body[:, 1] - high) < 0.012) & (body[:, 0] * side > 0)

    def width(near: float, far: float) -> float:
        there = beside & (body[:, 2] > near) & (body[:, 2] < far)
        return float(np.abs(body[there, 0]).max()) if there.any() else 0.07

    temple = max(width(0.085, 0.11) - 0.002, abs(outer[0])) + thick
    ear = max(width(0.045, 0.06) + thick, temple)
    path = np.array(
        [
            [abs(outer[0]), high, outer[2]],
            [(abs(outer[0]) + temple) / 2 + 0.001, high, outer[2] - 0.004],
            [temple, high, min(0.095, outer[2] - 0.015)],
            [ear, high - 0.001, 0.05],
            [ear - 0.002, high - 0.008, 0.03],
            [ear - 0.006, high - 0.03, 0.02],
        ]
    )
    fine = np.stack(
        [np.interp(np.linspace(0, 5, 21), np.arange(6), path[:, k]) for k in range(3)], 1
    )
    return tube(fine * [side, 1, 1], thick if wire else thick * 1.15, 6, flat=0.6)


# --- hats ---------------------------------------------------------------------------------------


class _Skull:
    """The outside of head and hair, as a radius for each direction from a point in the skull."""

    columns, rows = 48, 24  # azimuth from the back around, elevation from -60 to 90 degrees

    def __init__(self, head: Head) -> None:
        body = head.base[: head.bank.body_vertices]
        skull = body[head.bank.head_weight[: len(body)] > 0.9]
        self.centre = head.joints[2:4].mean(0) + np.array([0.0, 0.03, -0.085])
        self.top = float(skull[:, 1].max())
        self.bare = self.full = self._radius(skull)
        if len(head.hair):
            self.full = np.maximum(self.bare, self._radius(np.concatenate([skull, head.hair])))
        high = slice(self.rows // 2, None)
        self.volume = float((self.full[high] / self.bare[high]).max())

    def tuck(self) -> None:
        """From now on as if the hair were hidden."""
        self.full = self.bare

    def _radius(self, points: np.ndarray) -> np.ndarray:
        p = points - self.centre
        r = np.linalg.norm(p, axis=1)
        azimuth = (np.degrees(np.arctan2(p[:, 0], p[:, 2])) + 360) % 360
        elevation = np.degrees(np.arcsin(p[:, 1] / r))
        column = (azimuth / 360 * self.columns).astype(int) % self.columns
        row = ((elevation + 60) / 150 * (self.rows - 1)).round().astype(int)
        found = np.zeros((self.rows, self.columns))
        inside = (row >= 0) & (row < self.rows)
        np.maximum.at(found, (row[inside], column[inside]), r[inside])
        for _ in range(6):  # holes take their neighbours' radius
            around = [np.roll(found, k, 1) for k in (-1, 1)]
            around += [np.vstack([found[1:], found[-1:]]), np.vstack([found[:1], found[:-1]])]
            count = sum((a > 0).astype(float) for a in around)
            mean = sum(around) / np.maximum(count, 1)
            found = np.where(found > 0, found, mean)
        smooth = found
        for _ in range(2):
            smooth = (np.roll(smooth, 1, 1) + 2 * smooth + np.roll(smooth, -1, 1)) / 4
            padded = np.vstack([smooth[:1], smooth, smooth[-1:]])
            smooth = (padded[:-2] + 2 * smooth + padded[2:]) / 4
        return np.maximum(smooth, found * 0.985)

    def at(self, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
        """Radius for directions in degrees (0 azimuth to the front)."""
        column = (np.asarray(azimuth) / 360 * self.columns - 0.5) % self.columns
        row = np.clip((np.asarray(elevation) + 60) / 150 * (self.rows - 1), 0, self.rows - 1.001)
        i, j = row.astype(int), column.astype(int)
        a, b = row - i, column - j
        k = (j + 1) % self.columns
        f = self.full
        top = f[i, j] * (1 - b) + f[i, k] * b
        return top * (1 - a) + (f[i + 1, j] * (1 - b) + f[i + 1, k] * b) * a

    def point(self, azimuth: np.ndarray, elevation: np.ndarray, radius: np.ndarray) -> np.ndarray:
        a, e = np.radians(azimuth), np.radians(elevation)
        way = np.stack([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)], -1)
        return self.centre + way * np.asarray(radius)[..., None]


def headwear(head: Head, rng: np.random.Generator) -> list[Piece]:
    """A cap, a woollen hat, a brimmed hat, a headband, a scarf or a hood."""
    skull = _Skull(head)
    kind = rng.choice(["cap", "beanie", "brim", "band", "scarf"], p=[0.28, 0.22, 0.2, 0.1, 0.2])
    if skull.volume > _BULKY and kind != "band" and rng.random() < 0.6:
        kind = "scarf"
    azimuth = np.linspace(0, 360, 49)[:-1]
    front, back = rng.uniform(10, 26), rng.uniform(-30, 0)
    if kind == "beanie":
        front, back = rng.uniform(6, 22), rng.uniform(-35, -10)
    line = back + (front - back) * (0.5 + 0.5 * np.cos(np.radians(azimuth)))
    cloth = Kind.CLOTH if kind in ("beanie", "band", "scarf") or rng.random() < 0.4 else Kind.PLAIN
    colour, gloss = _colour(rng, 0.3), float(rng.uniform(0.05, 0.35))

    def piece(mesh: tuple[np.ndarray, np.ndarray, np.ndarray], tint: Colour = colour) -> Piece:
        return Piece(mesh, cloth, tint, WORN_MATERIAL, gloss=gloss, hides_hair=hides)

    thick = rng.uniform(0.003, 0.009)
    hides = kind == "scarf" or (kind != "band" and skull.volume > _BULKY)
    if hides:
        skull.tuck()
    if kind == "band":
        wide = rng.uniform(8, 22)
        rows = line + np.linspace(0, wide, 4)[:, None]
        bulge = thick * np.array([0.4, 1, 1, 0.4])[:, None]
        spread = np.broadcast_to(azimuth, rows.shape)
        radius = skull.at(spread, rows) + bulge
        return [piece(sheet(skull.point(spread, rows, radius), around=True))]
    up = np.linspace(0, 1, 12)[:, None]
    rows = line + (89.5 - line) * up
    spread = np.broadcast_to(azimuth, rows.shape)
    radius = skull.at(spread, rows) + thick * np.minimum(1, 0.5 + 3 * up)
    crown = radius + rng.uniform(0, 0.03) * np.clip(up * 2 - 0.4, 0, 1) * (kind != "scarf")
    pieces = []
    if kind == "scarf":
        pieces.append(piece(_scarf(skull, azimuth, line, thick, head)))
    shell = skull.point(spread, rows, crown)
    if kind == "brim" and rng.random() < 0.6:  # a flat top
        flat = skull.top + rng.uniform(0.02, 0.05)
        shell[..., 1] = np.minimum(shell[..., 1] + 0.05 * up**0.5, flat)
    pieces.append(piece(sheet(shell, around=True)))
    if kind == "cap":
        pieces.append(piece(_peak(skull, line, azimuth, rng), _colour(rng, 0.3)))
    if kind == "brim":
        out = np.linspace(0, 1, 5)[:, None] * rng.uniform(0.03, 0.09)
        at = skull.point(azimuth, line, skull.at(azimuth, line) + thick * 0.7)
        away = at - skull.centre
        away[:, 1] = 0
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        ring = at + out[..., None] * away
        ring[..., 1] += (rng.uniform(-8, 4) * out**2).reshape(-1, 1)
        pieces.append(piece(sheet(ring, around=True)))
        band = line + np.linspace(0.5, rng.uniform(8, 16), 3)[:, None]
        spread = np.broadcast_to(azimuth, band.shape)
        mesh = sheet(skull.point(spread, band, skull.at(spread, band) + thick + 0.001), around=True)
        pieces.append(piece(mesh, _colour(rng, 0.5)))
    return pieces


def _peak(
    skull: _Skull, line: np.ndarray, azimuth: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    side = np.linspace(-58, 58, 21)
    low = np.interp(side % 360, np.r_[azimuth, 360], np.r_[line, line[0]]) + 1
    root = skull.point(side, low, skull.at(side % 360, low) + 0.003)
    long = rng.uniform(0.05, 0.075) * (1 - (side / 58) ** 4 * 0.9)
    out = np.linspace(0, 1, 6)[:, None, None]
    down = rng.uniform(0.1, 0.55)
    step = np.stack([np.sin(np.radians(side)) * 0.25, np.full(21, -down), np.ones(21)], 1)
    tip = root + long[:, None] * step
    drop = -0.010 * (side / 58) ** 2
    bent = root + (tip - root) * out
    bent[..., 1] += drop * out[..., 0]
    return sheet(bent)


def _scarf(
    skull: _Skull, azimuth: np.ndarray, line: np.ndarray, thick: float, head: Head
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sides and the back, from the forehead's line down to the shoulders."""
    face = 52.0  # degrees to each side that stay open at the forehead; fewer at the chin
    share = np.linspace(-1, 1, 33)
    down = np.linspace(0, 1, 12)[:, None]
    side = 180 + share * (180 - face * (1 - 0.55 * down))
    low = np.interp(180 + share * (180 - face), azimuth, line)
    start = skull.point(side[0], low, skull.at(side[0], low) + thick)
    rel = start - skull.centre
    flat = np.hypot(rel[:, 0], rel[:, 2]) * (1 - 0.1 * down)
    # Outside of the ears all the way down; before the cheeks it dips into the skin.
    ease = np.clip(down * 3, 0, 1)
    flat = np.maximum(flat, (0.098 * (1 - 0.25 * down**2) - flat[:1]) * ease + flat[:1])
    turn = np.radians(side)
    chin = head.joints[1][1] + 0.01
    height = start[:, 1] + (chin - start[:, 1]) * down
    path = np.stack(
        [skull.centre[0] + flat * np.sin(turn), height, skull.centre[2] + flat * np.cos(turn)], -1
    )
    return sheet(path)


# --- loose hair ---------------------------------------------------------------------------------


def strands(head: Head, rng: np.random.Generator, hair: Colour, under: bool = False) -> list[Piece]:
    """Locks that hang from the hairline over the forehead, to the eyes or beside the cheeks."""
    skull = _Skull(head)
    skull.tuck()
    body = head.base[: head.bank.body_vertices]
    face = body[(body[:, 2] > 0.05) & (np.abs(body[:, 0]) < 0.1)]
    locks = []
    fringe = rng.random() < 0.45
    if fringe:  # a row of locks across the forehead
        span, count = rng.uniform(25, 60), int(rng.integers(7, 15))
        sides = np.linspace(-span, span, count) + rng.normal(0, 2, count)
        longs = rng.uniform(0.045, 0.075) * rng.uniform(0.8, 1.15, count)
        lean = rng.normal(0, 0.25) + rng.normal(0, 0.06, count)
    else:  # a few that have come loose
        count = int(rng.integers(1, 6))
        sides = rng.uniform(-75, 75, count)
        longs = rng.uniform(0.05, 0.14, count)
        lean = rng.normal(0, 0.35, count)
    high = rng.uniform(28, 38) if not under else rng.uniform(14, 20)
    for side, long, slant in zip(sides, longs, lean, strict=True):
        wide = rng.uniform(0.004, 0.008) if fringe else rng.uniform(0.0015, 0.006)
        locks.append(_lock(skull, face, side, high, long, slant, wide, rng))
    spread = rng.uniform(0.8, 1.2)
    colour = (hair[0] * spread, hair[1] * spread, hair[2] * spread)
    return [Piece(joined(locks), Kind.HAIR, colour, HAIR_MATERIAL, gloss=0.4)]


def _lock(
    skull: _Skull,
    face: np.ndarray,
    side: float,
    high: float,
    long: float,
    slant: float,
    wide: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    down = np.linspace(0, 1, 9)
    low = high - abs(side) * 0.15
    root = skull.point(
        np.array([side]), np.array([low]), skull.at(np.array([side % 360]), np.array([low])) - 0.002
    )[0]
    a = np.radians(side)
    across = np.array([np.cos(a), 0, -np.sin(a)])
    outward = np.array([np.sin(a), 0, np.cos(a)])
    wave = rng.normal(0, 0.004) * np.sin(down * rng.uniform(2, 6))
    path = root + (down * long)[:, None] * (np.array([0, -1, 0]) + slant * across)
    path = path + wave[:, None] * across
    path += (0.010 * np.sin(np.pi * np.minimum(1, down * 1.6)))[:, None] * outward
    # On the skin, never in it: pushed out to where the face is at that height and side.
    middle = np.array([0, 0, skull.centre[2]])
    for point in path:
        close = np.linalg.norm(face[:, :2] - point[:2], axis=1) < 0.012
        if close.any():
            rel, skin = point - middle, face[close] - middle
            want = np.hypot(skin[:, 0], skin[:, 2]).max() + 0.003
            now = np.hypot(rel[0], rel[2])
            if now < want:
                point[[0, 2]] = (middle + rel * want / now)[[0, 2]]
    taper = wide * np.clip(1.1 - down, 0.25, 1)[:, None]
    cut = np.array([-1.0, 0, 1.0])[None, :, None]
    points = path[:, None] + cut * taper[:, None] * across
    points[:, 1] += 0.0015 * outward
    return sheet(points)


# --- held things --------------------------------------------------------------------------------


def held(head: Head, rng: np.random.Generator, skin: Colour) -> list[Piece]:
    """A hand, a microphone, a phone, a cup or a card before a part of the face, still in the room.

    skin: linear colour of the hand.
    """
    landmarks = head.base[head.bank.landmarks]
    mouth, chin, nose = landmarks[32], landmarks[35], landmarks[19]
    kind = rng.choice(
        ["hand", "microphone", "phone", "cup", "card"], p=[0.42, 0.25, 0.1, 0.13, 0.1]
    )
    ahead = rng.uniform(0.025, 0.06)
    if kind == "microphone":
        at = np.array(
            [rng.normal(0, 0.02), chin[1] + rng.uniform(-0.02, 0.025), nose[2] + ahead + 0.01]
        )
        radius = rng.uniform(0.018, 0.028)
        way = np.array([rng.normal(0, 0.25), -1, rng.uniform(0.0, 0.5)])
        way /= np.linalg.norm(way)
        path = at + way * np.linspace(0, 0.22, 6)[:, None]
        grip = tube(path, radius * np.linspace(0.8, 0.55, 6), 14)
        foam = Kind.CLOTH if rng.random() < 0.4 else Kind.MESH
        top = Piece(
            ball(at, np.full(3, radius)), foam, _colour(rng, 0.5), HELD_MATERIAL, 0.5, held=True
        )
        return [
            top,
            Piece(grip, Kind.PLAIN, (0.02, 0.02, 0.022), HELD_MATERIAL, 0.5, held=True),
        ]
    if kind == "hand":
        return [_hand(rng, skin, mouth, chin, nose[2] + 0.01)]
    at = np.array([rng.uniform(-0.06, 0.06), rng.uniform(chin[1] - 0.03, mouth[1]), nose[2]])
    at[2] += ahead
    colour = _colour(rng, 0.25)
    if kind == "cup":
        path = at + np.array([0, 1, 0]) * np.linspace(-0.05, 0.05, 6)[:, None]
        mesh = tube(path, np.linspace(0.030, 0.038, 6), 20)
        return [Piece(mesh, Kind.PLAIN, colour, HELD_MATERIAL, 0.6, held=True)]
    size = np.array([0.037, 0.075, 0.004]) if kind == "phone" else np.array([0.04, 0.06, 0.0006])
    at[0] = rng.choice([-1, 1]) * rng.uniform(0.03, 0.09)
    mesh = box(size)
    tilt = np.radians(rng.uniform(-40, 40))
    c, s = np.cos(tilt), np.sin(tilt)
    points = mesh[0] @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + at
    gloss = 0.8 if kind == "phone" else 0.1
    return [Piece((points, *mesh[1:]), Kind.PLAIN, colour, HELD_MATERIAL, gloss, held=True)]


def _hand(
    rng: np.random.Generator, skin: Colour, mouth: np.ndarray, chin: np.ndarray, front: float
) -> Piece:
    """Four fingers and a thumb as tapered tubes on a palm, laid over the mouth or a cheek."""
    side = rng.choice([-1, 1])
    base = np.array([side * rng.uniform(0.02, 0.085), rng.uniform(chin[1] - 0.05, mouth[1]), front])
    turn = np.radians(side * rng.uniform(-10, 75))
    up = np.array([-np.sin(turn) * 1.0, np.cos(turn), 0.0])
    across = np.array([up[1], -up[0], 0.0])
    parts = [ball(base - up * 0.03 + [0, 0, 0.010], np.array([0.040, 0.042, 0.016]))]
    bend = rng.uniform(0, 0.9)
    for k, length in enumerate((0.068, 0.078, 0.072, 0.056)):
        spread = (k - 1.5) * rng.uniform(0.03, 0.14)
        way = up + across * spread
        t = np.linspace(0, 1, 9)[:, None]
        root = base + across * (k - 1.5) * 0.0185 - up * 0.005
        curl = np.array([0, 0, 1.0]) * (0.012 * np.sin(np.pi * t) * bend + 0.006)
        path = root + way * t * length * (1 - 0.25 * bend) + curl
        width = np.r_[np.full(6, 0.0088), 0.0082, 0.0068, 0.002] * (1 - 0.03 * k)
        parts.append(tube(path, width, 10))
    t = np.linspace(0, 1, 8)[:, None]
    aside = up * 0.7 - across * side * 0.75
    thumb = base - up * 0.035 - across * side * 0.03 + aside * t * 0.062
    parts.append(
        tube(thumb + np.array([0, 0, 0.012]), np.r_[np.full(5, 0.0105), 0.0098, 0.008, 0.002], 10)
    )
    arm = base - up * np.linspace(0.05, 0.25, 5)[:, None] + [0, 0, 0.008]
    parts.append(tube(arm, np.linspace(0.027, 0.036, 5), 14))
    return Piece(joined(parts), Kind.SKIN, skin, HELD_MATERIAL, gloss=0.25, held=True)
