# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as the add-on builds them are requests that the core lets in."""

from fractions import Fraction
from math import prod

import pytest

from inference_core.protocol import messages, wire
from inference_core.protocol.controls import COUNT
from inference_core.protocol.errors import SpeakError
from inference_core.protocol.messages import DTYPES, Request
from inference_core.service import admission

KEY = "ab" * 32
TRACK = bytes(4 * COUNT * 5)

EVERY = [
    messages.ping(),
    messages.describe(),
    messages.prepare(b"image"),
    messages.prepare(b"image", face=2, box=(1, 2.5, 30, 40)),
    messages.listen(b"\0\0" * 10, 48000),
    messages.listen(b"\0\0" * 12, 44100, channels=6),
    messages.propose(KEY, KEY, Fraction(24000, 1001), 48, seed=3, amount=0.5, start=-1.25),
    messages.keys(KEY, None, Fraction(25), TRACK, 512),
    messages.preview(KEY, None, Fraction(25), bytes(4 * COUNT), 256, start=1.5, index=7),
    messages.generate(KEY, KEY, Fraction(25), TRACK, 256),
    messages.generate(KEY, None, Fraction(25), TRACK, 256, indices=[4, 0, 2]),
]


def admit(request: Request, request_id: object = 1) -> None:
    """What the core does with a request before it reads the blobs, and after."""
    head = wire.encode({"id": request_id, "type": request.type, **request.fields}, request.blobs)
    header = wire.parse_header(bytes(head[0])[wire.PREFIX.size :])
    size = sum(DTYPES[b.dtype] * prod(b.shape) for b in request.blobs)
    admission.check(header, wire.blob_layout(header, size))
    admission.check_content(header, [memoryview(b.data) for b in request.blobs])


@pytest.mark.parametrize("request_", EVERY, ids=lambda r: r.type)
def test_every_request_is_let_in(request_: Request):
    admit(request_)


def test_the_table_of_requests_is_complete():
    assert {request.type for request in EVERY} | {"cancel"} == set(admission.REQUESTS)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (messages.generate(KEY, KEY, Fraction(0), TRACK, 512), "bad_fps"),
        (messages.generate(KEY, KEY, Fraction(-1), TRACK, 512), "bad_fps"),
        (messages.generate(KEY, KEY, Fraction(1000), TRACK, 512), "bad_fps"),
        (messages.generate(KEY, KEY, Fraction(25), b"", 512), "no_frames"),
        (messages.generate(KEY, KEY, Fraction(25), TRACK, 512, indices=[]), "no_frames"),
        (messages.generate(KEY, KEY, Fraction(25), TRACK, 512, indices=[5]), "bad_index"),
        (messages.generate(KEY, KEY, Fraction(25), TRACK, 512, indices=[-1]), "bad_index"),
        (messages.generate("../../x", KEY, Fraction(25), TRACK, 512), "bad_request"),
        (messages.generate(KEY, "/etc/passwd", Fraction(25), TRACK, 512), "bad_request"),
        (messages.generate(KEY, KEY, Fraction(25), TRACK, 10**9), "bad_request"),
        (messages.propose(KEY, KEY, Fraction(25), 0), "no_frames"),
        (messages.propose(KEY, KEY, Fraction(25), 10**9), "too_many_frames"),
        (messages.propose(KEY, KEY, Fraction(25), 10, amount=1e30), "bad_request"),
        (messages.preview(KEY, KEY, Fraction(25), bytes(8 * COUNT), 256), "bad_request"),
        (messages.preview(KEY, KEY, Fraction(25), bytes(4 * COUNT), 10**6), "bad_request"),
        (messages.preview(KEY, KEY, Fraction(25), bytes(4 * COUNT), 256, index=-1), "bad_request"),
        (messages.listen(b"\0\0", 0), "voice_rate"),
        (messages.listen(b"\0\0", 4_000_000_000), "voice_rate"),
        (messages.listen(bytes(2 * 65535), 48000, channels=65535), "voice_channels"),
        (messages.prepare(b"x", face=-1), "bad_request"),
        (messages.prepare(b"x", box=(1, 2, 3)), "bad_request"),
        (Request("exec", {"code": "1"}), "bad_request"),
        (Request("ping", {"path": "/etc/passwd"}), "bad_request"),
        (Request("prepare", {"face": None, "box": None}), "bad_request"),
        (Request("generate"), "bad_request"),
    ],
    ids=str,
)
def test_what_is_refused_before_its_blobs_are_read(request_: Request, code: str):
    with pytest.raises(SpeakError) as caught:
        admit(request_)
    assert caught.value.code == code


@pytest.mark.parametrize("request_id", [None, 0, -1, 1.5, "1", True, 2**60, [1]])
def test_an_id_is_a_whole_number_from_1(request_id: object):
    with pytest.raises(SpeakError, match="id is not"):
        admit(messages.ping(), request_id)


def test_the_version_is_named_when_a_type_or_field_is_unknown():
    for request in (Request("sing"), Request("ping", {"loud": True})):
        with pytest.raises(SpeakError, match=r"(in|of) version 3"):
            admit(request)


def test_too_much_is_refused_before_it_is_sent():
    with pytest.raises(SpeakError) as caught:
        messages.prepare(bytes(messages.MAX_PORTRAIT_BYTES + 1))
    assert caught.value.code == "too_large"
    assert caught.value.arguments["limit"] == messages.MAX_PORTRAIT_BYTES
