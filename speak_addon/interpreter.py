# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python runs the core, and where its packages lie.

Without bpy. The core runs on Blender's own Python with the wheels that Blender unpacked for the
extension; numpy is the one that Blender carries. An override in the preferences names another
Python, which then has to bring its own packages.
"""

import importlib.util
import sys
from pathlib import Path

from ..inference_core.protocol.errors import SpeakError

# What the core needs beside the standard library, by import name.
WHEELS = ("onnxruntime", "PIL", "numpy")


def blender_python() -> Path:
    """Blender's own Python interpreter.

    `sys.executable` is that interpreter in every Blender since 2.91 and in the bpy module, but
    Blender itself where an embedding program says so; then it lies below `sys.prefix`.
    Raises SpeakError(core_start_failed) when there is none.
    """
    named = Path(sys.executable) if sys.executable else None
    if named is not None and named.name.lower().startswith("python") and named.is_file():
        return named
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    names = [f"bin/{version}", "bin/python3", "bin/python", "bin/python.exe", "python.exe"]
    for name in names:
        candidate = Path(sys.prefix) / name
        if candidate.is_file():
            return candidate
    raise SpeakError("core_start_failed", reason="Blender's own Python was not found")


def package_folders() -> list[Path]:
    """The folders that the core's packages lie in, in the order of `WHEELS`, without repeats.

    `find_spec` looks without importing: onnxruntime must not be loaded into Blender.
    """
    folders: list[Path] = []
    for name in WHEELS:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            continue
        folder = Path(next(iter(spec.submodule_search_locations))).resolve().parent
        if folder not in folders:
            folders.append(folder)
    return folders


def missing_packages() -> list[str]:
    """What the core would not find on Blender's own Python."""
    return [name for name in WHEELS if importlib.util.find_spec(name) is None]
