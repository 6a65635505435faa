# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows when the user changes something: the preview at the playhead, the count of frames.

Handlers only wake a timer; the timer works in small portions and sleeps again when all is done.
"""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..inference_core.protocol.controls import CONTROLS, GROUPS
from ..inference_core.protocol.errors import SpeakError
from . import (
    change_count,
    compare,
    compat,
    keys,
    moods,
    preferences,
    preview_image,
    runtime,
    shots,
    sources,
)
from .frame_time import FrameRange
from .portions import Portion
from .preview import Moment
from .state import Link

# While something is under way, and how long a change must be over before frames are counted.
BUSY_SECONDS, QUIET_SECONDS = 0.015, 0.25
PLAYING_SECONDS = 0.3
# How long frames are counted before it is said that they are.
SAID_SECONDS = 0.3
# One call of the timer takes about this long.
BUDGET_SECONDS = 0.006

_changed_at = 0.0
_counting: Iterator[object] | None = None
_counted_at = -1.0
_shown: Moment | None = None


def moment(owner: Any, scene: Any) -> Moment | None:
    """What there is to see of a shot at the playhead; None outside of its frames."""
    try:
        frames = shots.frames(owner, scene)
        if not frames.first <= scene.frame_current <= frames.last:
            return None
        now = sources.of(owner, scene, frames, preferences.pack_hash())
    except SpeakError:
        return None
    shot = owner.speak
    here = FrameRange(scene.frame_current, scene.frame_current)
    held = moods.track(moods.of_shot(owner, scene), here)[0]
    edit = [getattr(shot.edit, control.name) for control in CONTROLS]
    return Moment(
        shot.uuid,
        scene.frame_current - frames.first,
        now,
        shot.use_auto,
        tuple(value + float(more) for value, more in zip(edit, held, strict=True)),
        tuple(getattr(shot.weights, group.name) for group in GROUPS),
    )


@persistent
def _wake(*_: Any) -> None:
    """Something changed, perhaps a shot."""
    global _changed_at
    _changed_at = monotonic()
    if not bpy.app.timers.is_registered(_serve):
        bpy.app.timers.register(_serve, first_interval=0.0)


@persistent
def _undone(*_: Any) -> None:
    """What was being looked at is no longer the same object: look again from the start."""
    global _counting, _counted_at
    _counting, _counted_at = None, -1.0
    _wake()


@persistent
def _another_file(*_: Any) -> None:
    global _counting, _shown
    _counting = _shown = None
    preview_image.clear()
    _wake()


def _serve() -> float | None:
    """A portion of work; None when nothing is left to be done."""
    owner = shots.active(bpy.context)
    if owner is None or not owner.speak.portrait:
        return None
    if _playing():
        # The machine belongs to the playback; only a compared take goes along.
        compare.prepare(owner, bpy.context.scene)
        return BUSY_SECONDS if owner.speak.compared else PLAYING_SECONDS
    # A copy made with Blender's own commands came with the identity of the original.
    if owner.library is None:
        shots.separate_copy(owner)
    here = runtime.session()
    if compare.prepare(owner, bpy.context.scene):
        runtime.redraw()
    if _look_at_playhead(owner):
        return BUSY_SECONDS
    if here.state.job is not None:
        return None
    if bpy.app.is_job_running("RENDER"):  # nothing is evaluated beside it
        return PLAYING_SECONDS
    return BUSY_SECONDS if _count(owner) else None


def _look_at_playhead(owner: Any) -> bool:
    """Ask for the picture at the playhead and show what came; whether one is on its way."""
    global _shown
    here, chosen = runtime.session(), preferences.preferences()
    if chosen is None or not chosen.use_preview or here.state.link is not Link.READY:
        return False
    if here.state.job is None:
        seen = moment(owner, compat.sequencer_scene(bpy.context))
        if seen is not None and seen != _shown:
            _shown = seen
            here.preview.want(seen)
    here.pump(BUDGET_SECONDS)
    if here.preview.fresh:
        here.preview.fresh = False
        if here.preview.picture is not None:
            preview_image.show(here.preview.picture)
        runtime.redraw()
    return here.preview.busy


def _count(owner: Any) -> bool:
    """Go on counting the frames that changed; whether there is more to do."""
    global _counting, _counted_at
    here = runtime.session()
    if _changed_at > _counted_at:
        if monotonic() - _changed_at < QUIET_SECONDS:
            return True
        _counted_at = _changed_at
        keys.tidy(owner)
        if here.counting != owner.speak.uuid:
            here.counting = ""
        _counting = change_count.steps(owner, compat.sequencer_scene(bpy.context), here)
    portion = Portion(BUDGET_SECONDS)
    while _counting is not None and portion.lasts():
        try:
            next(_counting)
        except StopIteration:
            _counting = None
        except ReferenceError:  # the shot was deleted while it was counted
            _counting = None
    if _counting is None:
        here.counting = ""
        runtime.redraw()
    elif not here.counting and monotonic() - _counted_at > QUIET_SECONDS + SAID_SECONDS:
        here.counting = owner.speak.uuid
        runtime.redraw()
    return _counting is not None


def _playing() -> bool:
    manager = bpy.context.window_manager
    return any(window.screen.is_animation_playing for window in manager.windows)


HANDLERS = (
    ("depsgraph_update_post", _wake),
    ("frame_change_post", _wake),
    ("undo_pre", _undone),
    ("redo_pre", _undone),
    ("undo_post", _undone),
    ("redo_post", _undone),
    ("load_post", _another_file),
)


def register() -> None:
    """Watch, where there is a window; without one nobody sees what this is for."""
    if bpy.app.background:
        return
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    runtime.listeners.append(_wake)
    preview_image.register()


def unregister() -> None:
    """Watch no more."""
    if bpy.app.timers.is_registered(_serve):
        bpy.app.timers.unregister(_serve)
    for name, handler in HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            handlers.remove(handler)
    if _wake in runtime.listeners:
        runtime.listeners.remove(_wake)
    preview_image.unregister()
