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
        "data.render_groups", "data.template", "data.render_groups", "train_surface", "train",
        "train_painter", "train_irfd", "train_landmarks", "export",
    ]  # fmt: skip
    minutes = [float(c[c.index("--minutes") + 1]) for c in found if "--minutes" in c]
    assert sum(minutes) == pytest.approx(120)
    assert (tmp_path / "run" / "pack" / "voice.onnx").exists()


def test_few_minutes_are_dealt_out_until_the_pack_is_there(calls, monkeypatch):
    """Stages take a quarter longer than they are told to; what is over is taken from the others."""
    found, _, arguments = calls
    clock = [0.0]

    def run(command, **_):
        found.append(command)
        around = {s.module: s.around for s in train.stages(Path("a"), Path("o"), 4, 2)}
        clock[0] += around[command[2].removeprefix("inference_core.training.")]
        if "--minutes" in command:
            clock[0] += 1.25 * 60 * float(command[command.index("--minutes") + 1])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(train.subprocess, "run", run)
    monkeypatch.setattr(train.time, "monotonic", lambda: clock[0])
    assert train.main([*arguments, "--minutes", "10"]) == 0
    assert modules(found)[-1] == "export"
    assert 9 * 60 < clock[0] < 10 * 60 + 15
    given = [float(c[c.index("--minutes") + 1]) for c in found if "--minutes" in c]
    assert len(given) == 6  # the rendering is among them
    assert min(given) > 0.1


def test_a_run_that_has_hours_renders_all_of_its_people(calls):
    found, _, arguments = calls
    assert train.main([*arguments, "--hours", "1"]) == 0
    assert all("--minutes" not in c for c, m in zip(found, modules(found), strict=True)
               if m == "data.render_groups")  # fmt: skip


def test_later_stages_take_the_best_weights_of_earlier_ones():
    by_name = {s.name: s.arguments for s in train.stages(Path("a"), Path("o"), 4, 2)}
    for later, option, earlier in (
        ("geometry", "surface", "surface"), ("painter", "speak", "geometry"),
        ("irfd", "speak", "painter"), ("export", "speak", "painter"),
        ("export", "landmarks", "landmarks"),
    ):  # fmt: skip
        weights = Path(by_name[later][by_name[later].index(f"--{option}") + 1])
        assert weights.parts[-2:] == (earlier, "best.safetensors")
        assert by_name[earlier][by_name[earlier].index("--out") + 1] == str(weights.parent)


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
