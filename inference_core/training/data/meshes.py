# SPDX-License-Identifier: GPL-3.0-or-later
"""A head and what it wears in the memory of one GL context, for every pass that draws them."""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np
from PIL import Image

from .head import Head, Posed
from .labels import TRACKED
from .parts import runs
from .programs import Programs
from .textures import Textures
from .worn import Worn

_TARGETS = " ".join(["3f"] * TRACKED), *(f"t{i}" for i in range(TRACKED))


class HeadMesh:
    """skin: uint8 [s,s,3] colour texture. Vertex arrays `shaded` (by part), `depth`, `label` and
    `track` draw what was last written; textures `skin`, `relief` (normal map) and `wig`."""

    def __init__(
        self,
        ctx: moderngl.Context,
        programs: Programs,
        textures: Textures,
        head: Head,
        skin: np.ndarray,
    ) -> None:
        n = len(head.rest())
        self.head, self._ctx = head, ctx
        self._places = ctx.buffer(reserve=n * 3 * 4, dynamic=True)
        self._normals = ctx.buffer(reserve=n * 3 * 4, dynamic=True)
        self._fixed = ctx.buffer(reserve=n * 7 * 4)
        self._targets = ctx.buffer(reserve=n * TRACKED * 3 * 4, dynamic=True)
        index = ctx.buffer(head.faces.astype("i4").tobytes())
        self.runs = runs(head.material[head.faces[:, 0]])
        position = (self._places, "3f", "in_pos")
        chart = (self._fixed, "2f 1f 4x4", "in_uv", "in_mat")
        # What a part's shader does not read is not in its program: skip_errors.
        self.shaded = {
            part: ctx.vertex_array(
                programs.surface[part],
                [
                    position,
                    (self._normals, "3f", "in_nrm"),
                    (self._fixed, "2f 1f 1f 3f", "in_uv", "in_mat", "in_ao", "in_obj"),
                ],
                index,
                skip_errors=True,
            )
            for part in {run.part for run in self.runs}
        }
        self.depth = ctx.vertex_array(programs.depth, [position], index)
        self.label = ctx.vertex_array(programs.label, [position, chart], index)
        self.track = ctx.vertex_array(
            programs.track, [position, chart, (self._targets, *_TARGETS)], index
        )
        self.skin = textures.mipmapped(Image.fromarray(skin))
        folder, identity = head.bank.folder / "tex", head.identity
        self.relief = textures.of_file(folder / f"{identity.texture}_nm.webp", 1024)
        self.wig = self.skin
        if identity.wig is not None:
            self.wig = textures.of_file(folder / f"{identity.wig}_wig.webp", 512)
        buffers = [self._places, self._normals, self._fixed, self._targets, index]
        arrays = [*self.shaded.values(), self.depth, self.label, self.track]
        self._own: list[Any] = [*buffers, self.skin, *arrays]
        self.write_occlusion(np.ones(n, np.float32))

    def write_occlusion(self, ambient: np.ndarray) -> None:
        """ambient [n]: how much of the light from all sides reaches each vertex, 0 to 1."""
        head = self.head
        columns = [head.uv, head.material[:, None], ambient[:, None], head.rest()]
        self._fixed.write(np.concatenate(columns, 1).astype("f4").tobytes())

    def write_places(self, vertices: np.ndarray) -> None:
        """vertices [n,3] in metres; for passes that light nothing."""
        self._places.write(vertices.astype("f4", copy=False))

    def write_pose(self, vertices: np.ndarray) -> None:
        """vertices [n,3] in metres, and the normals that follow."""
        self.write_places(vertices)
        self._normals.write(self.head.normals(vertices).astype("f4", copy=False))

    def write_targets(self, vertices: list[np.ndarray]) -> None:
        """vertices: TRACKED times [n,3], where `track` follows each point to."""
        self._targets.write(np.concatenate(vertices, 1))

    def two_sided(self, array: moderngl.VertexArray, hair: bool) -> None:
        """Bodies are closed and may be culled; wigs are single sheets and may not."""
        body = self.head.body_faces * 3
        self._ctx.enable(moderngl.CULL_FACE)
        array.render(vertices=body)
        self._ctx.disable(moderngl.CULL_FACE)
        if len(self.head.hair) and hair:
            array.render(vertices=len(self.head.faces) * 3 - body, first=body)

    def release(self) -> None:
        """Gives back what is its own; textures of files stay."""
        for resource in self._own:
            resource.release()


class WornMesh:
    """What a head wears; where that is nothing, nothing is in memory and every method is idle."""

    def __init__(self, ctx: moderngl.Context, programs: Programs, worn: Worn) -> None:
        self.worn, self._ctx = worn, ctx
        self._own: list[Any] = []
        if not worn.count:
            return
        n = worn.count
        self._live = ctx.buffer(reserve=n * 6 * 4, dynamic=True)
        self._targets = ctx.buffer(reserve=n * TRACKED * 3 * 4, dynamic=True)
        fixed, label = ctx.buffer(worn.fixed.tobytes()), ctx.buffer(worn.label.tobytes())
        index = ctx.buffer(worn.faces.tobytes())
        self._own = [self._live, self._targets, fixed, label, index]
        self._shaded = ctx.vertex_array(
            programs.worn,
            [
                (self._live, "3f 3f", "in_pos", "in_nrm"),
                (fixed, "2f 1f 4f 1f", "in_uv", "in_kind", "in_paint", "in_opacity"),
            ],
            index,
        )
        position, chart = (self._live, "3f 3x4", "in_pos"), (label, "2f 1f", "in_uv", "in_mat")
        self._depth = ctx.vertex_array(programs.depth, [position], index)
        self._own += [self._shaded, self._depth]
        if len(worn.labelled):
            seen = ctx.buffer(worn.labelled.tobytes())
            self._label = ctx.vertex_array(programs.label, [position, chart], seen)
            self._track = ctx.vertex_array(
                programs.track, [position, chart, (self._targets, *_TARGETS)], seen
            )
            self._own += [seen, self._label, self._track]

    def place(self, head: Head, posed: Posed) -> None:
        """Where `cast`, `shade` and `label` draw it from now on."""
        if self.worn.count:
            self._live.write(self.worn.place(head, posed).tobytes())

    def place_tracks(self, head: Head, posed: Posed, targets: list[Posed]) -> None:
        """Where `track` draws it, and where it follows its points to; at most TRACKED targets."""
        if not len(self.worn.labelled):
            return
        here, *there = (self.worn.place(head, p) for p in [posed, *targets])
        self._live.write(here.tobytes())
        rows = [t[:, :3] for t in there] + [here[:, :3]] * (TRACKED - len(there))
        self._targets.write(np.ascontiguousarray(np.concatenate(rows, 1)).tobytes())

    def cast(self) -> None:
        """Draws the depth of what casts a shadow."""
        if self.worn.casting:
            self._depth.render(vertices=self.worn.casting * 3)

    def shade(self) -> None:
        """Draws what is solid and then, over what is behind, what is seen through."""
        solid, every = self.worn.opaque * 3, len(self.worn.faces) * 3
        if solid:
            self._shaded.render(vertices=solid)
        if every > solid:  # premultiplied
            self._ctx.enable(moderngl.BLEND)
            self._ctx.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
            self._shaded.render(vertices=every - solid, first=solid)
            self._ctx.disable(moderngl.BLEND)

    def label(self) -> None:
        """Draws what labels see of it."""
        if len(self.worn.labelled):
            self._label.render()

    def track(self) -> None:
        """Draws where what labels see of it goes."""
        if len(self.worn.labelled):
            self._track.render()

    def release(self) -> None:
        """Gives its memory back."""
        for resource in self._own:
            resource.release()
