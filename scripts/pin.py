# SPDX-License-Identifier: GPL-3.0-or-later
"""Write requirements/*.txt: every package with the version that pip resolves today.

    .venv/bin/python scripts/pin.py [NAME ...]

What a purpose asks for stands in `PURPOSES` below; the files hold the whole closure, so that an
installation is the same tomorrow. `wheels.txt` also holds the sha256 of every wheel that ships in
the extension, for each platform and Python. Needs a network; resolves on Linux for Python 3.11.
Packages that torch brings on its own for CUDA are pinned by torch itself and not listed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import wheels
from scripts.environment import REQUIREMENTS, clean_variables
from scripts.terminal import say

RUNTIME = (
    "onnxruntime==1.31.1",
    "pillow==13.0.0",
    "numpy==1.26.4",
    # 0.38.1 has no wheel for Windows.
    "c2pa-python==0.38.0",
    "cryptography==50.0.2",
)
# What `bench` measures with; torch is among TRAIN.
MEASURE = ("av==18.1.0", "scikit-image==0.26.0", "scipy==1.17.1", "torchmetrics==1.9.0")
TRAIN = (
    "torch==2.13.0",
    "safetensors==0.8.0",
    "onnx==1.23.2",
    "onnxscript==0.7.2",
    "moderngl==5.13.0",
    "scipy==1.17.1",
    "transformers==5.23.0",
)
# numpy stays below 2 beside bpy 4.5 and 5.0, which are built for 1.26.
PURPOSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "runtime.txt": ("the core without Blender: python -m inference_core", RUNTIME),
    "demo.txt": (
        "scripts/demo.py: Blender as a Python module, Pillow for the sheets; the core's own "
        "packages come from the extension's zip",
        ("bpy==5.0.1", "numpy==1.26.4", "pillow==13.0.0"),
    ),
    "train.txt": ("inference_core.model and inference_core.training", (*RUNTIME, *TRAIN)),
    "bench.txt": (
        "python -m inference_core bench, and verify on movies",
        (*RUNTIME, *MEASURE, "torch==2.13.0", "lpips==0.1.4", "pytorch-fid==0.3.0"),
    ),
    "dev.txt": (
        "scripts/test.py, on top of demo.txt: lint, types, tests of every part",
        (
            *RUNTIME,
            *TRAIN,
            *MEASURE,
            "pytest==9.2.0",
            "pytest-timeout==2.4.0",
            "hypothesis==6.170.15",
            "ruff==0.17.6",
            "mypy==2.4.1",
            "soundfile==0.14.0",
        ),
    ),
    "bpy45.txt": (
        "the second Blender that scripts/test.py runs the add-on's tests on",
        (*RUNTIME, "bpy==4.5.15", "onnx==1.23.2", "pytest==9.2.0", "pytest-timeout==2.4.0"),
    ),
}


def closure(wanted: tuple[str, ...]) -> dict[str, str]:
    """Name -> version of everything that pip would install for `wanted` into an empty place."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        command += ["--quiet", "--only-binary=:all:", "--report", str(report), *wanted]
        subprocess.run(command, check=True, env=clean_variables())
        installs = json.loads(report.read_text("utf-8"))["install"]
    found = {item["metadata"]["name"]: item["metadata"]["version"] for item in installs}
    # A local version (torch 2.13.0+cpu) exists on one index only; the public one matches it too.
    return {name.lower(): version.partition("+")[0] for name, version in found.items()}


def text_of(purpose: str, wanted: tuple[str, ...], packages: dict[str, str]) -> str:
    """The requirement file: what was asked for first, then what that needs."""
    asked = {item.partition("==")[0] for item in wanted}
    lines = ["# Written by scripts/pin.py. For", f"# {purpose}."]
    lines += [f"{name}=={packages[name]}" for name in sorted(asked)]
    lines.append("# which need")
    for name in sorted(set(packages) - asked):
        needs_cuda = name.startswith(("nvidia-", "cuda-")) or name == "triton"
        if not needs_cuda:
            lines.append(f"{name}=={packages[name]}")
    if "pytest" in asked:
        lines.append('colorama==0.4.6; sys_platform == "win32"')
    text = "\n".join(lines) + "\n"
    if "bpy" not in asked:  # without Blender a newer Python may run it, which needs a newer numpy
        text = text.replace(
            "numpy==1.26.4\n",
            'numpy==1.26.4; python_version < "3.12"\nnumpy==2.3.5; python_version >= "3.12"\n',
        )
    return text


def main(arguments: list[str] | None = None) -> None:
    """Write the files named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Pin the requirement files.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="runtime.txt, wheels.txt ...")
    names = parser.parse_args(arguments).names or [*PURPOSES, "wheels.txt"]
    REQUIREMENTS.mkdir(exist_ok=True)
    for name in names:
        say(f"resolving {name}")
        if name == "wheels.txt":
            text = wheels.lock_text()
        else:
            purpose, wanted = PURPOSES[name]
            text = text_of(purpose, wanted, closure(wanted))
        (REQUIREMENTS / name).write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
