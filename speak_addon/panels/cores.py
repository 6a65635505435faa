# SPDX-License-Identifier: GPL-3.0-or-later
"""The cores that run already, in the preferences."""

import time
from typing import Any

from .. import running_cores, words
from ..core_link import note
from ..state import Note
from .drawing import draw_note, draw_text

WIDTH = 80


def draw_running(layout: Any, chosen: str) -> None:
    """What was found, each with its button or with what is wrong with it."""
    box, found = layout.box(), running_cores.found()
    if chosen and all(one.name != chosen for one in found):
        draw_note(box, Note("core_gone", {"name": chosen}), "ERROR", WIDTH)
    for one in found:
        if one.problem is not None:
            draw_note(box, note(one.problem), "ERROR", WIDTH)
        elif one.record is not None:
            record, row = one.record, box.row()
            since = time.strftime("%H:%M", time.localtime(record.started))
            text = words.say(
                "{pack} {version}, process {pid}, since {time}",
                pack=record.pack, version=record.pack_version, pid=record.pid, time=since,
            )  # fmt: skip
            icon = "RADIOBUT_ON" if one.name == chosen else "RADIOBUT_OFF"
            row.label(text=text, icon=icon, translate=False)
            row.operator("speak.use_core").name = one.name
    if not found:
        text = "No core runs. One is started with: python -m inference_core serve --shared"
        draw_text(box, text, "INFO", WIDTH)
    box.operator("speak.find_cores", icon="FILE_REFRESH")
