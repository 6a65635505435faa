# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever else connects to the core, or looks at it, gets nothing."""

import base64
import os
import random
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_core.protocol import handshake, messages, wire
from inference_core.protocol.channel import ChannelClosed, SocketChannel
from inference_core.protocol.core_process import CONNECT_SECONDS
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.version import PROTOCOL_VERSION
from tests.service.harness import TestCore, answer_to, resident, shot, started, until

HTTP = [
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    b'POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"type":"x"}',
    b"OPTIONS / HTTP/1.1\r\nOrigin: http://evil.com\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
]
HOSTS = ["evil.com", "localhost.evil.com", "127.0.0.1.evil.com", "[::1]", "0.0.0.0", "localhost"]
ORIGINS = ["null", "http://localhost", "http://localhost.evil.com", ""]
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"


@pytest.fixture(scope="module", params=["unix", "tcp"])
def core(request, tmp_path_factory) -> Iterator[TestCore]:
    core = started(tmp_path_factory.mktemp(request.param), request.param)
    core.ask(messages.describe())
    yield core
    assert core.ask(messages.ping()).type == "pong", "the client is served to the end"
    assert "Traceback" not in core.log
    core.stop()


def client_hello() -> bytes:
    """What a TLS client says first."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(coming, going, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return going.read()


def test_web_pages_get_no_byte_and_cost_no_memory(core: TestCore):
    requests = HTTP + [
        f"GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\r\n".encode()
        for host in HOSTS
        for origin in ORIGINS
    ]
    answer_to(core.raw(), requests[0])
    before = resident(core.core.pid)
    for data in requests:
        assert answer_to(core.raw(), data) == b""
    assert resident(core.core.pid) - before < 1 << 20


def test_other_protocols_and_noise_get_no_byte(core: TestCore):
    for data in (client_hello(), SSH):
        assert answer_to(core.raw(), data) == b""
    before = resident(core.core.pid)
    half = 0 if core.where.transport == "unix" else 500
    for seed in range(half, half + 500):
        # The size varies so that some of it is read together with the magic and some is not.
        data = random.Random(seed).randbytes(1 << 20 if seed % 100 == 0 else 1 << seed % 13)
        assert answer_to(core.raw(), data + bytes(4)) == b""
    assert resident(core.core.pid) - before < 4 << 20


def test_a_wrong_token_is_closed_with_one_line_in_the_log(core: TestCore):
    lines = core.log.count("a connection was refused")
    channel = SocketChannel(core.raw())
    with pytest.raises(ChannelClosed):
        handshake.offer(channel, b"w" * 32)
    until(lambda: core.log.count("a connection was refused") > lines, 2)
    assert core.log.count("a connection was refused") == lines + 1
    assert "wrong token" in core.log.splitlines()[-1]


def test_silent_and_slow_connections_are_closed_in_time_and_the_client_is_served(core: TestCore):
    began, longest = time.monotonic(), 0.0
    silent, *slow = [core.raw() for _ in range(50)]
    for sock in slow:
        sock.sendall(handshake.MAGIC)
    try:
        closed: dict[socket.socket, float] = {}
        while len(closed) < 50:
            for sock in (silent, *slow):
                if sock not in closed and _gone(sock, speaks=sock is not silent):
                    closed[sock] = time.monotonic() - began
            asked = time.monotonic()
            core.ask(messages.ping())
            longest = max(longest, time.monotonic() - asked)
            assert time.monotonic() - began < handshake.DEADLINE + 2
            time.sleep(0.2)
        assert longest < 1
        assert min(closed.values()) > handshake.DEADLINE - 0.3
    finally:
        for sock in (silent, *slow):
            sock.close()


def _gone(sock: socket.socket, speaks: bool) -> bool:
    """Send one byte of a hello that never ends, or none; whether the core has closed."""
    sock.settimeout(0.001)
    try:
        if speaks:
            sock.send(b"n")
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_more_connections_than_the_core_has_places_for(core: TestCore):
    many = [core.raw() for _ in range(100)]
    try:
        assert core.ask(messages.ping()).type == "pong"
    finally:
        for sock in many:
            sock.close()
    until(lambda: answer_to(core.raw(), b"x" * 72) == b"", 5)


def test_a_second_client_with_the_token_is_told_that_the_core_is_busy(core: TestCore):
    second = core.another_client()
    with pytest.raises(SpeakError) as caught:
        list(second.wait(second.send(messages.ping())))
    assert caught.value.code == "busy"
    until(lambda: second.state == "closed", 2)
    with pytest.raises(SpeakError) as caught:
        list(second.wait(second.send(messages.ping())))
    assert caught.value.code == "busy", "also for what is sent later"
    assert core.ask(messages.ping()).type == "pong"


def test_a_core_of_another_version_is_named_with_both_versions(core: TestCore):
    channel = SocketChannel(core.raw())
    with pytest.raises(SpeakError) as caught:
        handshake.offer(channel, core.token, version=9)
    assert caught.value.code == "version_mismatch"
    assert caught.value.arguments == {"ours": 9, "theirs": PROTOCOL_VERSION}


def test_it_listens_on_this_machine_only(core: TestCore):
    inodes = {
        os.readlink(file)[8:-1]
        for file in Path(f"/proc/{core.core.pid}/fd").iterdir()
        if os.readlink(file).startswith("socket:")
    }
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[9] in inodes and (columns[3] == "0A" or table.startswith("udp")):
                listening.append(columns[1])
    if core.where.transport == "unix":
        assert listening == []
    else:
        # /proc writes the address as the number that its bytes are in memory.
        loopback = int.from_bytes(socket.inet_aton("127.0.0.1"), sys.byteorder)
        assert listening == [f"{loopback:08X}:{int(core.where.address):04X}"]


def test_the_token_is_nowhere_to_be_seen(core: TestCore):
    core.ask(shot(core.portrait(), None))
    token = core.token
    forms = [token, token.hex().encode(), base64.b64encode(token), repr(token).encode()[2:-1]]
    places = [*core.folder.glob("core.log*")]
    for pid in (core.core.pid, *core.workers):
        places += [Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ")]
    assert len(places) == 5
    for place in places:
        content = place.read_bytes()
        assert content
        for form in forms:
            assert form not in content, place
            assert form.upper() not in content, place


def test_the_connection_limit_leaves_room_for_the_client():
    assert handshake.DEADLINE < CONNECT_SECONDS


def test_another_user_cannot_reach_the_socket(core: TestCore):
    if core.where.transport == "tcp":
        # There is no folder around a port: the token keeps other users out.
        assert answer_to(core.raw(), bytes(72)) == b""
        return
    folder = Path(core.where.address).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.getuid()
    assert os.getuid() == 0, "only root can try it as another user"
    script = (
        "import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    )
    command = [sys.executable, "-c", script, core.where.address]
    stranger = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert "PermissionError" in stranger.stderr


def test_a_client_without_a_greeting_cannot_speak(core: TestCore):
    message = b"".join(bytes(part) for part in wire.encode({"id": 1, "type": "ping"}))
    assert answer_to(core.raw(), message) == b""
