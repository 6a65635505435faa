# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a folder, start the Blender named by SPEAK_BLENDER in it, and let a script drive it.

    SPEAK_BLENDER=/path/to/blender python tests/gui/run.py OUT [--zip FILE] [--pack FOLDER]

README.md beside this file says more.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

TIME_LIMIT = 1800  # half a minute on an idle machine with a graphics card


def main() -> int:
    """Run it; 0 when the drive came through."""
    parser = argparse.ArgumentParser(description="Drive a real Blender window and photograph it.")
    parser.add_argument("out", type=Path, help="folder for everything; emptied first")
    parser.add_argument("--zip", type=Path, help="an extension zip instead of the checkout")
    parser.add_argument("--pack", type=Path, help="a model pack instead of the zip's or a tiny one")
    parser.add_argument("--drive", default="day", help="the script beside this one that drives")
    parser.add_argument(
        "--idle", action="store_true", help="nothing else runs here: the wall clock counts, too"
    )
    options = parser.parse_args()
    blender = os.environ.get("SPEAK_BLENDER")
    if not blender:
        parser.error("SPEAK_BLENDER has to name a Blender")
    out: Path = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    seen = os.environ.get("SPEAK_BLENDER_SEES", str(out))
    _prepare(out, options.zip, options.pack)
    packages = os.environ.get("SPEAK_BLENDER_PACKAGES", "")
    job = {
        "folder": seen, "packages": packages, "idle": options.idle, "drive": options.drive,
    }  # fmt: skip
    (out / "job.json").write_text(json.dumps(job))
    command = [blender, "--factory-startup", "--enable-event-simulate", "--python-exit-code", "7"]
    command += ["--python", f"{seen}/start.py", "--", f"{seen}/job.json"]
    # A session of its own, so that a wrapper's children end with it.
    process = subprocess.Popen(command, cwd=out, start_new_session=True)
    try:
        code = process.wait(TIME_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    facts = out / "facts.json"
    if not facts.is_file():
        print(f"The drive did not come through (exit code {code}).", file=sys.stderr)
        return 1
    print(facts.read_text())
    return code


def _prepare(out: Path, zip_file: Path | None, pack: Path | None) -> None:
    for script in Path(__file__).parent.glob("*.py"):
        shutil.copy(script, out)
    for name in ("portrait.png", "voice.wav"):
        shutil.copy(ROOT / "samples" / name, out)
    if zip_file is not None:
        shutil.copy(zip_file, out / "speak.zip")
    else:
        _zip_checkout(out / "speak.zip")
    if pack is not None:
        shutil.copytree(pack, out / "pack")
    elif zip_file is None:
        from tests.fixtures.tiny_pack import write_pack

        write_pack(out / "pack")


def _zip_checkout(path: Path) -> None:
    from scripts.package import shipped_files

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(ROOT / "blender_manifest.toml", "blender_manifest.toml")
        for source, name in shipped_files():
            file.write(source, name)


if __name__ == "__main__":
    sys.exit(main())
