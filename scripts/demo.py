# SPDX-License-Identifier: GPL-3.0-or-later
"""From nothing to a talking head in Blender: set-up, extension, Generate, film, pictures.

    python scripts/demo.py [--portrait FILE] [--voice FILE] [--emotion happy@1.0:0.8 ...]
                           [--fps 25] [--size 256|512] [--out out]

The first run makes a virtual environment with Blender in it; later runs start at once. Leaves
demo.blend, demo.mp4, contact.png and curves.png in the folder `out`, and prints where the time
went. Standard library only: what needs Blender runs in scripts/demo_in_blender.py.
"""

import argparse
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import emotion_keys, environment, package, system_libraries, wheels
from scripts.terminal import Step, say, table

BUILD = ROOT / "build" / "demo"
SAMPLES = ROOT / "samples"
# What the sample voice speaks of: "Move one curve, and I smile. Move it back, and I am calm again."
SAMPLE_EMOTION = ("happy@3.4:0", "happy@4.6:0.9", "happy@5.6:0.9", "happy@6.8:0")
# Lines of scripts/demo_in_blender.py that are meant for this script start with this.
MARK = "@demo "


class DemoError(Exception):
    """The demo cannot go on, in a sentence."""


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--portrait", type=Path, default=SAMPLES / "portrait.png")
    parser.add_argument("--voice", type=Path, default=SAMPLES / "voice.wav")
    parser.add_argument(
        "--emotion",
        type=emotion_keys.parse,
        action="append",
        metavar="NAME@SECONDS:VALUE",
        help="a key of any control's curve; may stand several times, the curve ramps between keys",
    )
    parser.add_argument("--fps", type=_fps, default=Fraction(25), help="25, 23.976, 30000/1001 ...")
    parser.add_argument("--size", choices=("256", "512"), default="256", help="side of the face")
    parser.add_argument("--out", type=Path, default=ROOT / "out")
    options = parser.parse_args(arguments)
    for name in ("portrait", "voice"):
        if not getattr(options, name).is_file():
            parser.error(f"there is no file {getattr(options, name)}")
    if options.emotion is None:
        own = options.voice != SAMPLES / "voice.wav"
        options.emotion = [] if own else [emotion_keys.parse(text) for text in SAMPLE_EMOTION]
    return options


def _fps(text: str) -> Fraction:
    try:
        fps = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame rate") from None
    if not 1 <= fps <= 240:
        raise argparse.ArgumentTypeError("a frame rate is from 1 to 240")
    for rounded, exact in ((23.976, 24000), (29.97, 30000), (59.94, 60000)):
        if abs(float(fps) - rounded) < 0.002:
            return Fraction(exact, 1001)
    return fps


def run_in_blender(options: argparse.Namespace, archive: Path) -> dict[str, float]:
    """Run the Blender part and pass on what it says; name of a step -> its seconds.

    Raises DemoError with its last words when it fails.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    command = [str(environment.DEMO.python), "-u", str(ROOT / "scripts" / "demo_in_blender.py")]
    command += ["--zip", str(archive), "--out", str(options.out.resolve())]
    command += ["--portrait", str(options.portrait.resolve())]
    command += ["--voice", str(options.voice.resolve())]
    command += ["--fps", str(options.fps), "--size", options.size]
    command += ["--description", str(BUILD / "shot.json")]
    for text in emotion_keys.as_arguments(options.emotion):
        command += ["--key", text]
    variables = environment.clean_variables({"BLENDER_USER_RESOURCES": str(BUILD / "blender")})
    log = BUILD / "blender.log"
    seconds: dict[str, float] = {}
    said: list[str] = []
    refused = ""
    with (
        log.open("w", encoding="utf-8") as record,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=variables,
        ) as process,
        Step("Blender") as step,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            record.write(line)
            if not line.startswith(MARK):
                continue
            message = json.loads(line.removeprefix(MARK))
            match message:
                case {"step": name}:
                    step.show(str(name))
                case {"done": int(done), "total": int(total)}:
                    step.show(f"frame {done} of {total}")
                case {"time": name, "seconds": float(value)}:
                    seconds[str(name)] = value
                case {"say": text}:
                    said.append(str(text))
                case {"refused": text}:
                    refused = str(text)
        process.wait()
        record.flush()
        if refused:
            raise DemoError(refused)
        if process.returncode != 0:
            tail = log.read_text("utf-8").splitlines()[-15:]
            raise DemoError(
                "\n".join(tail) + f"\nThe part in Blender failed; its output is in {log}."
            )
    for text in said:
        say(text)
    return seconds


def draw_sheets(out: Path) -> None:
    """contact.png and curves.png from the description that the Blender part wrote."""
    command = [str(environment.DEMO.python), str(ROOT / "scripts" / "sheets.py")]
    command += [str(BUILD / "shot.json"), str(out / "contact.png"), str(out / "curves.png")]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment.clean_variables()
    )
    if result.returncode != 0:
        raise DemoError(result.stderr.strip() or "The sheets could not be drawn.")


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 0 when everything is in the folder."""
    started = time.monotonic()
    options = options_from(arguments)
    times: list[tuple[str, float]] = []
    try:
        if environment.outdated(environment.DEMO):
            system_libraries.ensure()
            times.append(("set-up, first run only", environment.ensure(environment.DEMO)))
        before = time.monotonic()
        platform = wheels.PLATFORMS[wheels.this_platform()]
        archive, built = package.build_if_changed(platform, ROOT / "dist", environment.DEMO.python)
        if built:
            say(f"Built {archive.name}")
            times.append(("build the extension", time.monotonic() - before))
        options.out.mkdir(parents=True, exist_ok=True)
        times.extend(run_in_blender(options, archive).items())
        before = time.monotonic()
        draw_sheets(options.out)
        times.append(("contact.png, curves.png", time.monotonic() - before))
    except (DemoError, package.PackageError, wheels.WheelError) as error:
        say(str(error))
        return 1
    rows = [(name, f"{seconds:.1f} s") for name, seconds in times]
    rows.append(("everything", f"{time.monotonic() - started:.1f} s"))
    say("\n" + table(rows, ("step", "time")))
    say(f"\nLook at demo.mp4, contact.png and curves.png, and open demo.blend, in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
