# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a posed head with OpenGL through EGL: software GL on a CPU, the GPU where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
from PIL import Image

from .camera import Camera, look_at, orthographic
from .head import Head, Posed
from .scene import Light, Look
from .worn import Worn

_SHADERS = Path(__file__).parent / "shaders"
_SHADOW_SIZE = 768
_NEARER = 0.004  # metres: more than a pixel's slope on a cheek, less than a nose or a lip
TRACKED = 8  # targets that one tracking pass follows


class Part(IntEnum):
    """What shaders/surface.frag shades, each by a program of its own."""

    SKIN = 0
    EYES = 1
    CARUNCLES = 2
    TEETH = 3
    HAIR = 4


_PART_OF = (
    *(Part.SKIN, Part.EYES, Part.EYES, Part.CARUNCLES, Part.CARUNCLES),
    *(Part.TEETH, Part.TEETH, Part.HAIR),
)  # by material


@dataclass(frozen=True)
class Run:
    """Faces first to first + count of a head, all of one part."""

    part: Part
    first: int
    count: int


def _runs(material: np.ndarray) -> list[Run]:
    """material [f]: of each face. In the order of the faces, as few as there can be."""
    part = np.array(_PART_OF)[material.astype(int)]
    starts = np.r_[0, np.nonzero(np.diff(part))[0] + 1, len(part)]
    return [Run(Part(int(part[a])), int(a), int(b - a)) for a, b in pairwise(starts)]


@dataclass(frozen=True)
class Labels:
    """What each pixel of a picture shows, rows from the top.

    material float32 [g,g]: -1 background, 0 skin and cloth (and the lashes, which move as the skin
    of their lid does), 1 the eyeball at the image's right, 2 at its left, 3..4 caruncles, 5 lower
    teeth and tongue, 6 upper teeth, 7 hair that is a mesh (wigs, loose strands), 8 worn and rigid
    with the head (glasses, hats), 9 held before the face, which does not move with it. Through
    lenses that are clear or lightly tinted the label is that of what is seen behind. uv float32
    [2,g,g]: texture coordinates on the chart of the material, 0 for loose strands, 8 and 9.
    depth float32 [g,g]: distance to the camera in metres, 0 on the background.
    """

    material: np.ndarray
    uv: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class Tracks:
    """Exact labels of the portrait's own pixels, rows from the top.

    flow float32 [targets,2,g,g]: displacement of the point seen at each pixel, in half-widths of
    the crop, x right, y down; 0 on the background. depth float32 [g,g]: distance to the camera in
    metres (0 = background). material and uv: of the point that is seen, as in Labels. reached
    float32 [targets,g,g]: distance to the camera, in metres, of the point seen here when it is in
    the target; `visible` compares it with what the target shows there.
    """

    flow: np.ndarray
    reached: np.ndarray
    depth: np.ndarray
    material: np.ndarray
    uv: np.ndarray


class Renderer:
    """One GL context. size: picture width in pixels; supersample: samples along each axis."""

    def __init__(self, size: int = 256, supersample: int = 2, grid: int = 128) -> None:
        self.size, self.supersample, self.grid = size, supersample, grid
        ctx = self.ctx = moderngl.create_standalone_context(backend="egl")  # type: ignore[arg-type]
        self._surfaces = {
            part: self._program("surface.vert", "surface.frag", PART=part) for part in Part
        }
        self._depth = self._program("depth.vert", "depth.frag")
        self._develop = self._program("screen.vert", "develop.frag")
        self._linear = self._program("screen.vert", "linear.frag")
        self._track = self._program("track.vert", "track.frag")
        self._worn_surface = self._program("worn.vert", "worn.frag")
        self._label = self._program("label.vert", "label.frag")
        self._shadow = ctx.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        self._shadow.compare_func = "<="
        self._shadow.repeat_x = self._shadow.repeat_y = False
        self._shadow_target = ctx.framebuffer(depth_attachment=self._shadow)
        big = size * supersample
        self._scene = ctx.texture((big, big), 4, dtype="f2")
        self._scene_target = ctx.framebuffer([self._scene], ctx.depth_renderbuffer((big, big)))
        self._picture = ctx.framebuffer([ctx.texture((size, size), 4)])
        self._background = ctx.texture((256, 256), 3)
        self._background.repeat_x = self._background.repeat_y = False
        self._behind = ctx.texture((big, big), 4, dtype="f4")
        self._behind_target = ctx.framebuffer([self._behind])
        self._behind_of: np.ndarray | None = None
        self._track_out = [ctx.texture((grid, grid), 4, dtype="f4") for _ in range(7)]
        self._track_target = ctx.framebuffer(self._track_out, ctx.depth_renderbuffer((grid, grid)))
        self._label_out = ctx.texture((grid, grid), 4, dtype="f4")
        self._label_target = ctx.framebuffer(
            [self._label_out], ctx.depth_renderbuffer((grid, grid))
        )
        self._ao_map = ctx.depth_texture((256, 256))
        self._ao_target = ctx.framebuffer(depth_attachment=self._ao_map)
        triangle = ctx.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4").tobytes())
        self._screen = ctx.vertex_array(self._develop, [(triangle, "2f", "corner")])
        self._screen_linear = ctx.vertex_array(self._linear, [(triangle, "2f", "corner")])
        self._textures: dict[tuple[Path, int], moderngl.Texture] = {}
        self._per_head: list[Any] = []
        self._per_worn: list[Any] = []
        self.worn = Worn(())

    def _program(self, vertex: str, fragment: str, **defined: int) -> Any:
        light = (_SHADERS / "light.glsl").read_text()
        macros = "".join(f"#define {name} {value:d}\n" for name, value in defined.items())
        first, rest = (_SHADERS / fragment).read_text().split("\n", 1)
        return self.ctx.program(
            vertex_shader=(_SHADERS / vertex).read_text(),
            fragment_shader=f"{first}\n{macros}" + rest.replace("//include light.glsl", light),
        )

    def set_head(self, head: Head, skin: np.ndarray, occlusion: bool = True) -> None:
        """skin: uint8 [s,s,3] colour texture. Costs about half a second: once per identity."""
        for resource in self._per_head:
            resource.release()
        ctx, n = self.ctx, len(head.rest())
        self.head = head
        self._places = ctx.buffer(reserve=n * 3 * 4, dynamic=True)
        self._normals = ctx.buffer(reserve=n * 3 * 4, dynamic=True)
        self._fixed = ctx.buffer(reserve=n * 7 * 4)
        self._targets = ctx.buffer(reserve=n * TRACKED * 3 * 4, dynamic=True)
        self._index = ctx.buffer(head.faces.astype("i4").tobytes())
        skin_texture = self._mipmapped(Image.fromarray(skin))
        # What a part's shader does not read is not in its program: skip_errors.
        self._runs = _runs(head.material[head.faces[:, 0]])
        self._draw = {
            part: ctx.vertex_array(
                self._surfaces[part],
                [
                    (self._places, "3f", "in_pos"),
                    (self._normals, "3f", "in_nrm"),
                    (self._fixed, "2f 1f 1f 3f", "in_uv", "in_mat", "in_ao", "in_obj"),
                ],
                self._index,
                skip_errors=True,
            )
            for part in {run.part for run in self._runs}
        }
        self._draw_depth = ctx.vertex_array(
            self._depth, [(self._places, "3f", "in_pos")], self._index
        )
        names = [f"t{i}" for i in range(TRACKED)]
        self._draw_track = ctx.vertex_array(
            self._track,
            [
                (self._places, "3f", "in_pos"),
                (self._fixed, "2f 1f 4x4", "in_uv", "in_mat"),
                (self._targets, " ".join(["3f"] * TRACKED), *names),
            ],
            self._index,
        )
        self._draw_label = ctx.vertex_array(
            self._label,
            [
                (self._places, "3f", "in_pos"),
                (self._fixed, "2f 1f 4x4", "in_uv", "in_mat"),
            ],
            self._index,
        )
        self._per_head = [self._places, self._normals, self._fixed, self._targets, self._index]
        self._per_head += [skin_texture, *self._draw.values()]
        self._per_head += [self._draw_depth, self._draw_track, self._draw_label]
        folder, identity = head.bank.folder / "tex", head.identity
        self._skin = skin_texture
        self._normal_map = self._file_texture(folder / f"{identity.texture}_nm.webp", 1024)
        self._wig = skin_texture
        if identity.wig is not None:
            self._wig = self._file_texture(folder / f"{identity.wig}_wig.webp", 512)
        self._ao = np.ones(n, np.float32)
        self._write_fixed()
        if occlusion:
            self._ao = self._bake_occlusion()
            self._write_fixed()

    def set_worn(self, worn: Worn) -> None:
        """What the head wears from now on; cheap, so it may change from picture to picture."""
        for resource in self._per_worn:
            resource.release()
        self._per_worn, self.worn = [], worn
        if not worn.count:
            return
        ctx, n = self.ctx, worn.count
        live = self._worn_live = ctx.buffer(reserve=n * 6 * 4, dynamic=True)
        targets = self._worn_targets = ctx.buffer(reserve=n * TRACKED * 3 * 4, dynamic=True)
        fixed, label = ctx.buffer(worn.fixed.tobytes()), ctx.buffer(worn.label.tobytes())
        index = ctx.buffer(worn.faces.tobytes())
        self._per_worn = [live, targets, fixed, label, index]
        self._draw_worn = ctx.vertex_array(
            self._worn_surface,
            [
                (live, "3f 3f", "in_pos", "in_nrm"),
                (fixed, "2f 1f 4f 1f", "in_uv", "in_kind", "in_paint", "in_opacity"),
            ],
            index,
        )
        self._draw_worn_depth = ctx.vertex_array(self._depth, [(live, "3f 3x4", "in_pos")], index)
        self._per_worn += [self._draw_worn, self._draw_worn_depth]
        if len(worn.labelled):
            seen = ctx.buffer(worn.labelled.tobytes())
            names = [f"t{i}" for i in range(TRACKED)]
            position = (live, "3f 3x4", "in_pos")
            chart = (label, "2f 1f", "in_uv", "in_mat")
            self._draw_worn_label = ctx.vertex_array(self._label, [position, chart], seen)
            self._draw_worn_track = ctx.vertex_array(
                self._track,
                [position, chart, (targets, " ".join(["3f"] * TRACKED), *names)],
                seen,
            )
            self._per_worn += [seen, self._draw_worn_label, self._draw_worn_track]

    def _mipmapped(self, image: Image.Image) -> moderngl.Texture:
        texture = self.ctx.texture(image.size, 3, image.tobytes())
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        return texture

    def _file_texture(self, path: Path, size: int) -> moderngl.Texture:
        if (path, size) not in self._textures:
            image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
            self._textures[path, size] = self._mipmapped(image)
        return self._textures[path, size]

    def _write_fixed(self) -> None:
        head = self.head
        columns = [head.uv, head.material[:, None], self._ao[:, None], head.rest()]
        self._fixed.write(np.concatenate(columns, 1).astype("f4").tobytes())

    def _place_worn(self, posed: Posed) -> None:
        if self.worn.count:
            self._worn_live.write(self.worn.place(self.head, posed).tobytes())

    def _write_pose(self, vertices: np.ndarray) -> None:
        self._places.write(vertices.astype("f4", copy=False))
        self._normals.write(self.head.normals(vertices).astype("f4", copy=False))

    def _bake_occlusion(self, directions: int = 20) -> np.ndarray:
        """Ambient occlusion per vertex [n] from depth maps seen from a spiral of directions."""
        head = self.head
        v = head.rest()
        normals = head.normals(v)
        self._write_pose(v)
        k = np.arange(directions) + 0.5
        polar, azimuth = np.arccos(1 - 1.75 * k / directions), np.pi * (1 + 5**0.5) * k
        spiral = np.stack(
            [np.cos(azimuth) * np.sin(polar), np.cos(polar), np.sin(azimuth) * np.sin(polar)], 1
        )
        centre, size = head.joints[0], self._ao_map.size[0]
        seen, total = np.zeros(len(v)), np.zeros(len(v))
        facing = np.clip(normals @ spiral.T, 0, 1)
        inner = (1, 2, 5, 6)  # eyes and mouth interior are shaded by the shader itself
        for part in inner:
            a, b = head.bank.parts[part]
            facing[a:b] = 0
        self.ctx.enable(moderngl.DEPTH_TEST)
        for d, lit in zip(spiral, facing.T, strict=True):
            view = orthographic(0.28, 0.0, 1.2) @ look_at(centre + d * 0.6, centre)
            self._ao_target.use()
            self._ao_target.clear(depth=1)
            self._depth["mvp"].write(view.T.astype("f4").tobytes())
            self._draw_depth.render()
            z = np.frombuffer(self._ao_map.read(), "f4").reshape(size, size)
            some = np.nonzero(lit)[0]
            q = (v[some] @ view[:3, :3].T + view[:3, 3]) * 0.5 + 0.5
            at = np.clip((q[:, :2] * size).astype(int), 0, size - 1)
            seen[some] += (z[at[:, 1], at[:, 0]] > q[:, 2] - 0.005) * lit[some]
            total += lit
        ao = np.clip(seen / np.maximum(total, 1e-3) * 1.05, 0.08, 1)
        for part in inner:
            a, b = head.bank.parts[part]
            ao[a:b] = 1
        return ao.astype(np.float32)

    def render(
        self,
        posed: Posed,
        camera: Camera,
        light: Light,
        look: Look,
        background: np.ndarray,
    ) -> np.ndarray:
        """uint8 [size,size,4]: RGB over the background (uint8 [256,256,3]) and the head's alpha."""
        self._write_pose(posed.vertices)
        self._place_worn(posed)
        ctx, head = self.ctx, self.head
        ctx.enable(moderngl.DEPTH_TEST)
        ctx.disable(moderngl.CULL_FACE)
        toward = np.asarray(light.directions[0])
        shadow = orthographic(0.30, 0.2, 1.8) @ look_at(head.joints[0] + toward, head.joints[0])
        self._shadow_target.use()
        self._shadow_target.clear(depth=1)
        self._depth["mvp"].write(shadow.T.astype("f4").tobytes())
        body = head.body_faces if self.worn.hides_hair else len(head.faces)
        self._draw_depth.render(vertices=body * 3)
        if self.worn.casting:
            self._draw_worn_depth.render(vertices=self.worn.casting * 3)

        self._scene_target.use()
        self._scene_target.clear(0, 0, 0, 0)
        self._render_head(posed, camera, light, look, shadow)
        self._render_worn(camera, light, shadow)

        ctx.disable(moderngl.DEPTH_TEST)
        if self._behind_of is not background:  # the pictures of a group have one
            self._background.write(np.ascontiguousarray(background).tobytes())
            self._behind_target.use()
            self._background.use(1)
            self._linear["background"].value = 1
            self._linear["size"].value = self._behind.size
            self._screen_linear.render(moderngl.TRIANGLES)
            self._behind_of = background
        self._picture.use()
        q = self._develop
        self._scene.use(0)
        self._behind.use(1)
        q["scene"].value, q["behind"].value = 0, 1
        q["exposure"].value, q["tint"].value = look.exposure, look.tint
        q["down"].value = self.supersample
        self._screen.render(moderngl.TRIANGLES)
        pixels = np.frombuffer(self._picture.read(components=4), np.uint8)
        return pixels.reshape(self.size, self.size, 4)[::-1].copy()

    def _render_head(
        self, posed: Posed, camera: Camera, light: Light, look: Look, shadow: np.ndarray
    ) -> None:
        head = self.head
        textures = {
            "skin_texture": self._skin,
            "wig_texture": self._wig,
            "shadow_map": self._shadow,
            "normal_texture": self._normal_map,
        }
        values: dict[str, Any] = look.uniforms()
        values["mouth_centre"] = tuple(head.rest()[head.bank.landmarks[32]])
        for unit, (name, texture) in enumerate(textures.items()):
            texture.use(unit)
            values[name] = unit
        for part in self._draw:
            program = self._surfaces[part]
            self._light(program, camera, light, shadow)
            for k, name in enumerate(("eye_centre", "eye_forward")):
                if name in program:
                    program[name].write(np.array([e[k] for e in posed.eyes], "f4").tobytes())
            for name, value in values.items():
                if name in program:
                    program[name].value = value
        runs = [r for r in self._runs if r.part != Part.HAIR or not self.worn.hides_hair]
        self._depth["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        # Hair is drawn last, but skin under it need not be shaded. A little behind where hair is,
        # so that of two hairs at one depth the first is seen, as ever.
        self._scene_target.color_mask = False, False, False, False
        self.ctx.polygon_offset = 0.0, 64.0
        for run in runs:
            if run.part == Part.HAIR:
                self._draw_depth.render(vertices=run.count * 3, first=run.first * 3)
        self.ctx.polygon_offset = 0.0, 0.0
        self._scene_target.color_mask = True, True, True, True
        for run in runs:
            self._culled(run.part != Part.HAIR)
            self._draw[run.part].render(vertices=run.count * 3, first=run.first * 3)
        self._culled(False)

    def _culled(self, back: bool) -> None:
        """Bodies are closed and their back faces may be culled; wigs are single sheets."""
        (self.ctx.enable if back else self.ctx.disable)(moderngl.CULL_FACE)

    def _light(self, program: Any, camera: Camera, light: Light, shadow: np.ndarray) -> None:
        program["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        program["shadow_mvp"].write(shadow.T.astype("f4").tobytes())
        program["eye"].value = tuple(camera.eye)
        program["light_dir"].write(np.asarray(light.directions, "f4").tobytes())
        program["light_col"].write(np.asarray(light.colours, "f4").tobytes())
        program["ambient"].write(np.asarray(light.ambient, "f4").tobytes())

    def _render_worn(self, camera: Camera, light: Light, shadow: np.ndarray) -> None:
        if not self.worn.count:
            return
        self._light(self._worn_surface, camera, light, shadow)
        self._shadow.use(2)
        self._worn_surface["shadow_map"].value = 2
        solid, every = self.worn.opaque * 3, len(self.worn.faces) * 3
        if solid:
            self._draw_worn.render(vertices=solid)
        if every > solid:  # premultiplied, over what is behind
            self.ctx.enable(moderngl.BLEND)
            self.ctx.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
            self._draw_worn.render(vertices=every - solid, first=solid)
            self.ctx.disable(moderngl.BLEND)

    def _two_sided(self, array: moderngl.VertexArray) -> None:
        """Bodies are closed and may be culled; wigs are single sheets and may not."""
        body = self.head.body_faces * 3
        self.ctx.enable(moderngl.CULL_FACE)
        array.render(vertices=body)
        self.ctx.disable(moderngl.CULL_FACE)
        if len(self.head.hair) and not self.worn.hides_hair:
            array.render(vertices=len(self.head.faces) * 3 - body, first=body)

    def track(self, posed: Posed, targets: list[Posed], camera: Camera) -> Tracks:
        """Exact labels of the portrait `posed` against at most TRACKED other poses of it."""
        if len(targets) > TRACKED:
            raise ValueError(f"one pass tracks at most {TRACKED} targets, got {len(targets)}")
        self._places.write(posed.vertices)
        if len(self.worn.labelled):
            here, *there = (self.worn.place(self.head, p) for p in [posed, *targets])
            self._worn_live.write(here.tobytes())
            rows = [t[:, :3] for t in there] + [here[:, :3]] * (TRACKED - len(there))
            self._worn_targets.write(np.ascontiguousarray(np.concatenate(rows, 1)).tobytes())
        padded = [t.vertices for t in targets] + [posed.vertices] * (TRACKED - len(targets))
        self._targets.write(np.concatenate(padded, 1))
        self._track_target.use()
        self._track_target.clear(0, 0, 0, 0)
        self.ctx.enable(moderngl.DEPTH_TEST)
        self._track["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        self._two_sided(self._draw_track)
        if len(self.worn.labelled):
            self._draw_worn_track.render()
        g = self.grid
        out = [np.frombuffer(t.read(), "f4").reshape(g, g, 4)[::-1] for t in self._track_out]
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

    def labels(self, posed: Posed, camera: Camera) -> Labels:
        """What each pixel of the picture of `posed` shows, without any flow."""
        self._places.write(posed.vertices)
        self._label_target.use()
        self._label_target.clear(0, 0, 0, 0)
        self.ctx.enable(moderngl.DEPTH_TEST)
        self._label["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        self._two_sided(self._draw_label)
        if len(self.worn.labelled):
            self._place_worn(posed)
            self._draw_worn_label.render()
        out = np.frombuffer(self._label_out.read(), "f4").reshape(self.grid, self.grid, 4)[::-1]
        inside = out[..., 0] > 0.5
        return Labels(
            np.where(inside, np.rint(out[..., 0]) - 1, -1),
            (out[..., 1:3] * inside[..., None]).transpose(2, 0, 1),
            out[..., 3] * inside,
        )


def visible(tracks: Tracks, targets: Sequence[Labels]) -> np.ndarray:
    """bool [targets,g,g]: whether each of the portrait's points is to be seen in each target.

    A point is seen if one of the four pixels around its place there shows its material, no nearer
    than the point by more than _NEARER: lids lie so close to the eyes that depth does not tell.
    """
    g = tracks.material.shape[0]
    centre = (np.arange(g) + 0.5) * 2 / g - 1
    here = np.stack(np.meshgrid(centre, centre))
    found = np.zeros((len(targets), g, g), bool)
    for k, target in enumerate(targets):
        place = (here + tracks.flow[k] + 1) * g / 2 - 0.5
        within = (place >= -0.5).all(0) & (place <= g - 0.5).all(0)
        x, y = np.clip(np.floor(place), 0, g - 2).astype(int)
        for dy in (0, 1):
            for dx in (0, 1):
                shown = target.depth[y + dy, x + dx] > tracks.reached[k] - _NEARER
                found[k] |= shown & (target.material[y + dy, x + dx] == tracks.material)
        found[k] &= within & (tracks.material >= 0)
    return found
