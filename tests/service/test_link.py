# SPDX-License-Identifier: GPL-3.0-or-later
"""The link as the add-on uses it, on every transport."""

import struct
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest

from inference_core.protocol import messages
from inference_core.protocol.channel import Channel
from inference_core.protocol.client import Connection
from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import Event, Request, frame_keys
from tests.service.conftest import StartCore
from tests.service.harness import FPS, SECOND_OF_VOICE, TestCore, children, shot, until


@pytest.mark.parametrize("transport", ["unix", "tcp", "stdio"])
def test_from_portrait_and_voice_to_frames(start_core: StartCore, transport: str):
    core = start_core(transport=transport)
    assert core.where.transport == transport
    described = core.ask(messages.describe())
    assert described.fields["sizes"] == [256, 512]
    prepared = core.ask(messages.prepare(b'{"frame_bytes": 5000}'))
    assert prepared.fields["faces"] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    notice = {"code": "portrait_several_faces", "args": {"count": 2}}
    assert prepared.fields["notices"] == [notice]
    assert struct.unpack("<19f", prepared.blobs[0].data) == tuple(range(19))
    heard = core.ask(messages.listen(SECOND_OF_VOICE * 2, 16000, channels=2))
    assert heard.fields["seconds"] == 1.0
    portrait, voice = str(prepared.fields["portrait"]), str(heard.fields["voice"])

    proposed = core.ask(messages.propose(portrait, voice, FPS, 7, amount=0.5))
    assert proposed.blobs[0].shape == (7, COUNT)
    assert struct.unpack("<133f", proposed.blobs[0].data)[1] == 0.5

    keyed = core.ask(messages.keys(portrait, voice, FPS, bytes(4 * COUNT * 6), 512))
    keys = frame_keys(keyed)
    assert len(keys) == 6

    track = bytes(4 * COUNT * 6)
    request = messages.generate(portrait, voice, FPS, track, 512, seed=3, indices=[5, 1, 2])
    events = core.events(core.link.send(request))
    frames = [event for event in events if event.type == "frame"]
    assert [event.fields["index"] for event in frames] == [5, 1, 2]
    assert [event.fields["key"] for event in frames] == [keys[5], keys[1], keys[2]]
    assert [bytes(event.blobs[0].data) for event in frames] == [
        bytes([n + 3]) * 5000 for n in [5, 1, 2]
    ]
    assert all(event.blobs[1].shape == (COUNT,) for event in frames)
    kinds = [event.type for event in events]
    assert kinds[:3] == ["accepted", "notice", "stage"], "zoom 0 is outside of its range"
    assert events[1].fields["code"] == "controls_clamped"
    assert kinds[-2:] == ["progress", "done"]
    assert events[-2].fields == {"done": 3, "total": 3, "seconds_left": 0}
    assert events[-1].fields["made"] == 3


def test_a_folder_too_deep_for_a_unix_socket(start_core: StartCore, tmp_path: Path, monkeypatch):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    core = start_core()
    assert core.where.transport == "unix"
    assert len(core.where.address) <= 100
    assert not list(deep.iterdir())


def test_the_socket_folder_goes_with_the_core_and_a_killed_ones_with_the_next(
    start_core: StartCore,
):
    first, second = start_core(), start_core()
    folders = [Path(core.where.address).parent for core in (first, second)]
    assert all(folder.is_dir() for folder in folders)
    first.stop()
    assert not folders[0].exists()
    second.core._core._process.kill()
    second.core._core._process.wait()
    assert folders[1].exists()
    assert start_core().where.transport == "unix"
    assert not folders[1].exists()


def test_without_a_socket_the_pipes_are_used(start_core: StartCore, monkeypatch):
    def blocked(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("inference_core.protocol.core_process.connect", blocked)
    core = start_core()
    assert core.ask(messages.ping()).type == "pong"
    assert core.where.transport == "unix"
    assert core.portrait()
    second = core.another_client()
    with pytest.raises(SpeakError) as caught:
        list(second.wait(second.send(messages.ping())))
    assert caught.value.code == "busy"
    assert core.ask(messages.ping()).type == "pong"


def test_a_connection_that_is_lost_once_is_no_reason_to_give_up_the_core(start_core: StartCore):
    core = start_core()
    address = Path(core.where.address)
    address.rename(address.with_name("elsewhere"))
    second = core.another_client()
    with pytest.raises(SpeakError) as caught:
        list(second.wait(second.send(messages.ping())))
    assert caught.value.code == "core_lost"
    assert core.ask(messages.ping()).type == "pong"


def test_sending_before_the_core_is_up_and_polling_never_block(start_core: StartCore):
    core, up = start_core(), threading.Event()
    core.ask(messages.ping())
    core.link.close()
    until(lambda: "the client has left" in core.log, 5)

    def late() -> Channel:
        assert up.wait(20)
        return core.core._core.open()

    # Whatever waited for the connection would wait for ever: only what comes next lets it open.
    core.link = Connection(late)
    core.links.append(core.link)
    ids = [core.link.send(messages.ping()) for _ in range(50)]
    assert (core.link.poll(), core.link.state) == ([], "connecting")
    up.set()
    seen: list[Event] = []
    until(lambda: len(core.polled(seen)) >= 51, 20)
    assert [event.type for event in seen] == ["ready"] + ["pong"] * 50
    assert [event.id for event in seen[1:]] == ids


def test_a_client_that_comes_back_finds_its_portrait(shared_core: TestCore):
    core = shared_core
    portrait, voice = core.portrait(), core.voice()
    core.link.close()
    core.reconnect()
    assert core.ask(shot(portrait, voice)).fields["made"] == 3


def test_what_the_core_does_not_have_is_named(shared_core: TestCore):
    core = shared_core
    portrait = core.portrait()
    for request, code in [
        (shot("0" * 64, None), "unknown_portrait"),
        (shot(portrait, "0" * 64), "unknown_voice"),
        (messages.prepare(b"no image"), "portrait_unreadable"),
    ]:
        with pytest.raises(SpeakError) as caught:
            core.ask(request)
        assert caught.value.code == code
    assert core.ask(shot(portrait, None)).fields["made"] == 3


def test_old_portraits_give_way_to_new_ones(shared_core: TestCore):
    core = shared_core
    keys = [core.portrait(number=number) for number in range(6)]
    for key in keys[2:]:
        assert core.ask(shot(key, None, 1)).type == "done"
    with pytest.raises(SpeakError) as caught:
        core.ask(shot(keys[0], None, 1))
    assert caught.value.code == "unknown_portrait"


def test_errors_of_the_engine_come_as_they_are_and_others_as_internal(shared_core: TestCore):
    core = shared_core
    for told, code in [({"fail": "disk_full"}, "disk_full"), ({"raise": "secret"}, "internal")]:
        with pytest.raises(SpeakError) as caught:
            core.ask(shot(core.portrait(**told), None))
        assert caught.value.code == code
        assert "secret" not in str(caught.value)
    until(lambda: "RuntimeError: secret" in core.log, 2)
    assert core.ask(shot(core.portrait(), None)).type == "done"


def test_everything_printed_goes_to_a_log_of_limited_size(start_core: StartCore):
    core = start_core()
    loud = core.portrait(print="x" * 1900)
    assert core.ask(shot(loud, None, 400)).fields["made"] == 400
    assert (core.folder / "core.log.1").stat().st_size > 900_000
    for file in core.folder.glob("core.log*"):
        assert file.stat().st_size <= 1 << 20
    assert len(list(core.folder.glob("core.log*"))) <= 3


def test_a_slow_reader_does_not_fill_the_memory_of_either_side(shared_core: TestCore):
    core = shared_core
    portrait = core.portrait(frame_bytes=4 << 20)
    request = core.link.send(shot(portrait, None, 60))
    time.sleep(0.5)
    assert core.link._waiting_bytes <= 70 << 20
    last = time.monotonic()
    assert core.events(request)[-1].fields["made"] == 60
    assert time.monotonic() - last < 15


def test_a_worker_with_nothing_to_do_gives_its_memory_back(start_core: StartCore):
    core = start_core(arguments=("--idle", "0.3"))
    portrait = core.portrait()
    until(lambda: core.workers == [], 5)
    assert core.ask(shot(portrait, None)).fields["made"] == 3


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(1), Fraction(240)])
def test_frame_rates(shared_core: TestCore, fps: Fraction):
    portrait = shared_core.portrait()
    assert shared_core.ask(messages.propose(portrait, None, fps, 2)).type == "proposed"


def test_a_core_that_cannot_start_says_why(start_core: StartCore, tmp_path: Path):
    core = start_core(module="no_such_module")
    with pytest.raises(SpeakError) as caught:
        core.ask(messages.ping())
    assert caught.value.code == "core_start_failed"
    events = core.link.poll()
    assert [(event.id, event.type) for event in events] == [(None, "closed")]
    assert core.link.state == "closed"
    with pytest.raises(SpeakError):
        core.ask(messages.ping())
    with pytest.raises(SpeakError) as caught:
        start_core(python=str(tmp_path / "no python"))
    assert caught.value.code == "core_start_failed"


def test_an_unknown_request_type_does_not_end_the_connection(shared_core: TestCore):
    for request in (Request("sing"), Request("ping", {"loud": True})):
        with pytest.raises(SpeakError) as caught:
            shared_core.ask(request)
        assert caught.value.code == "bad_request"
    assert shared_core.ask(messages.ping()).type == "pong"


def test_the_environment_of_a_core_is_scrubbed(start_core: StartCore, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    core = start_core()
    assert core.ask(messages.ping()).type == "pong"
    environ = Path(f"/proc/{core.core.pid}/environ").read_bytes()
    assert b"/nowhere" not in environ
    assert b"PYTHONUTF8=1" in environ
    assert children(core.core.pid)
    assert sys.executable.encode() in Path(f"/proc/{core.core.pid}/cmdline").read_bytes()
