# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a posed head with OpenGL through EGL: software GL on a CPU, the GPU where there is one."""

from __future__ import annotations

import moderngl
import numpy as np

from .camera import Camera
from .head import Head, Posed
from .labelling import Labelling
from .labels import Labels, Tracks
from .meshes import HeadMesh, WornMesh
from .occlusion import Occlusion
from .programs import Programs
from .scene import Light, Look
from .shading import Shading
from .textures import Textures
from .worn import Worn


class Renderer:
    """One GL context, and in it one head, which `set_head` gives before anything is drawn. size:
    picture width in pixels; supersample: samples along each axis; grid: width of the labels."""

    def __init__(self, size: int = 256, supersample: int = 2, grid: int = 128) -> None:
        ctx = self._ctx = moderngl.create_standalone_context(backend="egl")  # type: ignore[arg-type]
        self._programs, self._textures = Programs.compiled(ctx), Textures(ctx)
        self._shading = Shading(ctx, self._programs, size, supersample)
        self._labelling = Labelling(ctx, self._programs, grid)
        self._occlusion = Occlusion(ctx, self._programs.depth)
        self._head: HeadMesh | None = None
        self._worn = WornMesh(ctx, self._programs, Worn(()))

    def set_head(self, head: Head, skin: np.ndarray, occlusion: bool = True) -> None:
        """skin: uint8 [s,s,3] colour texture. Costs about half a second: once per identity."""
        if self._head is not None:
            self._head.release()
        self._head = HeadMesh(self._ctx, self._programs, self._textures, head, skin)
        if occlusion:
            self._occlusion.bake(self._head)

    def set_worn(self, worn: Worn) -> None:
        """What the head wears from now on; cheap, so it may change from picture to picture."""
        self._worn.release()
        self._worn = WornMesh(self._ctx, self._programs, worn)

    @property
    def _mesh(self) -> HeadMesh:
        assert self._head is not None, "set_head comes first"
        return self._head

    def render(
        self,
        posed: Posed,
        camera: Camera,
        light: Light,
        look: Look,
        background: np.ndarray,
    ) -> np.ndarray:
        """uint8 [size,size,4]: RGB over the background (uint8 [256,256,3]) and the head's alpha."""
        return self._shading.draw(self._mesh, self._worn, posed, camera, light, look, background)

    def track(self, posed: Posed, targets: list[Posed], camera: Camera) -> Tracks:
        """Exact labels of the portrait `posed` against at most labels.TRACKED other poses of it."""
        return self._labelling.track(self._mesh, self._worn, posed, targets, camera)

    def labels(self, posed: Posed, camera: Camera) -> Labels:
        """What each pixel of the picture of `posed` shows, without any flow."""
        return self._labelling.labels(self._mesh, self._worn, posed, camera)
