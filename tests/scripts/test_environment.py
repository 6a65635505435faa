# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments are made once, continued when interrupted, and say what is missing."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import environment, system_libraries, terminal
from scripts.environment import Environment


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout with requirement files that need no download but pip's."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "requirements").mkdir()
    (root / "requirements" / "none.txt").write_text("# nothing\n", "utf-8")
    (root / "requirements" / "wrong.txt").write_text("./no-such-folder\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "ROOT", root)
        patch.setattr(environment, "REQUIREMENTS", root / "requirements")
        patch.setattr(environment, "LOGS", root / "build" / "logs")
        yield root


def test_an_environment_is_made_once(checkout: Path) -> None:
    made = Environment(".venv", ("none.txt",))
    assert environment.outdated(made) == ["none.txt"]
    environment.ensure(made)
    assert subprocess.run([made.python, "-c", "import pip"], check=False).returncode == 0
    assert environment.outdated(made) == []
    assert environment.ensure(made) == 0.0
    (checkout / "requirements" / "none.txt").write_text("# something else\n", "utf-8")
    assert environment.outdated(made) == ["none.txt"]


def test_a_package_that_does_not_exist_ends_in_a_sentence(checkout: Path) -> None:
    """Runs in the environment of the test above."""
    both = Environment(".venv", ("none.txt", "wrong.txt"))
    with pytest.raises(SystemExit, match="run this again"):
        environment.ensure(both)
    assert environment.outdated(both) == ["wrong.txt"]


def test_a_half_made_environment_is_made_anew(checkout: Path) -> None:
    half = Environment(".venv-half", ("none.txt",))
    half.python.parent.mkdir(parents=True)
    half.python.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    half.python.chmod(0o755)
    half.stamp.write_text("{ not json", "utf-8")
    environment.ensure(half)
    assert json.loads(half.stamp.read_text("utf-8")).keys() == {"none.txt"}


def test_another_python_is_found_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.sys, "version_info", (3, 14, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11, this is Python 3\.14"):
        environment.python_command()
    python = tmp_path / "python3.11"
    python.write_text("#!/bin/sh\n", "utf-8")
    python.chmod(0o755)
    assert environment.python_command() == [str(python)]


def test_children_do_not_see_another_pythons_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("HOME", "/home/me")
    variables = environment.clean_variables({"EXTRA": "1"})
    assert "PYTHONPATH" not in variables
    assert variables["HOME"] == "/home/me"
    assert variables["EXTRA"] == "1"


def test_pips_output_becomes_progress() -> None:
    lines = [
        "Collecting bpy==5.0.1 (from -r requirements/demo.txt (line 3))\n",
        "  Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (374.1 MB)\n",
        "Progress 187000000 of 374100000\n",
        "  Using cached https://example.org/numpy-1.26.4-cp311.whl (18.0 MB)\n",
        "Installing collected packages: numpy, bpy\n",
        "Successfully installed bpy-5.0.1\n",
    ]
    assert list(environment.progress(lines)) == [
        "collecting bpy",
        "downloading bpy",
        "downloading bpy: 187 of 374 MB",
        "using cached numpy",
        "unpacking 2 packages",
    ]


def test_a_missing_system_library_is_named_by_its_package() -> None:
    libraries = {"libc.so.6": "libc6", "libno-such-thing.so.9": "libno-such-thing9"}
    assert system_libraries.missing(libraries) == ["libno-such-thing9"]


def test_without_rights_the_exact_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_libraries, "missing", lambda: ["libegl1", "libsm6"])
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match=r"sudo apt-get install .* libegl1 libsm6"):
        system_libraries.ensure()


def test_a_table_is_aligned() -> None:
    rows = [("first frame", "1.2 s"), ("all", "10.0 s")]
    lines = terminal.table(rows, ("what", "time")).splitlines()
    assert lines == [
        "what           time",
        "-----------  ------",
        "first frame   1.2 s",
        "all          10.0 s",
    ]
