# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the picture of a lit head: its shadow, its surface, what it wears, and all of it developed
over a background."""

from __future__ import annotations

from typing import Any

import moderngl
import numpy as np

from .camera import Camera, look_at, orthographic
from .head import Posed
from .meshes import HeadMesh, WornMesh
from .parts import Part
from .programs import Programs
from .scene import Light, Look

_SHADOW_SIZE = 768
_BACKGROUND_SIZE = 256


class Shading:
    """The targets of one GL context. size: picture width in pixels; supersample: samples along
    each axis."""

    def __init__(
        self, ctx: moderngl.Context, programs: Programs, size: int, supersample: int
    ) -> None:
        self._ctx, self._programs = ctx, programs
        self._size, self._supersample = size, supersample
        self._shadow = ctx.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        self._shadow.compare_func = "<="
        self._shadow.repeat_x = self._shadow.repeat_y = False
        self._shadow_target = ctx.framebuffer(depth_attachment=self._shadow)
        big = size * supersample
        self._scene = ctx.texture((big, big), 4, dtype="f2")
        self._scene_target = ctx.framebuffer([self._scene], ctx.depth_renderbuffer((big, big)))
        self._picture = ctx.framebuffer([ctx.texture((size, size), 4)])
        self._background = ctx.texture((_BACKGROUND_SIZE, _BACKGROUND_SIZE), 3)
        self._background.repeat_x = self._background.repeat_y = False
        self._behind = ctx.texture((big, big), 4, dtype="f4")
        self._behind_target = ctx.framebuffer([self._behind])
        self._behind_of: np.ndarray | None = None
        triangle = ctx.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4").tobytes())
        corners = [(triangle, "2f", "corner")]
        self._developed = ctx.vertex_array(programs.develop, corners)
        self._linear = ctx.vertex_array(programs.linear, corners)

    def draw(
        self,
        head: HeadMesh,
        worn: WornMesh,
        posed: Posed,
        camera: Camera,
        light: Light,
        look: Look,
        background: np.ndarray,
    ) -> np.ndarray:
        """uint8 [size,size,4]: RGB over the background (uint8 [256,256,3]) and the head's alpha."""
        head.write_pose(posed.vertices)
        worn.place(head.head, posed)
        self._ctx.enable(moderngl.DEPTH_TEST)
        self._ctx.disable(moderngl.CULL_FACE)
        shadow = self._cast(head, worn, light)
        self._scene_target.use()
        self._scene_target.clear(0, 0, 0, 0)
        self._shade_head(head, worn, posed, camera, light, look, shadow)
        self._shade_worn(worn, camera, light, shadow)
        self._ctx.disable(moderngl.DEPTH_TEST)
        self._spread(background)
        return self._develop(look)

    def _cast(self, head: HeadMesh, worn: WornMesh, light: Light) -> np.ndarray:
        """Fills the shadow map of the first light; the matrix [4,4] that leads into it."""
        centre, toward = head.head.joints[0], np.asarray(light.directions[0])
        shadow = orthographic(0.30, 0.2, 1.8) @ look_at(centre + toward, centre)
        self._shadow_target.use()
        self._shadow_target.clear(depth=1)
        self._programs.depth["mvp"].write(shadow.T.astype("f4").tobytes())
        body = head.head.body_faces if worn.worn.hides_hair else len(head.head.faces)
        head.depth.render(vertices=body * 3)
        worn.cast()
        return shadow

    def _shade_head(
        self,
        mesh: HeadMesh,
        worn: WornMesh,
        posed: Posed,
        camera: Camera,
        light: Light,
        look: Look,
        shadow: np.ndarray,
    ) -> None:
        head = mesh.head
        textures = {
            "skin_texture": mesh.skin,
            "wig_texture": mesh.wig,
            "shadow_map": self._shadow,
            "normal_texture": mesh.relief,
        }
        values: dict[str, Any] = look.uniforms()
        values["mouth_centre"] = tuple(head.rest()[head.bank.landmarks[32]])
        for unit, (name, texture) in enumerate(textures.items()):
            texture.use(unit)
            values[name] = unit
        for part in mesh.shaded:
            program = self._programs.surface[part]
            _light(program, camera, light, shadow)
            for k, name in enumerate(("eye_centre", "eye_forward")):
                if name in program:
                    program[name].write(np.array([e[k] for e in posed.eyes], "f4").tobytes())
            for name, value in values.items():
                if name in program:
                    program[name].value = value
        runs = [r for r in mesh.runs if r.part != Part.HAIR or not worn.worn.hides_hair]
        self._programs.depth["mvp"].write(camera.matrix.T.astype("f4").tobytes())
        # Hair is drawn last, but skin under it need not be shaded. A little behind where hair is,
        # so that of two hairs at one depth the first is seen, as ever.
        self._scene_target.color_mask = False, False, False, False
        self._ctx.polygon_offset = 0.0, 64.0
        for run in runs:
            if run.part == Part.HAIR:
                mesh.depth.render(vertices=run.count * 3, first=run.first * 3)
        self._ctx.polygon_offset = 0.0, 0.0
        self._scene_target.color_mask = True, True, True, True
        for run in runs:
            self._culled(run.part != Part.HAIR)
            mesh.shaded[run.part].render(vertices=run.count * 3, first=run.first * 3)
        self._culled(False)

    def _culled(self, back: bool) -> None:
        """Bodies are closed and their back faces may be culled; wigs are single sheets."""
        (self._ctx.enable if back else self._ctx.disable)(moderngl.CULL_FACE)

    def _shade_worn(self, worn: WornMesh, camera: Camera, light: Light, shadow: np.ndarray) -> None:
        if not worn.worn.count:
            return
        _light(self._programs.worn, camera, light, shadow)
        self._shadow.use(2)
        self._programs.worn["shadow_map"].value = 2
        worn.shade()

    def _spread(self, background: np.ndarray) -> None:
        """Fills what is behind the head; the pictures of a group have one background."""
        if self._behind_of is background:
            return
        self._background.write(np.ascontiguousarray(background).tobytes())
        self._behind_target.use()
        self._background.use(1)
        self._programs.linear["background"].value = 1
        self._programs.linear["size"].value = self._behind.size
        self._linear.render(moderngl.TRIANGLES)
        self._behind_of = background

    def _develop(self, look: Look) -> np.ndarray:
        self._picture.use()
        program = self._programs.develop
        self._scene.use(0)
        self._behind.use(1)
        program["scene"].value, program["behind"].value = 0, 1
        program["exposure"].value, program["tint"].value = look.exposure, look.tint
        program["down"].value = self._supersample
        self._developed.render(moderngl.TRIANGLES)
        pixels = np.frombuffer(self._picture.read(components=4), np.uint8)
        return pixels.reshape(self._size, self._size, 4)[::-1].copy()


def _light(program: Any, camera: Camera, light: Light, shadow: np.ndarray) -> None:
    program["mvp"].write(camera.matrix.T.astype("f4").tobytes())
    program["shadow_mvp"].write(shadow.T.astype("f4").tobytes())
    program["eye"].value = tuple(camera.eye)
    program["light_dir"].write(np.asarray(light.directions, "f4").tobytes())
    program["light_col"].write(np.asarray(light.colours, "f4").tobytes())
    program["ambient"].write(np.asarray(light.ambient, "f4").tobytes())
