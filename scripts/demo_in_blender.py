# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the demo that needs Blender; scripts/demo.py starts it in the environment with bpy.

Installs the extension's zip into this Blender's own user folder, sets up the scene as a user
would, presses Generate, renders the film, and writes down what the sheets show. Talks to
scripts/demo.py in lines of JSON behind a mark.
"""

import argparse
import importlib
import json
import math
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference_core.protocol import controls, errors
from inference_core.provenance.verify import verify
from scripts import emotion_keys
from scripts.demo import MARK

STARTED = time.monotonic()
import bpy

MODULE = "bl_ext.user_default.speak"
SHOT = "Demo"
FIRST_FRAME = 1
LONGEST_SIDE = 1920  # of the film; frames themselves keep the size of the portrait
WATCH_SECONDS = 0.2


class RefusedError(Exception):
    """The add-on would not generate, in its own words."""


def tell(**message: object) -> None:
    """Send a line to scripts/demo.py."""
    print(MARK + json.dumps(message), flush=True)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Report a step and how long it took."""
    tell(step=name)
    started = time.monotonic()
    yield
    tell(time=name, seconds=time.monotonic() - started)


def install(archive: Path) -> None:
    """Install the zip unless this very file is installed already; enable it either way."""
    note = Path(bpy.utils.resource_path("USER")) / "speak-installed.txt"
    digest = f"{archive.name} {archive.stat().st_size} {archive.stat().st_mtime_ns}"
    if note.is_file() and note.read_text("utf-8") == digest:
        bpy.ops.preferences.addon_enable(module=MODULE)
    else:
        bpy.ops.extensions.package_install_files(
            filepath=str(archive), repo="user_default", enable_on_install=True, overwrite=True
        )
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(digest, "utf-8")
    if MODULE not in bpy.context.preferences.addons:
        raise SystemExit("Blender did not enable the extension; its words are above.")


def copy_input(source: Path, folder: Path, name: str) -> Path:
    """A copy of an input beside the scene, so that the folder can be moved as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name + source.suffix.lower())
    if source.resolve() != target.resolve():
        shutil.copyfile(source, target)
    return target


def set_up_scene(options: argparse.Namespace) -> Any:
    """A saved file with the voice on the timeline and a shot with its edit curves; the shot."""
    bpy.context.preferences.filepaths.save_version = 0  # no demo.blend1
    scene = bpy.context.scene
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    whole = math.ceil(options.fps)
    scene.render.fps, scene.render.fps_base = whole, float(whole / options.fps)
    scene.view_settings.view_transform = "Standard"  # the frames are finished pictures
    out: Path = options.out
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"))
    portrait = copy_input(options.portrait, out / "input", "portrait")
    voice = copy_input(options.voice, out / "input", "voice")
    editor = scene.sequence_editor_create()
    strip = editor.strips.new_sound("Voice", bpy.path.relpath(str(voice)), 1, FIRST_FRAME)
    scene.frame_start, scene.frame_end = FIRST_FRAME, max(FIRST_FRAME, strip.frame_final_end - 1)
    bpy.ops.speak.new_shot(name=SHOT, portrait=str(portrait), strip=strip.name)
    shot = bpy.data.objects[SHOT]
    shot.speak.portrait = bpy.path.relpath(str(portrait))
    shot.speak.size = options.size
    fps = float(options.fps)
    for name, points in emotion_keys.curves(options.key).items():
        for seconds, value in points:
            setattr(shot.speak.edit, name, value)
            shot.keyframe_insert(f"speak.edit.{name}", frame=FIRST_FRAME + seconds * fps)
    return shot


def generate(out: Path) -> None:
    """Press Generate, watching the frames arrive. Raises RefusedError with the add-on's report."""
    frames = out / "speak" / SHOT
    if frames.is_dir():  # of an earlier demo; without this nothing would have to be made
        shutil.rmtree(frames)
    scene = bpy.context.scene
    total = scene.frame_end - scene.frame_start + 1
    started = time.monotonic()
    over = threading.Event()
    first: list[float] = []

    def watch() -> None:
        while not over.wait(WATCH_SECONDS):
            done = len(list(frames.glob("frame_*.png")))
            if done:
                first[:1] = first[:1] or [time.monotonic() - started]
                tell(done=done, total=total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        outcome = bpy.ops.speak.generate()
    except RuntimeError as error:  # what the operator reports to the user: a sentence and a hint
        raise RefusedError(str(error).removeprefix("Error: ").strip()) from error
    finally:
        over.set()
        watcher.join()
    if outcome != {"FINISHED"}:
        raise SystemExit("Generate was cancelled.")
    seconds = time.monotonic() - started
    made = len(list(frames.glob("frame_*.png")))
    lead = first[0] if first else seconds
    tell(time="core, portrait, voice, first frame", seconds=lead)
    tell(time=f"{made} frames", seconds=seconds - lead)
    tell(
        say=f"{made} frames, {made / max(seconds, 1e-9):.1f} per second with the start of the core"
    )
    tell_notices()


def tell_notices() -> None:
    """What the add-on's panel says about the shot though the work went on."""
    session = importlib.import_module(f"{MODULE}.speak_addon.runtime").session()
    report = session.report_of(bpy.data.objects[SHOT].speak.uuid)
    for notice in report.notices if report else ():
        said = errors.wording(notice.code, notice.args)
        tell(say=f"note: {said.sentence} {said.hint}")


def render_film(path: Path, width: int, height: int) -> None:
    """Render the timeline, pictures over sound, as H.264 and AAC in MP4."""
    scene = bpy.context.scene
    render = scene.render
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    # H.264 wants even sides.
    render.resolution_x = max(2, round(width * scale / 2) * 2)
    render.resolution_y = max(2, round(height * scale / 2) * 2)
    render.resolution_percentage = 100
    render.use_sequencer = True
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.ffmpeg.audio_codec = "AAC"
    render.filepath = str(path)
    bpy.ops.render.render(animation=True, write_still=False)
    render.filepath = "//demo.mp4"
    if not path.is_file():
        raise SystemExit(f"Blender rendered no {path.name}; its words are above.")


def sign_film(path: Path) -> None:
    """Give the film the manifest that a render cannot have, and say what `verify` finds in it."""
    bpy.ops.speak.sign_rendered(filepath=str(path))
    tell(say=f"{path.name}: {verify(path).verdict}")


def voice_as_wav(path: Path) -> None:
    """What the timeline sounds like, for the waveform: mono, 16 kHz, 16 bit."""
    bpy.ops.sound.mixdown(
        filepath=str(path), check_existing=False, container="WAV", codec="PCM", format="S16",
        mixrate=16000, channels="MONO",
    )  # fmt: skip


def read_layer(shot: Any, layer: str) -> list[list[float]]:
    """A layer of the shot as the scene has it, one row per frame of the timeline."""
    group, scene = getattr(shot.speak, layer), bpy.context.scene
    rows = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        rows.append([float(getattr(group, name)) for name in controls.NAMES])
    return rows


def describe(shot: Any, options: argparse.Namespace, made: dict[str, Any]) -> None:
    """Write what scripts/sheets.py draws: auto from the scene's F-curves, the rest from the shot's
    own record, which holds what was measured also where no F-curve shows it."""
    folder = Path(bpy.path.abspath(shot.speak.folder))
    voice = options.description.with_name("voice.wav")
    voice_as_wav(voice)
    description = {
        "fps": float(options.fps),
        "voice": str(voice),
        "frames": [str(folder / f"frame_{i:06d}.png") for i in range(made["frames"])],
        "tracks": {
            "auto": read_layer(shot, "auto"),
            "asked": made["controls"]["rows"],
            "measured": made["measured"],
        },
    }
    options.description.write_text(json.dumps(description), "utf-8")


def options_from(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line that scripts/demo.py makes."""
    parser = argparse.ArgumentParser()
    for name in ("zip", "out", "portrait", "voice", "description"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--fps", type=Fraction, required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("--key", type=emotion_keys.parse, action="append", default=[])
    return parser.parse_args(arguments)


def main() -> None:
    """Everything, in the order of the table of times."""
    options = options_from()
    tell(time="start Blender", seconds=time.monotonic() - STARTED)
    with timed("install or enable the extension"):
        install(options.zip)
    with timed("set up the scene"):
        shot = set_up_scene(options)
    generate(options.out)
    bpy.ops.wm.save_mainfile()
    folder = Path(bpy.path.abspath(shot.speak.folder))
    made = json.loads((folder / "shot.json").read_text("utf-8"))
    with timed("demo.mp4"):
        first = bpy.data.images.load(str(folder / "frame_000000.png"))
        width, height = first.size
        bpy.data.images.remove(first)
        render_film(options.out / "demo.mp4", width, height)
        sign_film(options.out / "demo.mp4")
    describe(shot, options, made)
    bpy.context.scene.frame_set(FIRST_FRAME)
    bpy.ops.wm.save_mainfile()
    bpy.ops.preferences.addon_disable(module=MODULE)  # ends the core


if __name__ == "__main__":
    code = 0
    try:
        main()
    except RefusedError as error:
        tell(refused=str(error))
        code = 1
    sys.stdout.flush()
    # Blender as a module may crash while Python takes it apart at exit; all is written by now.
    os._exit(code)
