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

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.speak"
# What the extension consists of; in the scenarios these are links to the checkout.
PARTS = ("__init__.py", "blender_manifest.toml", "speak_addon", "inference_core")

# The code of a process whose Blender cannot play the scenario.
NOT_HERE = 77
# Whether this Blender was built with sound: the bpy 4.2 wheel was not.
SOUND = bpy.app.build_options.audaspace

# Set by the test that plays the scenario: Blender reads it when it is imported.
_resources = Path(os.environ["BLENDER_USER_RESOURCES"])


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


def use_pack(folder: Path | str) -> None:
    """Let the core use a pack; the running core is ended."""
    bpy.context.preferences.addons[PACKAGE].preferences.pack = str(folder)
    session().close()


def use_core(name: str) -> None:
    """Start this module as the core from now on."""
    module("preferences").CORE_MODULE = name
    session().close()


def module(name: str):
    """A module of the add-on as Blender loaded it."""
    return importlib.import_module(f"{PACKAGE}.speak_addon.{name}")


def root_module(name: str):
    """A module of the extension's root package."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def session():
    """The add-on's session."""
    return module("runtime").session()


def play(scenario: Callable[[Path], None], sound: bool = False) -> None:
    """Run a scenario in an empty folder and end the process with its outcome.

    sound: whether it is about sound, so that a Blender without it cannot play it.
    """
    if sound and not SOUND:
        print(f"Blender {bpy.app.version_string} comes without sound", flush=True)
        os._exit(NOT_HERE)
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


def write_portrait(path: Path) -> Path:
    """A drawn face that the face detector takes for one."""
    from tests.fixtures.faces import draw_face

    draw_face(300, 360, side=150).save(path)
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


def shot_in_new_file(folder: Path, first: int = 11, seconds: float = 1.0, fps=(24, 1.001)):
    """A saved file with a tone in the sequencer and a shot that speaks it; the shot's object."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps
    voice = write_tone(folder / "voice.wav", seconds)
    if SOUND:
        strips(scene).new_sound("Voice", str(voice), 1, first)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.speak.new_shot(name="Anna", portrait=str(write_portrait(folder / "anna.png")))
    owner = bpy.context.view_layer.objects.active
    owner.speak.size = "256"
    if not SOUND:
        _speak_without_sound(owner, first, first + int(seconds * fps[0] / fps[1] + 0.5) - 1)
    return owner


def _speak_without_sound(owner, first: int, last: int) -> None:
    """A Blender without sound has no strips of it: the shot speaks a tone that nobody mixed."""
    shot, tone = owner.speak, write_tone(Path(bpy.app.tempdir) / "tone.wav", 60.0, rate=16000)
    shot.voice_source, shot.range_source = "SCENE", "OWN"
    shot.frame_first, shot.frame_last = first, last
    with wave.open(str(tone)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    module("audio")._mixdown = lambda scene, spoken, heard, count: samples[:count]


def frames_in(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Name -> inode, time of change and content of every file in a folder."""
    found = {}
    for path in sorted(folder.iterdir()):
        facts = path.stat()
        found[path.name] = (facts.st_ino, facts.st_mtime_ns, path.read_bytes())
    return found


def curve(owner, path: str):
    """An F-curve of an object, or None."""
    bag = module("compat").find_bag(owner)
    return None if bag is None else bag.fcurves.find(path, index=0)


def report():
    """How the last job ended, whatever its shot."""
    return next(iter(session().state.reports.values()))
