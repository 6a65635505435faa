# SPDX-License-Identifier: GPL-3.0-or-later
"""What `python scripts/test.py` runs for which arguments."""

import os
from pathlib import Path

import pytest

from scripts import test as command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "second"),
    [
        ([], ["tests/blender"]),
        (["-k", "undo"], ["-k", "undo", "tests/blender"]),
        (["tests"], ["tests/blender"]),
        (["tests/blender", "-x"], ["-x", "tests/blender"]),
        (["tests/protocol"], None),
        (["tests/test_import_rules.py::test_the_core_never_imports_blender"], None),
    ],
)
def test_the_second_blender_runs_the_add_ons_tests_only(
    arguments: list[str], second: list[str] | None
) -> None:
    assert command.blender_arguments(arguments) == second


def test_paths_and_options_pass_through_to_pytest() -> None:
    commands = command.commands(["tests/protocol", "-k", "wire"])
    assert list(commands) == ["lint", "format", "types", "tests"]
    assert commands["tests"][-4:] == ["pytest", "tests/protocol", "-k", "wire"]


def test_the_build_machine_runs_the_same_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "scripts/test.py" in script.read_text("utf-8")
