# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios share; runs inside a subprocess that imports the bpy module.

A scenario enables the extension from this checkout under its true package name, plays, and ends
the process itself: a handler or a timer that is left makes some Blenders hang or crash at exit.
"""

import importlib
import os
import sys
import tempfile
import traceback
import wave
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.speak"
# What the extension consists of; in the scenarios these are links to the checkout.
PARTS = ("__init__.py", "blender_manifest.toml", "speak_addon", "inference_core")

_resources = Path(tempfile.mkdtemp(prefix="speak-resources-"))
os.environ["BLENDER_USER_RESOURCES"] = str(_resources)

import bpy  # noqa: E402 - the variable has to be there first
import numpy as np  # noqa: E402


def enable() -> None:
    """Install this checkout as an extension and enable it."""
    import addon_utils

    home = _resources / "extensions" / "user_default" / "speak"
    home.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if not (home / part).exists():
            (home / part).symlink_to(ROOT / part)
    addon_utils.extensions_refresh()
    assert addon_utils.enable(PACKAGE, default_set=True) is not None, "the extension does not load"


def module(name: str):
    """A module of the add-on as Blender loaded it."""
    return importlib.import_module(f"{PACKAGE}.speak_addon.{name}")


def session():
    """The add-on's session."""
    return module("runtime").session()


def play(scenario: Callable[[Path], None]) -> None:
    """Run a scenario in an empty folder and end the process with its outcome."""
    code = 1
    try:
        with tempfile.TemporaryDirectory(prefix="speak-scenario-") as folder:
            enable()
            scenario(Path(folder))
            session().close()
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def write_tone(path: Path, seconds: float, hertz: float = 220.0, rate: int = 48000) -> Path:
    """A mono sine as a 16-bit WAV file."""
    times = np.arange(round(seconds * rate)) / rate
    samples = (12000 * np.sin(2 * np.pi * hertz * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def write_portrait(path: Path, width: int = 96, height: int = 128) -> Path:
    """A picture file; for engines that look for no face."""
    image = bpy.data.images.new("portrait", width, height, alpha=True)
    pixels = np.full((height, width, 4), (0.8, 0.6, 0.5, 1.0), np.float32)
    pixels[height // 2 :, :, 2] = 0.2
    image.pixels.foreach_set(pixels.ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def strips(scene):
    """The strips of a scene's sequencer."""
    return module("compat").strips(scene.sequence_editor or scene.sequence_editor_create())


def refused(call: Callable[[], object]) -> str:
    """What an operator that fails says."""
    try:
        call()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("nothing was refused")
