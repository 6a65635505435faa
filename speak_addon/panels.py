# SPDX-License-Identifier: GPL-3.0-or-later
"""The SPEAK tab of the 3D View and the Sequencer: portrait, voice, generate, curves, result.

Nothing is written while drawing.
"""

from typing import Any

import bpy

from ..inference_core.protocol.controls import GROUPS, in_group
from ..inference_core.protocol.errors import wording
from . import compat, results, runtime, shots
from .frame_time import clock, frame_rate
from .generate_operator import SPEAK_OT_generate, summary
from .state import Job, Link, Note, Outcome, Report

# About how many letters fit into a line of the sidebar at its first width.
LINE = 38


def wrapped(text: str, width: int = LINE) -> list[str]:
    """A sentence in lines, because labels do not wrap."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


def draw_text(layout: Any, text: str, icon: str = "NONE", width: int = LINE) -> None:
    """A sentence over as many lines as it takes."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(wrapped(text, width)):
        column.label(
            text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else icon)
        )


def draw_note(layout: Any, note: Note, icon: str, width: int = LINE) -> None:
    """An error or a notice: what happened and the way out."""
    said = wording(note.code, note.args)
    draw_text(layout, said.sentence, icon, width)
    draw_text(layout, said.hint, "BLANK1", width)


def draw_core_status(layout: Any) -> None:
    """What is known of the core, and the button that finds out."""
    state = runtime.session().state
    row = layout.row()
    row.operator("speak.check", icon="CHECKMARK")
    core = state.core
    if state.link is Link.STARTING:
        row.label(text="Starting the core ...")
    elif core is not None:
        row.label(text=f"{core.pack} {core.pack_version}, {', '.join(core.providers)}")
    else:
        row.label(text="The core is not running; Generate starts it")
    if state.core_error is not None:
        draw_note(layout.box(), state.core_error, "ERROR", 80)


class _Panel:
    """What all panels share; the space comes from a mixin."""

    bl_region_type = "UI"
    bl_category = "SPEAK"
    layout: Any

    @classmethod
    def poll(cls, context: Any) -> bool:
        return shots.active(context) is not None


class _Shot(_Panel):
    bl_label = "SPEAK"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return True

    def draw(self, context: Any) -> None:
        layout = self.layout
        owner = shots.active(context)
        if owner is not None:
            layout.label(text=owner.name, icon="OUTLINER_OB_IMAGE")
            row = layout.row(align=True)
            row.operator("speak.new_shot", icon="ADD")
            return
        draw_text(layout, "A shot is one speaker on the timeline.")
        layout.operator("speak.new_shot", icon="ADD")
        layout.operator("speak.make_shot")


class _Portrait(_Panel):
    bl_label = "Portrait"
    bl_order = 0

    def draw(self, context: Any) -> None:
        shot = shots.active(context).speak
        column = self.layout.column()
        column.prop(shot, "portrait", text="")
        if shot.face >= 0 or _several_faces(runtime.session().report_of(shot.uuid)):
            column.prop(shot, "face")


def _several_faces(report: Report | None) -> bool:
    if report is None:
        return False
    codes = {note.code for note in report.notices}
    if report.error is not None:
        codes.add(report.error.code)
    return bool(codes & {"portrait_several_faces", "portrait_no_such_face"})


class _Voice(_Panel):
    bl_label = "Voice"
    bl_order = 1

    def draw(self, context: Any) -> None:
        shot = shots.active(context).speak
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.prop(shot, "voice_source")
        if shot.voice_source == "STRIP":
            column.prop(shot, "strip", icon="SOUND")
        elif shot.voice_source == "CHANNEL":
            column.prop(shot, "channel")
        column.prop(shot, "range_source")
        if shot.range_source == "OWN":
            column.prop(shot, "frame_first")
            column.prop(shot, "frame_last")
        core = runtime.session().state.core
        if core is not None and not core.has_voice:
            draw_note(layout, Note("pack_no_voice"), "INFO")


class _Generate(_Panel):
    bl_label = "Generate"
    bl_order = 2

    def draw(self, context: Any) -> None:
        owner = shots.active(context)
        shot, layout, session = owner.speak, self.layout, runtime.session()
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(shot, "size", expand=False)
        column.prop(shot, "seed")
        job = session.job_of(shot.uuid)
        if job is not None:
            _draw_progress(layout, job)
            return
        row = layout.row()
        row.scale_y = 1.5
        row.operator("speak.generate", icon="PLAY")
        reason = SPEAK_OT_generate.disabled_reason(context)
        report = session.report_of(shot.uuid)
        if reason:
            draw_text(layout, reason, "INFO")
        if report is not None:
            _draw_report(layout, report)


def _draw_progress(layout: Any, job: Job) -> None:
    if job.cancelled_at is not None:
        text = "Stopping ..."
    elif job.to_make:
        left = f", {clock(job.seconds_left)} left" if job.seconds_left is not None else ""
        text = f"{job.made} of {job.to_make}{left}"
    else:
        text = f"{job.stage.value} ..."
    column = layout.column()
    column.scale_y = 1.2
    column.progress(factor=job.fraction, text=text, type="BAR")
    layout.operator("speak.cancel", icon="X")
    for note in job.notices:
        draw_note(layout, note, "INFO")


def _draw_report(layout: Any, report: Report) -> None:
    if report.error is not None:
        draw_note(layout.box(), report.error, "ERROR")
    elif report.outcome is Outcome.CANCELLED:
        draw_text(layout, f"Cancelled. {report.made} finished frames are kept.", "INFO")
    else:
        draw_text(layout, summary(report), "CHECKMARK")
    for note in report.notices:
        draw_note(layout, note, "INFO")


class _Curves(_Panel):
    bl_label = "Curves"
    bl_order = 3

    def draw(self, context: Any) -> None:
        shot, layout = shots.active(context).speak, self.layout
        layout.use_property_split = True
        column = layout.column()
        # Only what the animator keys has the decorator: these two hold for the whole shot.
        column.use_property_decorate = False
        column.prop(shot, "use_auto")
        if shot.use_auto:
            column.prop(shot, "auto_amount", slider=True)
        for group in GROUPS:
            header, body = layout.panel(
                f"speak_{group.name}", default_closed=group.name != "emotion"
            )
            header.label(text=group.label)
            if body is None:
                continue
            if shot.use_auto:
                body.prop(shot.weights, group.name, text="Proposed", slider=True)
            column = body.column(align=True)
            for control in in_group(group.name):
                column.prop(shot.edit, control.name, slider=True)


class _Result(_Panel):
    bl_label = "Result"
    bl_order = 4

    def draw(self, context: Any) -> None:
        owner = shots.active(context)
        shot, layout = owner.speak, self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column(heading="Show On")
        column.prop(shot, "make_plane")
        column.prop(shot, "make_strip")
        layout.prop(shot, "folder")
        if not shot.made_count:
            return
        gone, count = results.frames_gone(owner), shot.made_count
        if gone:
            text = f"{gone} of {count} frames are gone. Generate makes them again."
            draw_text(layout, text, "ERROR")
        else:
            layout.label(text=f"{count} frames", icon="CHECKMARK")
        scene = compat.sequencer_scene(context)
        made, now = frame_rate(shot.made_fps, shot.made_fps_base), shots.rate(scene)
        if made != now:
            rates = f"{float(made):.5g} frames per second, the scene has {float(now):.5g}"
            draw_text(layout, f"Made for {rates}. Generate again.", "ERROR")
        layout.operator("speak.open_folder", icon="FILE_FOLDER")


def _in_space(space: str, suffix: str) -> tuple[type, ...]:
    """The panels for one editor."""
    found: list[type] = []
    for base in (_Shot, _Portrait, _Voice, _Generate, _Curves, _Result):
        name = f"SPEAK_PT_{base.__name__.strip('_').lower()}_{suffix}"
        body = {"bl_space_type": space, "bl_idname": name, "__module__": __name__}
        found.append(type(name, (base, bpy.types.Panel), body))
    return tuple(found)


CLASSES = (*_in_space("VIEW_3D", "view"), *_in_space("SEQUENCE_EDITOR", "sequencer"))
