# SPDX-License-Identifier: GPL-3.0-or-later
"""Match a face's shape keys by name, key them from a voice, or write the curves to a file."""

import time
from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ...inference_core.protocol.controls import VISEMES
from ...inference_core.protocol.errors import SpeakError
from ...inference_core.protocol.face_shapes import ARKIT
from .. import audio, compat, core_lines, preferences, shots, words
from ..explained import Explained
from ..frame_time import FrameRange, frame_rate
from ..rig_names import chosen, match
from . import keys
from .listen import Listening
from .properties import shape_names

TIMER_SECONDS = 0.1


def face(context: Any) -> Any:
    """The active object if it is a mesh with shape keys, else None."""
    owner = context.view_layer.objects.active
    return owner if owner is not None and shape_names(owner) else None


class SPEAK_OT_match_shapes(Explained, bpy.types.Operator):
    """Find the ARKit shapes or visemes among the shape keys of the active mesh by their names"""

    bl_idname = "speak.match_shapes"
    bl_label = "Match Names"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a mesh with shape keys."""
        return "" if face(context) else "Make a mesh with shape keys the active object"

    def execute(self, context: Any) -> set[str]:
        """Fill the list; gains of shapes that stay are kept."""
        owner = face(context)
        rig, names = owner.speak_rig, shape_names(owner)
        found = chosen(match(names, ARKIT, VISEMES))
        gains = {shape.name: shape.gain for shape in rig.shapes}
        rig.shapes.clear()
        for name, curve in found.items():
            shape = rig.shapes.add()
            shape.name, shape.curve, shape.gain = name, curve, gains.get(name, 1.0)
        rig.active = 0
        if not found:
            text = words.say(
                "None of the shape keys is named like an ARKit shape or a viseme: rename them, "
                "for example jawOpen or viseme_PP"
            )
            self.report({"WARNING"}, text)
            return {"CANCELLED"}
        self.report(
            {"INFO"},
            words.say("{count} of {total} shape keys matched", count=len(found), total=len(names)),
        )
        return {"FINISHED"}


class _Listens:
    """An operator that lets the core hear the voice of the active object, cancellable by Esc."""

    _listening: Any = None
    _timer: Any = None

    def _start(self, context: Any, gain: float, out: Path | None = None) -> bool:
        try:
            owner, scene = face(context), compat.sequencer_scene(context)
            strips = shots.spoken_strips(owner, scene)
            frames = (
                shots.span(strips) if strips else FrameRange(scene.frame_start, scene.frame_end)
            )
            fps = frame_rate(scene.render.fps, scene.render.fps_base)
            samples, _ = audio.voice(owner, scene, frames, fps)
            self._owner, self._first = owner.name, frames.first
            settings = preferences.core_settings()
            self._listening = Listening(settings, samples, fps, gain, out)
        except SpeakError as error:
            self._say({"ERROR"}, words.sentence(error))
            return False
        return True

    def _say(self, kind: set[str], text: str) -> None:
        self.report(kind, text)  # type: ignore[attr-defined]

    def execute(self, context: Any) -> set[str]:
        """Listen while the user goes on working; without a window, wait for the end."""
        if not self._begin(context):
            return {"CANCELLED"}
        if bpy.app.background:
            while not self._listening.done():
                time.sleep(0.01)
            return self._end(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.window.cursor_modal_set("WAIT")
        context.workspace.status_text_set(words.say("Listening to the voice. Esc: cancel"))
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Wait for the core or for Esc."""
        if event.type == "ESC":
            self.cancel(context)
            return {"CANCELLED"}
        if event.type != "TIMER" or not self._listening.done():
            return {"PASS_THROUGH"}
        self._leave(context)
        return self._end(context)

    def cancel(self, context: Any) -> None:
        """End the core; nothing is written. Blender calls this, too, when it closes."""
        self._listening.stop()
        self._leave(context)

    def _leave(self, context: Any) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)

    def _begin(self, context: Any) -> bool:
        raise NotImplementedError

    def _end(self, context: Any) -> set[str]:
        raise NotImplementedError


class SPEAK_OT_key_shapes(_Listens, Explained, bpy.types.Operator):
    """Key the matched shape keys so that the face says the voice"""

    bl_idname = "speak.key_shapes"
    bl_label = "Key Face Shapes"
    bl_options = {"UNDO"}

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a matched face with a voice."""
        owner = face(context)
        if owner is None:
            return "Make a mesh with shape keys the active object"
        if owner.library is not None or owner.data.library is not None:
            return "The mesh is linked from another file: make it local first"
        if not owner.speak_rig.shapes:
            return "Match the names of the shape keys first"
        return _no_voice(owner)

    def _begin(self, context: Any) -> bool:
        return self._start(context, 1.0)

    def _end(self, context: Any) -> set[str]:
        told, error = self._listening.result()
        owner = bpy.data.objects.get(self._owner)
        if error:
            self._say({"ERROR"}, core_lines.ending(error, words.say))
            return {"CANCELLED"}
        if owner is None:
            self._say({"ERROR"}, words.say("The face was removed meanwhile"))
            return {"CANCELLED"}
        rig, there = owner.speak_rig, set(shape_names(owner))
        shapes: dict[str, tuple[list[list[float]], float]] = {}
        for shape in rig.shapes:
            if shape.name in there and shape.gain > 0:
                rows = _rows(told, shape.curve, rig.density == "ALL")
                shapes[shape.name] = (rows, shape.gain * rig.gain)
        count = keys.write(owner, self._first, shapes, rig.new_action)
        text = words.say(
            "{shapes} shapes keyed over {frames} frames with {count} keys",
            shapes=len(shapes), frames=told["frames"], count=count,
        )  # fmt: skip
        self._say({"INFO"}, text)
        return {"FINISHED"}


def _rows(told: dict[str, Any], curve: str, every_frame: bool) -> list[list[float]]:
    """The keys of a curve: frame, value, slope per frame."""
    part, name = ("visemes", curve[8:]) if curve.startswith("viseme_") else ("arkit", curve)
    if not every_frame:
        rows: list[list[float]] = told["keys"][part][name]
        return rows
    values = told[part][name]
    slopes = [0.0, *((b - a) / 2 for a, b in zip(values, values[2:], strict=False)), 0.0]
    return [[float(i), v, s] for i, (v, s) in enumerate(zip(values, slopes, strict=False))]


def _no_voice(owner: Any) -> str:
    if owner.speak.voice_source == "STRIP" and not owner.speak.strip:
        return "Choose the sound strip of the voice first"
    return ""


class SPEAK_OT_export_curves(_Listens, Explained, ExportHelper, bpy.types.Operator):
    """Write the voice as a file of 52 ARKit shapes and 15 visemes per frame, or of mouth cues"""

    bl_idname = "speak.export_curves"
    bl_label = "Export Curves"

    filename_ext = ".csv"
    check_extension = None
    filepath: StringProperty(subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.csv;*.json;*.tsv", options={"HIDDEN"})
    form: EnumProperty(
        name="Format",
        items=(
            (".csv", "CSV", "A row per frame: 52 ARKit shapes, 15 visemes, loudness"),
            (".json", "JSON", "The same as lists and keys, with phones and mouth cues"),
            (".tsv", "Mouth Cues", "Times and mouth shapes A to X, as Rhubarb Lip Sync writes"),
        ),
    )

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs a face with a voice."""
        owner = face(context)
        return _no_voice(owner) if owner else "Make a mesh with shape keys the active object"

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask where to."""
        return ExportHelper.invoke(self, context, event)

    def check(self, context: Any) -> bool:
        """The suffix follows the format."""
        path = str(Path(self.filepath).with_suffix(self.form))
        changed = path != self.filepath
        self.filepath = path
        return changed

    def _begin(self, context: Any) -> bool:
        path = Path(bpy.path.abspath(self.filepath))
        if path.suffix.lower() not in (".csv", ".json", ".tsv", ".txt"):
            path = path.with_name(path.name + self.form)
        self._path = path
        return self._start(context, face(context).speak_rig.gain, path)

    def _end(self, context: Any) -> set[str]:
        _, error = self._listening.result()
        if error:
            self._say({"ERROR"}, core_lines.ending(error, words.say))
            return {"CANCELLED"}
        self._say({"INFO"}, words.say("Wrote {path}", path=self._path))
        return {"FINISHED"}


CLASSES = (SPEAK_OT_match_shapes, SPEAK_OT_key_shapes, SPEAK_OT_export_curves)
