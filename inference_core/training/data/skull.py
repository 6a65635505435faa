# SPDX-License-Identifier: GPL-3.0-or-later
"""The outside of a head in polar coordinates, for what is put on it."""

from __future__ import annotations

import numpy as np

from .head import Head


class Skull:
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
