# SPDX-License-Identifier: GPL-3.0-or-later
"""A core that runs already: found, connected to, left; and what is said of one that is no use."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inference_core.protocol import messages, rendezvous
from inference_core.protocol.client import Connection
from inference_core.protocol.core_process import environment
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.rendezvous import Record
from inference_core.protocol.running import RunningCore
from tests.service.harness import ROOT, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and modes of POSIX")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose cores are only those of this test."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path


@pytest.fixture
def shared(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A core with the slow engine that was started from a terminal."""
    (home / "pack.json").write_text('{"id": "slow", "version": "1.2"}')
    command = [sys.executable, "-m", "tests.service.slow_core", "serve", "--shared"]
    core = subprocess.Popen(
        [*command, "--pack", str(home), "--log", str(home / "core.log")],
        env=environment(ROOT), text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert core.stdout is not None
    assert "Choose it in the add-on's preferences" in core.stdout.readline()
    yield core
    core.kill()
    core.wait()
    core.stdout.close()


def only() -> Record:
    """The one core that is found."""
    (found,) = rendezvous.listed()
    assert found.problem is None
    assert found.record is not None
    return found.record


def ask(link: Connection, request: messages.Request) -> messages.Event:
    return list(link.wait(link.send(request), 20))[-1]


def code_of(record: Record) -> str:
    """Why a connection is refused."""
    link = RunningCore(record).connect()
    with pytest.raises(SpeakError) as caught:
        ask(link, messages.ping())
    return caught.value.code


def test_it_is_found_serves_and_goes_on(shared: subprocess.Popen[str], home: Path):
    record = only()
    assert (record.pid, record.pack, record.pack_version) == (shared.pid, "slow", "1.2")
    assert record.token not in repr(record)
    link = RunningCore(record).connect()
    assert ask(link, messages.ping()).type == "pong"
    portrait = ask(link, messages.prepare(b"{}")).fields["portrait"]
    assert code_of(record) == "busy"
    link.close()
    until(lambda: "the client has left" in (home / "core.log").read_text(), 5)
    RunningCore(record).stop()
    assert shared.poll() is None
    again = RunningCore(rendezvous.find(record.name)).connect()
    assert ask(again, messages.prepare(b"{}")).fields["portrait"] == portrait
    again.close()


def test_looking_at_the_list_does_not_disturb_it(shared: subprocess.Popen[str], home: Path):
    before = (home / "core.log").read_text()
    for _ in range(5):
        (found,) = rendezvous.listed(knock=False)
        assert found.problem is None
    assert (home / "core.log").read_text() == before
    shared.kill()
    shared.wait()
    assert rendezvous.listed(knock=False) == []


def test_only_its_user_can_read_where_it_is(shared: subprocess.Popen[str], home: Path):
    (path,) = (home / "run").rglob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert Path(only().address).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_takes_everything_along(
    shared: subprocess.Popen[str], home: Path, how: signal.Signals
):
    record = only()
    shared.send_signal(how)
    assert shared.wait(10) == 0
    assert not list((home / "run").rglob("*.json"))
    assert not Path(record.address).parent.exists()
    with pytest.raises(SpeakError) as caught:
        rendezvous.find(record.name)
    assert caught.value.code == "core_gone"
    assert record.name in caught.value.sentence


def test_killed_it_is_gone_and_its_file_is_cleared_away(shared: subprocess.Popen[str], home: Path):
    record = only()
    link = RunningCore(record).connect()
    ask(link, messages.ping())
    shared.kill()
    shared.wait()
    until(lambda: link.state == "closed", 5)
    assert code_of(record) == "core_gone"
    assert rendezvous.listed() == []
    assert not list((home / "run").rglob("*.json"))


def test_one_of_another_version_says_so(shared: subprocess.Popen[str], home: Path):
    (path,) = (home / "run").rglob("*.json")
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "protocol": 99}))
    (found,) = rendezvous.listed()
    assert found.problem is not None
    assert "99" in found.problem.sentence
    assert code_of(replace(only_of(found), protocol=99)) == "version_mismatch"


def only_of(found: rendezvous.Found) -> Record:
    assert found.record is not None
    return found.record


def test_what_another_user_could_have_written_is_not_used(
    shared: subprocess.Popen[str], home: Path
):
    (path,) = (home / "run").rglob("*.json")
    path.chmod(0o644)
    (found,) = rendezvous.listed()
    assert found.problem is not None
    assert found.problem.code == "core_not_ours"
    assert path.exists(), "what is not ours is not cleared away"


def test_a_wrong_token_and_another_program_are_refused(shared: subprocess.Popen[str]):
    record = only()
    assert code_of(replace(record, token="00" * 32)) == "core_refused"
    assert code_of(replace(record, address=record.address + "x")) == "core_gone"


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"pid": 1}', "\x00" * 50_000])
def test_a_file_of_no_core_is_no_core(home: Path, text: str):
    folder = home / "run" / rendezvous.FOLDER
    folder.mkdir(mode=0o700)
    path = folder / "7-7.json"
    path.write_text(text)
    path.chmod(0o600)
    assert rendezvous.listed() == []
    with pytest.raises(SpeakError) as caught:
        rendezvous.find("7-7")
    assert caught.value.code == "core_gone"


def test_without_a_pack_it_does_not_start(home: Path):
    command = [sys.executable, "-m", "inference_core", "serve", "--shared", "--pack", str(home)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(ROOT), text=True, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert "no model pack" in done.stderr
