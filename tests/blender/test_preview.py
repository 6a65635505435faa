# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview asks for one moment at a time and only ever for the newest, without Blender."""

from fractions import Fraction

import numpy as np
from speak.inference_core.protocol.controls import COUNT, DEFAULTS
from speak.inference_core.protocol.errors import SpeakError
from speak.speak_addon import events as on
from speak.speak_addon.baseline import Sources
from speak.speak_addon.frame_time import FrameRange
from speak.speak_addon.job_data import Speaker
from speak.speak_addon.preview import Moment, Preview
from speak.speak_addon.state import Note

SOURCES = Sources("p", "v", "k", "24", 256, 0, 1.0)
OWN = np.array(DEFAULTS, "<f4")
AUTO = np.tile(OWN, (10, 1))


def speaker(shot: str) -> Speaker:
    samples = np.zeros(16000, np.int16)
    frames = FrameRange(1, 10)
    return Speaker(SOURCES, b"png", None, samples, 16000, 0.0, Fraction(24), frames, 0, 1.0)


def moment(index: int, sources: Sources = SOURCES) -> Moment:
    return Moment("shot", index, sources, True, DEFAULTS, (1.0, 1.0, 1.0, 1.0))


class Core:
    """Notes what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, request):
        self.sent.append(request)
        return len(self.sent)

    @property
    def types(self):
        return [request.type for request in self.sent]


def introduced(core: Core) -> Preview:
    """A preview whose first moment has been asked for."""
    preview = Preview(core.send, speaker)
    preview.want(moment(0))
    for answer in (
        on.Prepared(1, "portrait", OWN.tobytes()),
        on.Heard(2, "voice"),
        on.Proposed(3, AUTO.tobytes(), b""),
    ):
        preview.advance()
        assert preview.take(answer)
    preview.advance()
    return preview


def test_the_core_is_told_of_portrait_and_voice_once():
    core = Core()
    preview = introduced(core)
    assert core.types == ["prepare", "listen", "propose", "preview"]
    assert preview.take(on.Previewed(4, (2, 2, 3), bytes(12)))
    assert preview.picture.moment.index == 0
    preview.want(moment(5))
    preview.advance()
    assert core.types[4:] == ["preview"]
    assert core.sent[4].fields["index"] == 5


def test_only_the_newest_of_many_moments_is_asked_for():
    core = Core()
    preview = introduced(core)
    for index in range(1, 9):
        preview.want(moment(index))
        preview.advance()
    assert core.types.count("preview") == 1, "one at a time"
    preview.take(on.Previewed(4, (2, 2, 3), bytes(12)))
    preview.advance()
    assert [request.fields["index"] for request in core.sent[3:]] == [0, 8]


def test_answers_to_others_are_left_to_them():
    core = Core()
    preview = introduced(core)
    assert not preview.take(on.Previewed(99, (2, 2, 3), bytes(12)))
    assert not preview.take(on.AllMade(7, 0.0))


def test_a_core_that_forgot_is_told_again_and_other_failures_are_said_once():
    core = Core()
    preview = introduced(core)
    preview.take(on.RequestFailed(4, Note("unknown_voice"), 0.0))
    preview.advance()
    assert core.types[4:] == ["prepare"]
    preview.take(on.RequestFailed(5, Note("portrait_no_face"), 0.0))
    assert preview.trouble == Note("portrait_no_face")
    preview.want(moment(3))
    preview.advance()
    assert len(core.sent) == 5, "the same portrait would fail again"
    other = Sources("another", "v", "k", "24", 256, 0, 1.0)
    preview.want(moment(3, other))
    preview.advance()
    assert core.types[5:] == ["prepare"]


def test_what_the_scene_refuses_is_said():
    core = Core()

    def refuse(shot):
        raise SpeakError("strip_missing", name="Voice")

    preview = Preview(core.send, refuse)
    preview.want(moment(0))
    preview.advance()
    assert preview.trouble.code == "strip_missing"
    assert not preview.busy
    assert not core.sent


def test_a_row_is_blended_as_the_frames_are():
    core = Core()
    preview = introduced(core)
    preview.take(on.Previewed(4, (2, 2, 3), bytes(12)))
    edit = list(DEFAULTS)
    edit[0] = 12.0
    preview.want(Moment("shot", 2, SOURCES, False, tuple(edit), (1.0, 1.0, 1.0, 1.0)))
    preview.advance()
    row = np.frombuffer(core.sent[-1].blobs[0].data, "<f4")
    assert row.shape == (COUNT,)
    assert row[0] == 12.0


def test_it_asks_again_while_the_voice_is_not_mixed_yet():
    core, there = Core(), set[str]()
    preview = Preview(core.send, lambda shot: speaker(shot) if shot in there else None)
    preview.want(moment(0))
    preview.advance()
    assert (core.types, preview.busy) == ([], True)
    preview.want(moment(3))  # meanwhile the playhead has moved
    there.add("shot")
    preview.advance()
    assert core.types == ["prepare"]
    for answer in (
        on.Prepared(1, "portrait", OWN.tobytes()),
        on.Heard(2, "voice"),
        on.Proposed(3, AUTO.tobytes(), b""),
    ):
        assert preview.take(answer)
    preview.advance()
    assert core.sent[-1].fields["index"] == 3
