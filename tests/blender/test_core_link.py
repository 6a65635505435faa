# SPDX-License-Identifier: GPL-3.0-or-later
"""What the core says reaches the add-on at the first look, whatever stands before it."""

from speak.inference_core.protocol.messages import Blob, Event
from speak.speak_addon import events as on
from speak.speak_addon.core_link import CoreLink


class Connection:
    """Has these events, and gives as many as are asked for."""

    def __init__(self, events):
        self.events = list(events)

    def poll(self, limit):
        given, self.events = self.events[:limit], self.events[limit:]
        return given


def previewed(number):
    return Event(number, "previewed", blobs=(Blob("uint8", (2, 2, 3), bytes(12)),))


def linked(*events):
    link = CoreLink()
    link._link = Connection(events)
    return link


def test_what_tells_nothing_does_not_hold_back_the_picture_behind_it():
    """A picture that waits for the next look waits for everything that Blender draws meanwhile."""
    link = linked(Event(1, "accepted"), previewed(1), Event(2, "accepted"), previewed(2))
    for number in (1, 2):
        (event,) = link.poll(1)
        assert isinstance(event, on.Previewed)
        assert event.request == number
    assert link.poll(1) == []


def test_an_empty_link_and_none_say_nothing():
    assert linked(Event(1, "accepted")).poll(1) == []
    assert linked().poll(1) == []
    assert CoreLink().poll(1) == []
