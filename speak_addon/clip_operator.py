# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose and emotion read off a clip by the core's encoders, keyed into the edit layer.

The core reads pictures; a movie is written out as pictures by Blender itself first, one with each
beat of a timer, so that the window lives.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty

from ..inference_core.protocol.controls import GROUPS, in_group
from ..inference_core.protocol.errors import SpeakError
from . import clip_frames, compat, curves, keys, pose_operators, preferences, runtime, shots, words
from .clip_reader import ClipReader
from .file_choice import ChoosesFootage
from .frame_time import FrameRange
from .set_operators import NeedsShot

TIMER_SECONDS = 0.05


class SPEAK_OT_pose_from_clip(ChoosesFootage, NeedsShot, bpy.types.Operator):
    """Key pose and emotion after a movie or a sequence of pictures of somebody's face"""

    bl_idname = "speak.pose_from_clip"
    bl_label = "Pose and Emotion from Clip"
    bl_options = {"UNDO"}

    pose: BoolProperty(
        name="Pose", description="Key yaw, pitch and roll as in the clip", default=True
    )
    emotion: BoolProperty(
        name="Emotion", description="Key the emotions as read off the clip", default=False
    )

    _steps: Iterator[None]
    _timer: Any = None
    _reader: ClipReader | None = None
    _error = ""

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot with a portrait."""
        if reason := super().disabled_reason(context):
            return reason
        return "" if shots.active(context).speak.portrait else "Choose a portrait first"

    def execute(self, context: Any) -> set[str]:
        """Read it: beside the work in a window, at once in a script."""
        self._steps = self._work(context)
        if bpy.app.background:
            for _ in self._steps:
                time.sleep(0.01)
            return self._outcome()
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """A step with each beat; Escape ends it and leaves the curves as they were."""
        if event.type == "ESC" and event.value == "PRESS":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            next(self._steps)
        except StopIteration:
            self._leave(context)
            return self._outcome()
        if self._reader is not None:
            said = words.say("{done} pictures read. Esc: cancel", done=self._reader.done)
            context.workspace.status_text_set(said)
        return {"PASS_THROUGH"}

    def cancel(self, context: Any) -> None:
        """End what runs; Blender calls this, too, when it closes."""
        self._steps.close()  # type: ignore[attr-defined]
        self._leave(context)

    def _leave(self, context: Any) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)

    def _outcome(self) -> set[str]:
        if self._error:
            self.report({"ERROR"}, self._error)
            return {"CANCELLED"}
        return {"FINISHED"}

    def _work(self, context: Any) -> Iterator[None]:
        owner, scene = shots.active(context), compat.sequencer_scene(context)
        path = self.chosen
        # Nothing of Blender's is held from step to step: an undo would take it away.
        uuid, rate = owner.speak.uuid, shots.rate(scene)
        portrait = Path(bpy.path.abspath(owner.speak.portrait, library=owner.library))
        try:
            frames = shots.frames(owner, scene)
            del owner, scene
            with tempfile.TemporaryDirectory(prefix="speak-clip-") as folder:
                clip, clip_fps = path, None
                if clip_frames.is_movie(path):
                    clip = Path(folder) / "frames"
                    clip_fps = yield from clip_frames.write(path, clip)
                elif path.is_file():
                    clip_fps = rate
                out = Path(folder) / "curves.csv"
                settings = preferences.core_settings()
                self._reader = ClipReader(settings, clip, out, portrait, rate, clip_fps, words.say)
                try:
                    while not self._reader.ended:
                        yield
                    self._reader.check()
                finally:
                    self._reader.stop()
                self._bring_in(shots.by_uuid(uuid), out, frames)
        except SpeakError as error:
            self._error = words.sentence(error)

    def _bring_in(self, owner: Any, out: Path, frames: FrameRange) -> None:
        """Key what was read, and let the proposal of these groups rest: the clip stands for it."""
        if owner is None:
            self._error = words.say("The shot was deleted meanwhile")
            return
        names: list[str] = []
        for wanted, group in ((self.pose, "pose"), (self.emotion, "emotion")):
            if wanted:
                names += [control.name for control in in_group(group)]
        pose_operators.key_from_csv(owner, out, frames, names)
        bag = compat.ensure_bag(owner, curves.ACTION)
        for wanted, group in ((self.pose, "pose"), (self.emotion, "emotion")):
            curve = bag.fcurves.find(curves.curve_path("weights", group), index=0)
            if wanted and curve is not None:
                bag.fcurves.remove(curve)
            if wanted:
                setattr(owner.speak.weights, group, 0.0)
        keys.touch(owner)
        runtime.redraw()


CLASSES = (SPEAK_OT_pose_from_clip,)
assert {"pose", "emotion"} <= {group.name for group in GROUPS}
