# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate: waits for the end without a window, lets the user go on with one.

The result is written inside the operator, so that one undo takes it back.
"""

import sys
import time
import traceback
from collections.abc import Generator, Iterator
from typing import Any

import bpy

from ..inference_core.protocol.errors import SpeakError
from . import audio, compat, gather, portions, results, runtime, shots, takes, words
from . import events as on
from .core_link import note
from .explained import Explained
from .frame_time import clock
from .job_data import JobData
from .state import Note, Outcome, Report, Stage

# How often the window is served while a job runs.
TIMER_SECONDS = 0.05
# How often the plane is given the frames that came.
SHOW_SECONDS = 1.0


class SPEAK_OT_generate(Explained, bpy.types.Operator):
    """Make the frames of the active shot that are missing or changed"""

    bl_idname = "speak.generate"
    bl_label = "Generate"
    bl_options = {"UNDO"}

    _job = 0
    _gathering: Generator[gather.Doing, None, gather.Gathered] | None = None
    _doing = gather.Doing(Stage.MIXING)
    _shown, _made = 0.0, -1
    _bringing: Iterator[None] | None = None
    _ended: set[str] = {"CANCELLED"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot that is complete, and no other job."""
        owner = shots.active(context)
        if owner is None:
            return "Make a shot first"
        if owner.library is not None:
            return "The shot is linked from another file: make it local or a library override"
        if runtime.session().state.job is not None:
            return "Frames are being generated already"
        if not owner.speak.portrait:
            return "Choose a portrait first"
        if owner.speak.voice_source == "STRIP" and not owner.speak.strip:
            return "Choose the sound strip or a sound file of the voice first"
        folder = owner.speak.folder
        if not bpy.data.filepath and (not folder or folder.startswith("//")):
            return words.of_note(Note("blend_not_saved"))
        return ""

    def execute(self, context: Any) -> set[str]:
        """Generate and wait for the end: for scripts and for Blender without a window."""
        if not self._begin(context):
            return {"CANCELLED"}
        session = runtime.session()
        progress = _Printed()
        try:
            while session.state.job is not None:
                session.pump()
                progress.show(session)
                time.sleep(0.005)
        except KeyboardInterrupt:
            session.close()
        session.runner.background.settle()
        for _ in self._ending():
            pass
        session.runner.background.settle()
        return self._ended

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Generate while the user goes on working."""
        if bpy.app.background:
            return self.execute(context)
        if not self._begin(context, in_portions=True):
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Serve the core; Escape cancels when it is for nothing else of Blender's."""
        session = runtime.session()
        if event.type == "ESC" and event.value == "PRESS" and _is_for_us(context, event):
            session.dispatch(on.CancelAsked(time.monotonic()))
            return {"RUNNING_MODAL"}
        if event.type == "TIMER":
            self._go_on_gathering(session)
            session.pump()
            runtime.redraw_if_changed()
            self._show_progress(session)
        job = session.state.job
        if job is not None and job.id == self._job:
            return {"PASS_THROUGH"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self._bringing is None:
            self._bringing = self._ending()
        # The result comes in portions, so that the window lives meanwhile.
        if next(self._bringing, self) is not self:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        return self._ended

    def _show_progress(self, session: Any) -> None:
        """Frames appear on the plane as they come, about once a second."""
        data = session.runner.jobs.get(self._job)
        now = time.monotonic()
        if data is None or not data.keys or now - self._shown < SHOW_SECONDS:
            return
        made = len(data.there)
        if made == self._made:
            return
        self._shown, self._made = now, made
        owner, scene = shots.by_uuid(data.shot), bpy.data.scenes.get(self._scene)
        if owner is not None and scene is not None:
            results.show_progress(owner, scene, data)

    def cancel(self, context: Any) -> None:
        """Blender itself ends the operator, for instance with its window."""
        self._stop_timer(context)
        runtime.session().dispatch(on.CancelAsked(time.monotonic()))

    def _stop_timer(self, context: Any) -> None:
        if self._gathering is not None:
            self._gathering.close()
            audio.forget_mixing()
        context.window_manager.event_timer_remove(self._timer)

    def _begin(self, context: Any, in_portions: bool = False) -> bool:
        """Take everything from the scene and start; False when it is refused.

        in_portions: only what can be had at once, `_go_on_gathering` then takes the rest.
        """
        owner = shots.active(context)
        scene = compat.sequencer_scene(context)
        self._scene = scene.name
        self._shown, self._made = 0.0, -1
        session = runtime.session()
        use_auto = bool(owner.speak.use_auto)
        try:
            self._shot = shots.identity(owner)
            if in_portions:
                self._gathering = gather.steps(self._shot, self._scene)
                gathered = self._gather()
            else:
                gathered = gather.gather(owner, scene)
        except SpeakError as error:
            session.dispatch(on.Refused(self._shot, note(error)))
            self.report({"ERROR"}, words.sentence(error))
            return False
        if gathered is not None:
            self._gathering = None
            self._job = session.generate(*gathered)
        else:
            self._job = session.expect(self._shot, use_auto)
            self._tell(session)
        return True

    def _gather(self) -> gather.Gathered | None:
        """A portion of it; None as long as there is more to do."""
        assert self._gathering is not None
        portion = portions.Portion()
        while portion.lasts():
            try:
                self._doing = next(self._gathering)
            except StopIteration as end:
                gathered: gather.Gathered = end.value
                return gathered
            if self._doing.waits:
                break
        return None

    def _tell(self, session: Any) -> None:
        doing = self._doing
        session.dispatch(on.Gathering(self._job, doing.stage, doing.share))

    def _go_on_gathering(self, session: Any) -> None:
        """A portion of what the job needs, until it has all."""
        job = session.state.job
        if self._gathering is None or job is None or job.id != self._job:
            return
        try:
            gathered = self._gather()
        except SpeakError as error:
            session.dispatch(on.JobObstructed(self._job, note(error), time.monotonic()))
        except Exception as error:
            # A mistake of ours ends the job, or no other could ever be started.
            traceback.print_exc()
            trouble = Note("internal", {"reason": f"{type(error).__name__} in the add-on"})
            session.dispatch(on.JobObstructed(self._job, trouble, time.monotonic()))
        else:
            if gathered is None:
                self._tell(session)
            else:
                self._gathering = None
                session.gathered(self._job, *gathered)

    def _ending(self) -> Iterator[None]:
        """Bring in the result in portions and report how it went; `_ended` says it to Blender."""
        session = runtime.session()
        data = session.take_data(self._job)
        report = session.report_of(self._shot)
        runtime.redraw()
        self._ended = {"CANCELLED"}
        if report is not None and report.error is not None:
            self.report({"ERROR"}, words.of_note(report.error))
        elif report is None or data is None or report.outcome is Outcome.CANCELLED:
            self.report({"INFO"}, words.say("Cancelled; finished frames are kept"))
        else:
            try:
                yield from self._bring_in(data, report)
            except ReferenceError:
                self._was_deleted()

    def _bring_in(self, data: JobData, report: Report) -> Iterator[None]:
        owner, scene = shots.by_uuid(data.shot), bpy.data.scenes.get(self._scene)
        if owner is None or scene is None:
            self._was_deleted()
            return
        yield from results.steps(owner, scene, data)
        try:
            takes.record(owner, data)
        except SpeakError as error:
            text = words.say("This take is not kept: {why}", why=words.sentence(error))
            self.report({"WARNING"}, text)
        self.report({"INFO"}, summary(report))
        self._ended = {"FINISHED"}

    def _was_deleted(self) -> None:
        text = words.say("The shot was deleted meanwhile; its frames are kept")
        self.report({"WARNING"}, text)


def summary(report: Report) -> str:
    """How a job went, in a line: `48 frames made, 192 kept, in 8 s`."""
    if report.made == 1:
        text = "1 frame made, {kept} kept, in {time}" if report.kept else "1 frame made, in {time}"
    elif report.kept:
        text = "{made} frames made, {kept} kept, in {time}"
    else:
        text = "{made} frames made, in {time}"
    return words.say(text, made=report.made, kept=report.kept, time=clock(report.seconds))


# Where Escape is not for something of the editor itself, such as leaving a render.
OURS = ("VIEW_3D", "SEQUENCE_EDITOR", "GRAPH_EDITOR", "DOPESHEET_EDITOR", "PROPERTIES", "OUTLINER")


def _is_for_us(context: Any, event: Any) -> bool:
    """Whether Escape means the generation: not while it would stop the playback or a render."""
    screen = context.window.screen
    if screen.is_animation_playing or bpy.app.is_job_running("RENDER"):
        return False
    below = (
        area.type
        for area in screen.areas
        if 0 <= event.mouse_x - area.x < area.width and 0 <= event.mouse_y - area.y < area.height
    )
    return next(below, "") in OURS


class _Printed:
    """Progress in the terminal for Blender without a window: a line per tenth of the way."""

    def __init__(self) -> None:
        self._shown = -1

    def show(self, session: Any) -> None:
        """Print when there is something new."""
        job = session.state.job
        if job is None or not bpy.app.background:
            return
        step = int(job.fraction * 10)
        if step > self._shown:
            self._shown = step
            frames = f" {job.made}/{job.to_make}" if job.to_make else ""
            left = f", {clock(job.seconds_left)} left" if job.seconds_left else ""
            print(f"SPEAK: {job.stage.value}{frames}{left}", file=sys.stderr, flush=True)
