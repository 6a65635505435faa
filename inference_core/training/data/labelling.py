# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws what is known about pixels: what they show, and where the points seen there go."""

from __future__ import annotations

import moderngl
import numpy as np

from .camera import Camera
from .head import Posed
from .labels import TRACKED, Labels, Tracks
from .meshes import HeadMesh, WornMesh
from .programs import Programs


class Labelling:
    """The targets of one GL context. grid: width of the labels in cells."""

    def __init__(self, ctx: moderngl.Context, programs: Programs, grid: int) -> None:
        self._ctx, self._programs, self._grid = ctx, programs, grid
        self._track_out = [ctx.texture((grid, grid), 4, dtype="f4") for _ in range(7)]
        self._track_target = ctx.framebuffer(self._track_out, ctx.depth_renderbuffer((grid, grid)))
        self._label_out = ctx.texture((grid, grid), 4, dtype="f4")
        self._label_target = ctx.framebuffer(
            [self._label_out], ctx.depth_renderbuffer((grid, grid))
        )

    def labels(self, head: HeadMesh, worn: WornMesh, posed: Posed, camera: Camera) -> Labels:
        """What each pixel of the picture of `posed` shows, without any flow."""
        head.write_places(posed.vertices)
        worn.place(head.head, posed)
        self._label_target.use()
        self._label_target.clear(0, 0, 0, 0)
        self._ctx.enable(moderngl.DEPTH_TEST)
        self._programs.label["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        head.two_sided(head.label, hair=not worn.worn.hides_hair)
        worn.label()
        out = self._read(self._label_out)
        inside = out[..., 0] > 0.5
        return Labels(
            np.where(inside, np.rint(out[..., 0]) - 1, -1),
            (out[..., 1:3] * inside[..., None]).transpose(2, 0, 1),
            out[..., 3] * inside,
        )

    def track(
        self, head: HeadMesh, worn: WornMesh, posed: Posed, targets: list[Posed], camera: Camera
    ) -> Tracks:
        """Labels of the portrait `posed` against other poses of it; ValueError for too many."""
        if len(targets) > TRACKED:
            raise ValueError(f"one pass tracks at most {TRACKED} targets, got {len(targets)}")
        head.write_places(posed.vertices)
        worn.place_tracks(head.head, posed, targets)
        padded = [t.vertices for t in targets] + [posed.vertices] * (TRACKED - len(targets))
        head.write_targets(padded)
        self._track_target.use()
        self._track_target.clear(0, 0, 0, 0)
        self._ctx.enable(moderngl.DEPTH_TEST)
        self._programs.track["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        head.two_sided(head.track, hair=not worn.worn.hides_hair)
        worn.track()
        g = self._grid
        out = [self._read(t) for t in self._track_out]
        inside = out[4][..., 1] > 0.5
        centre = (np.arange(g) + 0.5) * 2 / g - 1
        here = np.stack(np.meshgrid(centre, -centre, indexing="xy"))  # ndc, y up
        moved = np.concatenate(out[:4], -1).reshape(g, g, TRACKED, 2).transpose(2, 3, 0, 1)
        flow = np.where(inside, moved - here, 0)[: len(targets)] * np.array([1, -1])[:, None, None]
        reached = np.concatenate(out[5:], -1).transpose(2, 0, 1)[: len(targets)]
        return Tracks(
            flow.astype(np.float32),
            reached * inside,
            out[4][..., 0] * inside,
            np.where(inside, np.rint(out[4][..., 1]) - 1, -1),
            (out[4][..., 2:] * inside[..., None]).transpose(2, 0, 1),
        )

    def _read(self, texture: moderngl.Texture) -> np.ndarray:
        """float32 [g,g,4], rows from the top."""
        return np.frombuffer(texture.read(), "f4").reshape(self._grid, self._grid, 4)[::-1]
