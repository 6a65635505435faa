# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that a speaker is made known to the core with. Without bpy."""

from ..inference_core.protocol import messages
from .job_data import Speaker
from .layers import Track


def prepare(speaker: Speaker) -> messages.Request:
    """Send the portrait."""
    return messages.prepare(speaker.portrait, speaker.face)


def listen(speaker: Speaker) -> messages.Request:
    """Send the voice."""
    return messages.listen(speaker.samples.astype("<i2").tobytes(), speaker.rate)


def propose(speaker: Speaker, portrait: str, voice: str) -> messages.Request:
    """Ask for the auto layer."""
    return messages.propose(
        portrait, voice, speaker.fps, speaker.frames.count, speaker.seed, speaker.auto_amount,
        speaker.start,
    )  # fmt: skip


def track_bytes(track: Track) -> bytes:
    """A track as it goes over the link."""
    return track.astype("<f4").tobytes()
