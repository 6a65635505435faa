# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate, its progress and how it went."""

from typing import Any

from .. import change_count, runtime, shots, words
from ..frame_time import clock
from ..generate_operator import SPEAK_OT_generate, summary
from ..state import Job, Outcome, Report
from .base import SpeakPanel
from .drawing import draw_note, draw_text
from .marks import draw_off


class GeneratePanel(SpeakPanel):
    """Generate and what it is doing."""

    bl_label = "Generate"
    bl_order = 2

    def draw(self, context: Any) -> None:
        """Draw it."""
        owner = shots.active(context)
        shot, layout, session = owner.speak, self.layout, runtime.session()
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(shot, "size", expand=False)
        column.prop(shot, "seed")
        draw_off(layout, context.scene)
        job = session.job_of(shot.uuid)
        if job is not None:
            _draw_progress(layout, job)
            return
        row = layout.row()
        row.scale_y = 1.5
        changes = session.changes.get(shot.uuid)
        row.operator("speak.generate", text=change_count.button_text(changes), icon="PLAY")
        reason = SPEAK_OT_generate.disabled_reason(context)
        report = session.report_of(shot.uuid)
        if reason:
            draw_text(layout, reason, "INFO")
        elif changes is not None:
            draw_text(layout, change_count.sentence(changes, int(shot.size), session))
        elif session.counting == shot.uuid:
            draw_text(layout, "Counting the changed frames ...", "SORTTIME")
        if report is not None:
            _draw_report(layout, report)


def _draw_progress(layout: Any, job: Job) -> None:
    if job.cancelled_at is not None:
        text = words.say("Stopping ...")
    elif job.to_make:
        text = words.say("{made} of {total}", made=job.made, total=job.to_make)
        if job.seconds_left is not None:
            time = clock(job.seconds_left)
            text = words.say(
                "{made} of {total}, {time} left", made=job.made, total=job.to_make, time=time
            )
    else:
        text = words.say(job.stage.value) + " ..."
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
        text = words.say("Cancelled. {made} finished frames are kept.", made=report.made)
        draw_text(layout, text, "INFO")
    else:
        draw_text(layout, summary(report), "CHECKMARK")
    for note in report.notices:
        draw_note(layout, note, "INFO")
