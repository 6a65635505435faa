# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's pure modules, importable without Blender; scenarios in a Blender of their own.

Inside Blender the repository root is the package `bl_ext.<repository>.speak`, whose `__init__`
may only run there. Here the same folder is the package `speak`, without its `__init__`.
"""

import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_HERE = 77  # as stage.NOT_HERE, which only Blender can import
SCENARIOS = Path(__file__).parent / "scenarios"

_package = types.ModuleType("speak")
_package.__path__ = [str(ROOT)]
sys.modules.setdefault("speak", _package)


def command(scenario: str, *arguments: str) -> list[str]:
    """The command line that plays a scenario."""
    return [sys.executable, "-m", f"tests.blender.scenarios.{scenario}", *arguments]


def variables(resources: Path) -> dict[str, str]:
    """The environment of a Blender with settings of its own."""
    resources.mkdir(exist_ok=True)
    told = {"BLENDER_USER_RESOURCES": str(resources), "PYTHONFAULTHANDLER": "1"}
    return {**os.environ, **told}  # a crash of Blender names the line it happened in


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., str]:
    """Plays a scenario in a bpy of its own and gives what it printed; fails when it fails."""

    def run(scenario: str, *arguments: str, timeout: float = 200) -> str:
        done = subprocess.run(
            command(scenario, *arguments),
            cwd=ROOT,
            env=variables(tmp_path / "resources"),
            timeout=timeout,
            check=False,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode == NOT_HERE:
            pytest.skip(done.stdout.strip())
        assert done.returncode == 0, f"{scenario} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    return run


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a scenario that the test goes on beside, each with settings of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(scenario: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(scenario, *arguments),
            cwd=ROOT,
            env=variables(tmp_path / f"resources{len(started)}"),
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model pack of a few kilobytes."""
    from tests.fixtures.tiny_pack import write_pack

    return str(write_pack(tmp_path_factory.mktemp("pack") / "tiny"))
