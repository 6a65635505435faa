# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate for every shot of the scene, one after the other."""

from typing import Any

import bpy

from . import runtime, shots, words
from .explained import Explained
from .shot_making import make_active
from .state import Outcome

TIMER_SECONDS = 0.2


class SPEAK_OT_generate_all(Explained, bpy.types.Operator):
    """Make what is missing or changed in every shot of the scene, one after the other"""

    bl_idname = "speak.generate_all"
    bl_label = "Generate All Shots"

    _timer: Any = None
    _left: tuple[str, ...] = ()
    _running = ""
    _failed: tuple[str, ...] = ()
    _count = 0

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs shots, and no other job."""
        if not any(owner.speak.is_shot for owner in context.scene.objects):
            return "Make a shot first"
        busy = runtime.session().state.job is not None
        return "Frames are being generated already" if busy else ""

    def execute(self, context: Any) -> set[str]:
        """One after the other, waiting for each: for scripts."""
        self._begin(context)
        while self._left:
            if self._next(context):
                try:
                    bpy.ops.speak.generate()
                except RuntimeError:
                    self._failed = (*self._failed, self._running)
        return self._end()

    def invoke(self, context: Any, event: Any) -> set[str]:
        """One after the other while the user goes on working."""
        if bpy.app.background:
            return self.execute(context)
        self._begin(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Start the next shot when one has ended; a cancelled one ends all."""
        session = runtime.session()
        # A job that has ended still has to bring in its result.
        if event.type != "TIMER" or session.state.job is not None or session.runner.jobs:
            return {"PASS_THROUGH"}
        if self._running:
            owner = context.scene.objects.get(self._running)
            report = None if owner is None else session.report_of(owner.speak.uuid)
            if report is not None and report.outcome is Outcome.CANCELLED:
                self._left = ()
            elif report is not None and report.outcome is Outcome.FAILED:
                self._failed = (*self._failed, self._running)
        self._running = ""
        while self._left and not self._running:
            if self._next(context):
                # A refusal stands at the shot, as if its own button had been pressed.
                try:
                    bpy.ops.speak.generate("INVOKE_DEFAULT")
                except RuntimeError:
                    self._failed = (*self._failed, self._running)
                    self._running = ""
        if self._running:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return self._end()

    def cancel(self, context: Any) -> None:
        """Blender itself ends it."""
        context.window_manager.event_timer_remove(self._timer)

    def _begin(self, context: Any) -> None:
        found = [
            owner for owner in context.scene.objects if owner.speak.is_shot and not owner.library
        ]
        self._left = tuple(sorted(owner.name for owner in found))
        self._count, self._failed, self._running = len(self._left), (), ""

    def _next(self, context: Any) -> bool:
        """Make the next shot the active one; False when it is gone or cannot be made."""
        self._running, *left = self._left
        self._left = tuple(left)
        owner = context.view_layer.objects.get(self._running)
        if owner is None or not owner.speak.is_shot:
            return False
        make_active(context, owner)
        if shots.active(context) == owner and bpy.ops.speak.generate.poll():
            return True
        self._failed = (*self._failed, self._running)
        self._running = ""
        return False

    def _end(self) -> set[str]:
        if self._failed:
            text = words.say(
                "{count} shots; these could not be made: {names}",
                count=self._count,
                names=", ".join(self._failed),
            )
            self.report({"WARNING"}, text)
        else:
            self.report({"INFO"}, words.say("{count} shots are up to date", count=self._count))
        return {"FINISHED"}


CLASSES = (SPEAK_OT_generate_all,)
