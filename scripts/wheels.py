# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels that ship inside the extension: which, for whom, and how they get here.

Blender up to 5.0 runs Python 3.11 and from 5.1 on Python 3.13, so each platform's zip carries
both; numpy is never among them, because Blender brings its own and a second one would break it.
Wheels are fetched once into a cache folder and checked against the hashes in
`requirements/wheels.txt` every time they are used.
"""

import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import REQUIREMENTS, ROOT, clean_variables, file_hash

LOCK = REQUIREMENTS / "wheels.txt"
CACHE = ROOT / "build" / "wheels"
PYTHONS = ("3.11", "3.13")

# onnxruntime with everything it asks for except numpy, and Pillow.
PACKAGES = (
    "onnxruntime==1.31.1",
    "flatbuffers==25.12.19",
    "packaging==26.3",
    "protobuf==7.36.2",
    "pillow==13.0.0",
)


@dataclass(frozen=True)
class Platform:
    """A platform as Blender's extension manifests name it, and the wheel tags that run on it."""

    name: str
    tags: tuple[str, ...]


PLATFORMS: dict[str, Platform] = {
    platform.name: platform
    for platform in (
        Platform(
            "linux-x64",
            ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
        ),
        Platform("windows-x64", ("win_amd64",)),
        Platform("macos-arm64", ("macosx_14_0_arm64", "macosx_11_0_arm64")),
    )
}


class WheelError(Exception):
    """A wheel could not be fetched, or is not the one that was pinned."""


def read_lock(lock: Path = LOCK) -> dict[str, dict[str, str]]:
    """Platform -> {wheel file name: sha256}, as `lock_text` wrote it."""
    found: dict[str, dict[str, str]] = {}
    for line in lock.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            platform, name, digest = line.split()
            found.setdefault(platform, {})[name] = digest
    return found


def fetch(platform: Platform, python: Path, cache: Path = CACHE) -> list[Path]:
    """The wheels of a platform, sorted by name, from the cache or by the pip of `python`.

    Raises WheelError when one is missing from the index or has another content than pinned.
    """
    pinned = read_lock()[platform.name]
    folder = cache / platform.name
    if any(not (folder / name).is_file() for name in pinned):
        download(platform, folder, python)
    for name, digest in pinned.items():
        path = folder / name
        if not path.is_file():
            raise WheelError(f"The package index has no {name}; was it withdrawn?")
        if file_hash(path) != digest:
            path.unlink()
            raise WheelError(f"{name} is not the file that was pinned; it was removed. Try again.")
    return [folder / name for name in sorted(pinned)]


def download(platform: Platform, folder: Path, python: Path) -> None:
    """Let pip fetch the pinned versions for both Pythons of a platform into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for version in PYTHONS:
        command = [str(python), "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--implementation=cp"]
        command += [f"--python-version={version}", "--dest", str(folder)]
        command += [f"--platform={tag}" for tag in platform.tags]
        result = subprocess.run(
            [*command, *PACKAGES],
            capture_output=True,
            text=True,
            check=False,
            env=clean_variables(),
        )
        if result.returncode != 0:
            raise WheelError(
                f"pip could not fetch the wheels for {platform.name}, Python {version}. "
                f"Is there a network?\n{result.stderr.strip()}"
            )


def lock_text() -> str:
    """The content of `requirements/wheels.txt` for the versions in `PACKAGES`."""
    lines = [
        "# Written by scripts/pin.py. The wheels in the extension's zips: platform, file, sha256.",
    ]
    for platform in PLATFORMS.values():
        folder = CACHE / platform.name
        for stale in folder.glob("*.whl"):
            stale.unlink()
        download(platform, folder, Path(sys.executable))
        lines += [f"{platform.name} {p.name} {file_hash(p)}" for p in sorted(folder.glob("*.whl"))]
    return "\n".join(lines) + "\n"


def this_platform() -> str:
    """The name of the platform this Python runs on.

    Raises WheelError where no zip is made for it.
    """
    tag = re.sub(r"[-.]", "_", sysconfig.get_platform())
    for name, start, end in (
        ("linux-x64", "linux", "x86_64"),
        ("windows-x64", "win", "amd64"),
        ("macos-arm64", "macosx", "arm64"),
        ("macos-arm64", "macosx", "universal2"),
    ):
        if tag.startswith(start) and tag.endswith(end):
            return name
    raise WheelError(f"There is no zip for this platform ({tag}); see PLATFORMS in wheels.py.")
