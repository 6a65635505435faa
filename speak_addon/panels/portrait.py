# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture that speaks, and which of its faces."""

from typing import Any

from .. import runtime, shots
from ..state import Report
from .base import SpeakPanel


class PortraitPanel(SpeakPanel):
    """The portrait and its face."""

    bl_label = "Portrait"
    bl_order = 0

    def draw(self, context: Any) -> None:
        """Draw it."""
        shot = shots.active(context).speak
        column = self.layout.column()
        row = column.row(align=True)
        row.prop(shot, "portrait", text="")
        row.operator("speak.choose_portrait", text="", icon="FILE_FOLDER")
        if shot.face >= 0 or _several_faces(runtime.session().report_of(shot.uuid)):
            column.prop(shot, "face")


def _several_faces(report: Report | None) -> bool:
    if report is None:
        return False
    codes = {note.code for note in report.notices}
    if report.error is not None:
        codes.add(report.error.code)
    return bool(codes & {"portrait_several_faces", "portrait_no_such_face"})
