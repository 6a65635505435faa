# SPDX-License-Identifier: GPL-3.0-or-later
"""The first bytes of a connection: magic, version, and proof of the token both ways.

    client  hello   magic, version, 0, nonce, HMAC("hello" + all before)
    core    reply   magic, version, status, nonce, HMAC("reply" + client's nonce + all before)
    client  proof   HMAC("proof" + both nonces)
    core    message `ready` or `failed`                                  (see wire.py)

HMAC is HMAC-SHA256 with the token as its key.

The hello already shows that its sender has the token, so whatever else connects (a web page, a
scanner) gets no byte back, not even a banner. A hello that was overheard and sent again gets no
further than the reply, because the proof covers the core's own nonce. The reply shows the client
that it talks to the core that it started.

This layout never changes; the version in it may. Standard library only.
"""

import hmac
import secrets
from hashlib import sha256
from struct import Struct

from .channel import Channel, ChannelClosed
from .errors import SpeakError
from .version import PROTOCOL_VERSION

MAGIC = b"SPK1"
TOKEN_BYTES = 32
DEADLINE = 2.0  # seconds for all of it
_HEAD = Struct(">4sHH32s")
_TAG_BYTES = 32
_OK, _OTHER_VERSION = 0, 1


class Refused(Exception):  # noqa: N818 - an outcome
    """The peer has not shown the token (or not in time); close without a word."""


def _tag(token: bytes, label: bytes, *parts: bytes) -> bytes:
    return hmac.new(token, label + b"".join(parts), sha256).digest()


def make_token() -> bytes:
    """A token for one core."""
    return secrets.token_bytes(TOKEN_BYTES)


def offer(channel: Channel, token: bytes, version: int = PROTOCOL_VERSION) -> None:
    """The client's side. Raises SpeakError version_mismatch or core_refused, ChannelClosed."""
    nonce = secrets.token_bytes(32)
    hello = _HEAD.pack(MAGIC, version, 0, nonce)
    channel.write(hello + _tag(token, b"hello", hello))
    reply = bytes(channel.read(_HEAD.size + _TAG_BYTES))
    head, tag = reply[: _HEAD.size], reply[_HEAD.size :]
    magic, theirs, status, core_nonce = _HEAD.unpack(head)
    if magic != MAGIC or not hmac.compare_digest(tag, _tag(token, b"reply", nonce, head)):
        raise SpeakError("core_refused")
    if status != _OK or theirs != version:
        raise SpeakError("version_mismatch", ours=version, theirs=theirs)
    channel.write(_tag(token, b"proof", nonce, core_nonce))


def accept(channel: Channel, token: bytes, version: int = PROTOCOL_VERSION) -> None:
    """The core's side. Raises Refused when the peer is to be closed silently."""
    try:
        # The magic alone first: an HTTP request is closed at once, not after 72 bytes.
        magic = bytes(channel.read(len(MAGIC)))
        if magic != MAGIC:
            raise Refused("no magic")
        rest = bytes(channel.read(_HEAD.size - len(MAGIC) + _TAG_BYTES))
        hello, tag = magic + rest[:-_TAG_BYTES], rest[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, _tag(token, b"hello", hello)):
            raise Refused("wrong token")
        _, theirs, _, nonce = _HEAD.unpack(hello)
        status = _OK if theirs == version else _OTHER_VERSION
        core_nonce = secrets.token_bytes(32)
        head = _HEAD.pack(MAGIC, version, status, core_nonce)
        channel.write(head + _tag(token, b"reply", nonce, head))
        if status != _OK:
            raise Refused(f"version {theirs} of the link, this core has {version}")
        proof = bytes(channel.read(_TAG_BYTES))
        if not hmac.compare_digest(proof, _tag(token, b"proof", nonce, core_nonce)):
            raise Refused("wrong proof")
    except ChannelClosed:
        raise Refused("left or too slow") from None
