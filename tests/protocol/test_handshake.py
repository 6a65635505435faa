# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets past the first bytes."""

import socket
import threading
import time

import pytest

from inference_core.protocol import handshake
from inference_core.protocol.channel import ChannelClosed, SocketChannel
from inference_core.protocol.errors import SpeakError

TOKEN = bytes(range(32))


class Core:
    """The core's side on a thread, and what came of it."""

    def __init__(self, token: bytes = TOKEN, deadline: float = 1.0, **options: int) -> None:
        ours, theirs = socket.socketpair()
        self.theirs = theirs
        self.theirs.settimeout(5)
        self._channel = SocketChannel(ours)
        self._channel.expire(deadline)
        self.outcome: object = None
        self._thread = threading.Thread(target=self._accept, args=(token, options))
        self._thread.start()

    def _accept(self, token: bytes, options: dict[str, int]) -> None:
        try:
            handshake.accept(self._channel, token, **options)
            self.outcome = "accepted"
        except handshake.Refused as refused:
            self.outcome = refused
        if self.outcome != "accepted":
            self._channel.close()

    def finish(self) -> object:
        self._thread.join(5)
        return self.outcome

    def answer_to(self, data: bytes) -> bytes:
        self.theirs.sendall(data)
        self.theirs.shutdown(socket.SHUT_WR)
        got = b""
        while piece := self.theirs.recv(1000):
            got += piece
        return got


def hello(token: bytes = TOKEN) -> bytes:
    """What a client with this token says first."""
    one, other = socket.socketpair()
    channel = SocketChannel(one)
    other.setblocking(True)
    done = threading.Thread(target=_offer, args=(channel, token))
    done.start()
    said = other.recv(72, socket.MSG_WAITALL)
    other.close()
    done.join()
    return said


def _offer(channel: SocketChannel, token: bytes) -> None:
    with pytest.raises(ChannelClosed):
        handshake.offer(channel, token)


def test_both_sides_with_the_token_agree():
    core = Core()
    handshake.offer(SocketChannel(core.theirs), TOKEN)
    assert core.finish() == "accepted"


@pytest.mark.parametrize("wrong", [b"", b"x" * 32, TOKEN[:31], TOKEN + b"\1"])
def test_a_wrong_token_gets_no_byte(wrong: bytes):
    core = Core()
    with pytest.raises(ChannelClosed):
        handshake.offer(SocketChannel(core.theirs), wrong)
    assert "wrong token" in str(core.finish())
    core = Core()
    assert core.answer_to(hello(wrong)) == b""


def test_an_overheard_hello_gets_no_further_than_the_nonce():
    said = hello()
    proofs = set()
    for _ in range(2):
        core = Core()
        answer = core.answer_to(said + bytes(32))
        assert len(answer) == 72
        proofs.add(answer)
        assert "wrong proof" in str(core.finish())
    assert len(proofs) == 2, "the core's nonce must be new each time"


def test_a_truncated_hello_gets_no_byte():
    for size in (0, 1, 3, 4, 40, 71):
        core = Core()
        assert core.answer_to(hello()[:size]) == b""
        assert isinstance(core.finish(), handshake.Refused)


def test_a_core_without_the_token_is_noticed():
    one, other = socket.socketpair()
    client, core = SocketChannel(one), SocketChannel(other)

    def impostor() -> None:
        core.read(72)
        core.write(hello(b"y" * 32))

    thread = threading.Thread(target=impostor)
    thread.start()
    with pytest.raises(SpeakError) as caught:
        handshake.offer(client, TOKEN)
    assert caught.value.code == "core_refused"
    thread.join()


def test_another_version_is_named_by_both_sides():
    core = Core(version=7)
    with pytest.raises(SpeakError) as caught:
        handshake.offer(SocketChannel(core.theirs), TOKEN, version=3)
    assert caught.value.code == "version_mismatch"
    assert caught.value.arguments == {"ours": 3, "theirs": 7}
    assert "3" in caught.value.sentence
    assert "7" in caught.value.sentence
    assert "version 3" in str(core.finish())


def test_the_deadline_is_for_the_whole_handshake():
    core = Core(deadline=0.4)
    began = time.monotonic()
    said = hello()
    for at in range(20):
        time.sleep(0.05)
        try:
            core.theirs.send(said[at : at + 1])
        except OSError:
            break
    assert "too slow" in str(core.finish())
    assert time.monotonic() - began < 0.8
