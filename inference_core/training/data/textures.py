# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures as GL textures with mipmaps; those of files are read once per context."""

from __future__ import annotations

from pathlib import Path

import moderngl
from PIL import Image


class Textures:
    """Of one GL context."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._of_files: dict[tuple[Path, int], moderngl.Texture] = {}

    def mipmapped(self, image: Image.Image) -> moderngl.Texture:
        """image: RGB. The caller releases it."""
        texture = self._ctx.texture(image.size, 3, image.tobytes())
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        return texture

    def of_file(self, path: Path, size: int) -> moderngl.Texture:
        """A picture file at size x size pixels; kept, so it must not be released."""
        if (path, size) not in self._of_files:
            image = Image.open(path).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
            self._of_files[path, size] = self.mipmapped(image)
        return self._of_files[path, size]
