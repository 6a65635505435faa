# SPDX-License-Identifier: GPL-3.0-or-later
"""The session of this Blender, the timer that pumps it, and the handlers that end it."""

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..inference_core.protocol.errors import SpeakError
from . import audio, compat, gather, shots
from .job_data import Speaker
from .preferences import link_settings
from .session import Session
from .state import Link

# How often the window is served: while something is under way, and else.
BUSY_SECONDS, IDLE_SECONDS = 0.1, 1.0
AREAS = ("VIEW_3D", "SEQUENCE_EDITOR", "PROPERTIES", "PREFERENCES")

_session: Session | None = None
# Called when the core or a job has gone a step further, or another take is compared.
listeners: list[Callable[[], None]] = []


def session() -> Session:
    """The one session, made on first use."""
    global _session
    if _session is None:
        _session = Session(link_settings, _introduce)
    return _session


def _introduce(shot: str) -> Speaker | None:
    """Portrait and voice of a shot for the preview; None for not yet. Raises SpeakError."""
    owner = shots.by_uuid(shot)
    if owner is None:
        raise SpeakError("no_frames")
    if not bpy.app.background and not gather.ready(owner, compat.sequencer_scene(bpy.context)):
        return None
    return gather.speaker(owner, compat.sequencer_scene(bpy.context))


def leave_core() -> None:
    """Another core was chosen: leave the one of before, unless it is at work."""
    if _session is not None and _session.state.job is None:
        _session.close()


def redraw() -> None:
    """Draw the panels again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in AREAS:
                area.tag_redraw()


def redraw_if_changed() -> None:
    """Draw the panels again if they show something that changed."""
    if session().take_changed():
        look_again()


def look_again() -> None:
    """Draw the panels again, and wake those who watch: not every change is told by Blender."""
    redraw()
    wake()


def wake() -> None:
    """Let those who watch look again."""
    for listener in listeners:
        listener()


def _tick() -> float:
    """Writes nothing to the file: what must be undoable is left to the operators."""
    here = session()
    here.pump()
    redraw_if_changed()
    busy = here.state.job is not None or here.state.link is Link.STARTING
    return BUSY_SECONDS if busy else IDLE_SECONDS


@persistent
def _before_load(*_: Any) -> None:
    """Another file is loaded: what runs belongs to the one that closes."""
    audio.forget_mixing()
    if _session is not None:
        _session.close()


def register() -> None:
    """Start to pump; without a window operators pump themselves, and timers never fire.

    There a handler or a timer that is left at the end of a script would keep some Blenders from
    ending (4.5) or crash them (4.2).
    """
    if bpy.app.background:
        return
    bpy.app.handlers.load_pre.append(_before_load)
    bpy.app.timers.register(_tick, first_interval=IDLE_SECONDS, persistent=True)


def unregister() -> None:
    """Stop, and end the core."""
    global _session
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if _before_load in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_before_load)
    audio.forget_mixing()
    if _session is not None:
        _session.close()
        _session = None
