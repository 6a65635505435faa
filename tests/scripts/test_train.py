# SPDX-License-Identifier: GPL-3.0-or-later
"""The one command of training: what it calls, what it skips, what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import train


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Commands that would have run; they end with the status in `failing` for the named module."""
    found = []
    failing: dict[str, int] = {}

    def run(command, **_):
        found.append(command)
        return subprocess.CompletedProcess(command, failing.get(command[2].rsplit(".", 1)[1], 0))

    monkeypatch.setattr(train.environment, "ensure", lambda _: 0.0)
    monkeypatch.setattr(train.subprocess, "run", run)
    (tmp_path / "avatars").mkdir()
    (tmp_path / "avatars" / "geo.npz").touch()
    return found, failing, ["--assets", str(tmp_path / "avatars"), "--out", str(tmp_path / "run")]


def modules(found):
    return [command[2].removeprefix("inference_core.training.") for command in found]


def test_it_goes_from_rendering_to_a_pack(calls, tmp_path):
    found, _, arguments = calls
    assert train.main([*arguments, "--hours", "2"]) == 0
    assert modules(found) == [
        "data.render_groups", "data.render_groups", "data.template", "train_surface", "train",
        "train_painter", "train_irfd", "train_landmarks", "export",
    ]  # fmt: skip
    minutes = [float(c[c.index("--minutes") + 1]) for c in found if "--minutes" in c]
    assert sum(minutes) == pytest.approx(120)
    assert (tmp_path / "run" / "pack" / "voice.onnx").exists()


def test_it_goes_on_where_it_stopped(calls):
    found, failing, arguments = calls
    failing["train_painter"] = 3
    assert train.main(arguments) == 3
    assert modules(found)[-1] == "train_painter"
    found.clear()
    failing.clear()
    assert train.main(arguments) == 0
    assert modules(found)[0] == "train_painter"


def test_every_stage_takes_the_arguments_it_is_given():
    """The modules' own parsers accept them (--help ends them before they need anything)."""
    pytest.importorskip("moderngl")
    for stage in train.stages(Path("a"), Path("o"), 4, 2):
        command = [sys.executable, "-m", f"inference_core.training.{stage.module}"]
        result = subprocess.run(
            [*command, *stage.arguments, "--help"], cwd=train.ROOT, capture_output=True, timeout=120
        )
        assert result.returncode == 0, result.stderr
        for option in (a for a in stage.arguments if a.startswith("--")):
            assert option in result.stdout.decode()


def test_without_avatars_it_says_where_they_come_from(tmp_path, capsys):
    assert train.main(["--assets", str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert "THIRD_PARTY.md" in capsys.readouterr().out
