# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the extension's zips, one per platform, ready for Blender's "Install from Disk".

    python scripts/package.py [--platform linux-x64 ...] [--out dist]

A zip holds the add-on, the core's runtime, the default model pack and the wheels that the core
needs for Python 3.11 and 3.13 (a further one for Linux: 3.14), so that it works without pip and
without a network. It is built and validated by Blender's own extension command line, which lies
inside the bpy wheel, and then written once more with sorted names and a fixed date: the same
sources give the same bytes.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import environment, system_libraries, wheels
from scripts.terminal import Step, say, table

MANIFEST = "blender_manifest.toml"
# What of the repository goes into a zip. The network's sources and the training stay outside:
# they need PyTorch, which no animator should have to install.
SHIPPED = (
    "__init__.py",
    "speak_addon",
    "inference_core/__init__.py",
    "inference_core/__main__.py",
    "inference_core/protocol",
    "inference_core/service",
    "inference_core/provenance",
    "inference_core/runtime",
    "inference_core/packs",
    "LICENSE",
    "THIRD_PARTY.md",
    "CHANGELOG.md",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.part", ".*")
MOST_BYTES = 130_000_000
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


class PackageError(Exception):
    """The zip could not be built, in a sentence."""


@dataclass(frozen=True)
class Package:
    """A finished zip."""

    platform: str
    path: Path
    wheels: int

    @property
    def megabytes(self) -> float:
        """Its size on disk."""
        return self.path.stat().st_size / 1e6


def shipped_files(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Every file of the repository that a zip holds, with its name in the zip, sorted."""
    found: dict[str, Path] = {}
    for item in SHIPPED:
        path = root / item
        if path.is_file():
            found[item] = path
        elif path.is_dir():
            for folder, folders, names in os.walk(path):
                skip = LEFT_OUT(folder, [*folders, *names])
                folders[:] = [name for name in folders if name not in skip]
                for name in names:
                    if name not in skip:
                        file = Path(folder) / name
                        found[file.relative_to(root).as_posix()] = file
        else:
            raise PackageError(f"{item} is missing from the repository.")
    for name in sorted(found):
        yield found[name], name


def fingerprint(platform: wheels.Platform, root: Path = ROOT) -> str:
    """Changes whenever the zip of this platform would.

    Sizes and dates stand for the content, so that asking takes milliseconds.
    """
    digest = hashlib.sha256(platform.key.encode())
    extra = [root / MANIFEST, wheels.LOCK, Path(__file__), Path(wheels.__file__)]
    for path in [*extra, *(path for path, _ in shipped_files(root))]:
        facts = path.stat()
        digest.update(f"{path}\n{facts.st_size}\n{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def with_wheels(manifest: str, platform: str, names: list[str]) -> str:
    """The manifest's text with its platform and the wheels it carries.

    Raises PackageError when the repository's manifest already names them.
    """
    declared = tomllib.loads(manifest)
    for key in ("platforms", "wheels"):
        if key in declared:
            raise PackageError(f"{MANIFEST} names {key}; scripts/package.py adds them per zip.")
    lines = [f'platforms = ["{platform}"]', "wheels = ["]
    lines += [f'  "./wheels/{name}",' for name in names]
    lines.append("]")
    # Keys of the top level must stand before the first table.
    position = manifest.find("\n[") + 1 if "\n[" in manifest else len(manifest)
    return manifest[:position] + "\n".join(lines) + "\n\n" + manifest[position:]


def stage(platform: wheels.Platform, folder: Path, python: Path, root: Path = ROOT) -> list[Path]:
    """Lay out the content of a zip in `folder`, which is emptied first; returns the wheels."""
    if folder.exists():
        shutil.rmtree(folder)
    for path, name in shipped_files(root):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    found = wheels.fetch(platform, python)
    (folder / "wheels").mkdir()
    for wheel in found:
        wheels.copy_lean(wheel, folder / "wheels")
    manifest = (root / MANIFEST).read_text("utf-8")
    named = with_wheels(manifest, platform.name, [wheel.name for wheel in found])
    (folder / MANIFEST).write_text(named, "utf-8", newline="\n")
    return found


def extension_command(python: Path) -> list[str]:
    """Blender's extension command line in the environment of `python`, without starting Blender."""
    code = "import importlib.util as u; print(*u.find_spec('bpy').submodule_search_locations)"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    for script in sorted(
        Path(found.stdout.strip() or ".").glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    ):
        return [str(python), str(script)]
    raise PackageError("The bpy wheel has no extension command line; is bpy installed?")


def run_extension_command(command: list[str], *arguments: str) -> None:
    """Run it and raise PackageError with its own words when it refuses."""
    result = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment.clean_variables(),
    )
    if result.returncode != 0:
        raise PackageError((result.stdout + result.stderr).strip())


def rewrite_sorted(source: Path, target: Path) -> None:
    """Copy a zip with sorted names, a fixed date and plain modes: equal content, equal bytes."""
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(part, "w") as new:
        for name in sorted(old.namelist()):
            entry = zipfile.ZipInfo(name, FIXED_DATE)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # the same on Windows, where Python would write 0
            packed = name.endswith((".whl", ".onnx", ".png", ".npz"))
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name), compresslevel=9)
    part.replace(target)


def build(platform: wheels.Platform, out: Path, python: Path, root: Path = ROOT) -> Package:
    """Build and validate the zip of one platform into the folder `out`.

    Raises PackageError or WheelError with a sentence.
    """
    command = extension_command(python)
    tags = Path(command[1]).parents[4] / "modules/_bpy_internal/extensions/tags.py"
    work = ROOT / "build" / "package" / platform.key
    staged = stage(platform, work, python, root)
    declared = tomllib.loads((root / MANIFEST).read_text("utf-8"))
    name = f"{declared['id']}-{declared['version']}-{platform.key}.zip"
    out.mkdir(parents=True, exist_ok=True)
    raw = work.with_name(name)
    run_extension_command(
        command, "build", "--source-dir", str(work), "--output-filepath", str(raw)
    )
    target = out / name
    rewrite_sorted(raw, target)
    raw.unlink()
    check_tags = ["--valid-tags", str(tags)] if tags.is_file() else []
    run_extension_command(command, "validate", *check_tags, str(target))
    package = Package(platform.key, target, len(staged))
    if target.stat().st_size > MOST_BYTES:
        raise PackageError(
            f"{name} has {package.megabytes:.0f} MB; the most is {MOST_BYTES / 1e6:.0f}."
        )
    return package


def build_if_changed(platform: wheels.Platform, out: Path, python: Path) -> tuple[Path, bool]:
    """The zip of a platform, built only when something in it changed; and whether it was."""
    note = ROOT / "build" / "package" / f"{platform.key}.json"
    now = fingerprint(platform)
    try:
        last = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        last = {}
    if last.get("fingerprint") == now and last.get("zip") and Path(last["zip"]).is_file():
        return Path(last["zip"]), False
    path = build(platform, out, python).path
    note.write_text(json.dumps({"fingerprint": now, "zip": str(path)}), "utf-8")
    return path, True


def main(arguments: list[str] | None = None) -> int:
    """Build the zips that the command line asks for."""
    parser = argparse.ArgumentParser(description="Build the extension's zips.")
    parser.add_argument(
        "--platform", action="append", choices=sorted(wheels.PLATFORMS), help="default: all"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the zips")
    options = parser.parse_args(arguments)
    system_libraries.ensure()
    environment.ensure(environment.DEMO)
    rows = []
    try:
        for name in options.platform or wheels.PLATFORMS:
            with Step(f"Building {name}"):
                package = build(wheels.PLATFORMS[name], options.out, environment.DEMO.python)
            digest = environment.file_hash(package.path)
            rows.append((package.path.name, f"{package.megabytes:.1f} MB", digest[:16]))
    except (PackageError, wheels.WheelError) as error:
        say(str(error))
        return 1
    say(table(rows, ("zip", "size", "sha256")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
