# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's pure modules, importable without Blender; scenarios in a Blender of their own.

Inside Blender the repository root is the package `bl_ext.<repository>.speak`, whose `__init__`
may only run there. Here the same folder is the package `speak`, without its `__init__`.
"""

import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).parent / "scenarios"

_package = types.ModuleType("speak")
_package.__path__ = [str(ROOT)]
sys.modules.setdefault("speak", _package)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., str]:
    """Plays a scenario in a bpy of its own and gives what it printed; fails when it fails."""
    resources = tmp_path / "resources"
    resources.mkdir()

    def run(scenario: str, *arguments: str, timeout: float = 100) -> str:
        # Without -c and with the root as the folder, `tests.blender.stage` can be imported.
        command = [sys.executable, "-m", f"tests.blender.scenarios.{scenario}", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, timeout=timeout, check=False, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "BLENDER_USER_RESOURCES": str(resources)},
        )  # fmt: skip
        assert done.returncode == 0, f"{scenario} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model pack of a few kilobytes."""
    from tests.fixtures.tiny_pack import write_pack

    return str(write_pack(tmp_path_factory.mktemp("pack") / "tiny"))
