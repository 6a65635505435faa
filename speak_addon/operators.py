# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user can do. `disabled_reason` of an operator feeds its tooltip, its poll and the panel.

Everything that must be undoable is written inside an operator, so that one undo takes it back.
"""

import sys
import time
from typing import Any

import bpy
from bpy.props import StringProperty

from ..inference_core.protocol.errors import SpeakError, wording
from . import compat, gather, results, runtime, shots
from . import events as on
from .core_link import note
from .frame_time import clock
from .job_data import JobData
from .state import Link, Outcome, Report

# How often the window is served while a job runs.
TIMER_SECONDS = 0.05


class Explained:
    """An operator that says why it is disabled."""

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """A sentence, or nothing when the operator can run."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Blender's own question, answered with the reason."""
        reason = cls.disabled_reason(context)
        if reason:
            cls.poll_message_set(reason)  # type: ignore[attr-defined]
        return not reason


class SPEAK_OT_new_shot(bpy.types.Operator):
    """Add a plane that will show a talking portrait, and make it the active shot"""

    bl_idname = "speak.new_shot"
    bl_label = "New Shot"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Name of the shot", default="Shot")
    portrait: StringProperty(
        name="Portrait",
        description="The image that speaks",
        subtype="FILE_PATH",
        **compat.RELATIVE_PATHS,
    )
    strip: StringProperty(name="Strip", description="The sound strip that is spoken")

    def execute(self, context: Any) -> set[str]:
        """Add the object and fill in what is known."""
        mesh = bpy.data.meshes.new(self.name)
        results.fit_plane(mesh, 1, 1)
        owner = bpy.data.objects.new(self.name, mesh)
        context.scene.collection.objects.link(owner)
        shots.make_shot(owner)
        owner.speak.portrait = self.portrait
        owner.speak.strip = self.strip or _likely_strip(context)
        for other in context.view_layer.objects:
            other.select_set(False)
        owner.select_set(True)
        context.view_layer.objects.active = owner
        return {"FINISHED"}


def _likely_strip(context: Any) -> str:
    """The active strip if it is a sound, else the only sound strip there is."""
    scene = compat.sequencer_scene(context)
    sounds = [strip.name for strip in compat.all_strips(scene) if strip.type == "SOUND"]
    active = scene.sequence_editor.active_strip if scene.sequence_editor else None
    if active is not None and active.name in sounds:
        return str(active.name)
    return sounds[0] if len(sounds) == 1 else ""


class SPEAK_OT_make_shot(Explained, bpy.types.Operator):
    """Make the active object a shot; a mesh will show the frames itself, an Empty gets a plane"""

    bl_idname = "speak.make_shot"
    bl_label = "Use Active Object"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs an active object that is no shot yet."""
        owner = context.view_layer.objects.active
        if owner is None:
            return "There is no active object"
        return "The active object is a shot already" if owner.speak.is_shot else ""

    def execute(self, context: Any) -> set[str]:
        """Give the object its shot."""
        owner = context.view_layer.objects.active
        shots.make_shot(owner)
        owner.speak.strip = _likely_strip(context)
        return {"FINISHED"}


class SPEAK_OT_generate(Explained, bpy.types.Operator):
    """Make the frames of the active shot that are missing or changed"""

    bl_idname = "speak.generate"
    bl_label = "Generate"
    bl_options = {"UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot that is complete, and no other job."""
        owner = shots.active(context)
        if owner is None:
            return "Make a shot first"
        if runtime.session().state.job is not None:
            return "Frames are being generated already"
        if not owner.speak.portrait:
            return "Choose a portrait first"
        if owner.speak.voice_source == "STRIP" and not owner.speak.strip:
            return "Choose the sound strip of the voice first"
        if not bpy.data.filepath and not owner.speak.folder.startswith("/"):
            return wording("blend_not_saved").sentence + " " + wording("blend_not_saved").hint
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
        return self._end()

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Generate while the user goes on working."""
        if bpy.app.background:
            return self.execute(context)
        if not self._begin(context):
            return {"CANCELLED"}
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Serve the core; Escape cancels when nothing else of Blender's took it."""
        session = runtime.session()
        if event.type == "ESC" and event.value == "PRESS":
            session.dispatch(on.CancelAsked(time.monotonic()))
            return {"RUNNING_MODAL"}
        if event.type == "TIMER":
            session.pump()
            runtime.redraw_if_changed()
        job = session.state.job
        if job is not None and job.id == self._job:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        return self._end()

    def cancel(self, context: Any) -> None:
        """Blender itself ends the operator, for instance with its window."""
        self._stop_timer(context)
        runtime.session().dispatch(on.CancelAsked(time.monotonic()))

    def _stop_timer(self, context: Any) -> None:
        context.window_manager.event_timer_remove(self._timer)

    def _begin(self, context: Any) -> bool:
        """Take everything from the scene and start; False when it is refused."""
        owner = shots.active(context)
        scene = compat.sequencer_scene(context)
        self._scene = scene.name
        session = runtime.session()
        try:
            data, notices = gather.gather(owner, scene)
        except SpeakError as error:
            session.dispatch(on.Refused(owner.speak.uuid, note(error)))
            self.report({"ERROR"}, f"{error.sentence} {error.hint}")
            return False
        self._shot = data.shot
        self._job = session.generate(data, notices)
        return True

    def _end(self) -> set[str]:
        """Bring in the result; report how it went."""
        session = runtime.session()
        data = session.take_data(self._job)
        report = session.report_of(self._shot)
        runtime.redraw()
        if report is None or data is None or report.outcome is Outcome.CANCELLED:
            self.report({"INFO"}, "Cancelled; finished frames are kept")
            return {"CANCELLED"}
        if report.error is not None:
            said = wording(report.error.code, report.error.args)
            self.report({"ERROR"}, f"{said.sentence} {said.hint}")
            return {"CANCELLED"}
        return self._bring_in(data, report)

    def _bring_in(self, data: JobData, report: Report) -> set[str]:
        owner, scene = shots.by_uuid(data.shot), bpy.data.scenes.get(self._scene)
        if owner is None or scene is None:
            self.report({"WARNING"}, "The shot was deleted meanwhile; its frames are kept")
            return {"CANCELLED"}
        results.apply(owner, scene, data)
        self.report({"INFO"}, summary(report))
        return {"FINISHED"}


def summary(report: Report) -> str:
    """How a job went, in a line: `48 frames made, 192 kept, in 8 s`."""
    made = f"{report.made} frame{'' if report.made == 1 else 's'} made"
    kept = f", {report.kept} kept" if report.kept else ""
    return f"{made}{kept}, in {clock(report.seconds)}"


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


class SPEAK_OT_cancel(Explained, bpy.types.Operator):
    """Stop generating; finished frames are kept"""

    bl_idname = "speak.cancel"
    bl_label = "Cancel"

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a job."""
        return "" if runtime.session().state.job is not None else "Nothing is being generated"

    def execute(self, context: Any) -> set[str]:
        """Ask the core to stop; a second press ends the core."""
        runtime.session().dispatch(on.CancelAsked(time.monotonic()))
        runtime.redraw()
        return {"FINISHED"}


class SPEAK_OT_check(bpy.types.Operator):
    """Start the core and ask it what it can do"""

    bl_idname = "speak.check"
    bl_label = "Check"

    def execute(self, context: Any) -> set[str]:
        """Start it; without a window, wait for the answer."""
        session = runtime.session()
        session.dispatch(on.CheckAsked())
        if not bpy.app.background:
            return {"FINISHED"}
        while session.state.link is Link.STARTING:
            session.pump()
            time.sleep(0.005)
        error = session.state.core_error
        if error is not None:
            said = wording(error.code, error.args)
            self.report({"ERROR"}, f"{said.sentence} {said.hint}")
            return {"CANCELLED"}
        return {"FINISHED"}


class SPEAK_OT_open_folder(Explained, bpy.types.Operator):
    """Show the folder of the frames in the file browser of the system"""

    bl_idname = "speak.open_folder"
    bl_label = "Open Folder"

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a shot that has its folder."""
        owner = shots.active(context)
        if owner is None or not owner.speak.folder:
            return "Nothing has been generated yet"
        return "" if shots.folder_path(owner).is_dir() else "The folder is gone"

    def execute(self, context: Any) -> set[str]:
        """Open it."""
        bpy.ops.wm.path_open(filepath=str(shots.folder_path(shots.active(context))))
        return {"FINISHED"}


CLASSES = (
    SPEAK_OT_new_shot,
    SPEAK_OT_make_shot,
    SPEAK_OT_generate,
    SPEAK_OT_cancel,
    SPEAK_OT_check,
    SPEAK_OT_open_folder,
)
