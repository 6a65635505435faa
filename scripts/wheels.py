# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels that ship inside the extension: which, for whom, and how they get here.

Blender up to 5.0 runs Python 3.11 and from 5.1 on Python 3.13, so each platform's zip carries
both. Linux distributions build Blender for their own Python, which is newer; theirs is a zip of
its own, or every zip would grow by a quarter. numpy is never among the wheels, because Blender
brings its own and a second one would break it.
Wheels are fetched once into a cache folder and checked against the hashes in
`requirements/wheels.txt` every time they are used.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import REQUIREMENTS, ROOT, clean_variables, file_hash

LOCK = REQUIREMENTS / "wheels.txt"
CACHE = ROOT / "build" / "wheels"
PYTHONS = ("3.11", "3.13")

# onnxruntime with everything it asks for except numpy, Pillow, and what signs: c2pa-python (it
# names requests and toml too, for building itself only), cryptography for the user's own key.
PACKAGES = (
    "onnxruntime==1.31.1",
    "flatbuffers==25.12.19",
    "packaging==26.3",
    "protobuf==7.36.2",
    "pillow==13.0.0",
    "c2pa-python==0.38.0",
    "cryptography==50.0.2",
    "cffi==2.1.1",
    "pycparser==3.12",
)

# What a linker needs and nobody who runs it: 6 MB of c2pa's wheel for Linux, 79 MB of the one for
# Windows.
FOR_LINKING = (".rlib", ".lib", ".pdb", ".d")
FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


@dataclass(frozen=True)
class Platform:
    """A platform as Blender's extension manifests name it, the wheel tags that run on it, and the
    Pythons that its zip carries wheels for; variant tells zips of one platform apart.
    """

    name: str
    tags: tuple[str, ...]
    pythons: tuple[str, ...] = PYTHONS
    variant: str = ""

    @property
    def key(self) -> str:
        """What the zip, its wheels' folder and its lines in the lock are called by."""
        return f"{self.name}-{self.variant}" if self.variant else self.name


LINUX_TAGS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


PLATFORMS: dict[str, Platform] = {
    platform.key: platform
    for platform in (
        Platform("linux-x64", LINUX_TAGS),
        Platform("linux-x64", LINUX_TAGS, ("3.14",), "python3.14"),
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
    pinned = read_lock()[platform.key]
    folder = cache / platform.key
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


def copy_lean(wheel: Path, folder: Path) -> None:
    """Copy a wheel into `folder` without what only linkers need; most have nothing of that kind and
    are copied as they are. The same wheel always gives the same bytes.
    """
    target = folder / wheel.name
    with zipfile.ZipFile(wheel) as whole:
        if not any(name.endswith(FOR_LINKING) for name in whole.namelist()):
            shutil.copyfile(wheel, target)
            return
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as lean:
            for name in whole.namelist():
                if name.endswith(FOR_LINKING):
                    continue
                data = whole.read(name)
                if name.endswith(".dist-info/RECORD"):
                    lines = data.decode().splitlines()
                    kept = [line for line in lines if not line.split(",")[0].endswith(FOR_LINKING)]
                    data = ("\n".join(kept) + "\n").encode()
                entry = zipfile.ZipInfo(name, FIXED_DATE)
                entry.external_attr = 0o644 << 16
                entry.create_system = 3
                entry.compress_type = zipfile.ZIP_DEFLATED
                lean.writestr(entry, data, compresslevel=9)


def download(platform: Platform, folder: Path, python: Path) -> None:
    """Let pip fetch the pinned versions for the Pythons of a platform into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for version in platform.pythons:
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
                f"pip could not fetch the wheels for {platform.key}, Python {version}. "
                f"Is there a network?\n{result.stderr.strip()}"
            )


def lock_text() -> str:
    """The content of `requirements/wheels.txt` for the versions in `PACKAGES`."""
    lines = [
        "# Written by scripts/pin.py. The wheels in the extension's zips: platform, file, sha256.",
    ]
    for platform in PLATFORMS.values():
        folder = CACHE / platform.key
        for stale in folder.glob("*.whl"):
            stale.unlink()
        download(platform, folder, Path(sys.executable))
        lines += [f"{platform.key} {p.name} {file_hash(p)}" for p in sorted(folder.glob("*.whl"))]
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
