# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared libraries that the bpy wheel expects from a Linux desktop.

A bare server lacks them and `import bpy` fails there with the name of one file at a time; this
module finds all that are missing at once and names the Debian packages that bring them.
"""

import ctypes
import os
import shutil
import subprocess
import sys

from scripts.terminal import say

# Shared library -> Debian package. The last three: bpy imports without them, but drawing with
# Workbench or EEVEE aborts the process, and numerical libraries want OpenMP.
DEBIAN_PACKAGES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libgomp.so.1": "libgomp1",
}


def missing(libraries: dict[str, str] = DEBIAN_PACKAGES) -> list[str]:
    """Debian packages of those libraries that this Linux cannot load; empty elsewhere."""
    if not sys.platform.startswith("linux"):
        return []
    absent = []
    for library, package in libraries.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            absent.append(package)
    return absent


def ensure() -> None:
    """Install what is missing when this is root with apt, otherwise say how.

    Raises SystemExit with the sentence when the libraries are still missing afterwards.
    """
    packages = missing()
    if not packages:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    sentence = (
        "Blender needs system libraries that are missing here. Install them with: "
        f"sudo {' '.join(install)}"
    )
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit(sentence)
    say(f"Blender needs system libraries; installing {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], env=environment, check=False)
    subprocess.run(install, env=environment, check=False)
    if missing():
        raise SystemExit(sentence)
