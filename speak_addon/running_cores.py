# SPDX-License-Identifier: GPL-3.0-or-later
"""Cores that run already on this machine: found, listed in the preferences, chosen."""

from time import monotonic
from typing import Any

import bpy
from bpy.props import StringProperty

from ..inference_core.protocol import rendezvous
from ..inference_core.protocol.rendezvous import Found
from . import events as on
from . import preferences, runtime, words
from .explained import Explained

# How long a look holds for the preferences, which ask with every redraw.
LOOK_SECONDS = 2.0

_found: list[Found] = []
_looked_at = -LOOK_SECONDS


def look(knock: bool = True) -> list[Found]:
    """Look for cores now; knock: see whether they answer."""
    global _looked_at
    _found[:], _looked_at = rendezvous.listed(knock), monotonic()
    return _found


def found() -> list[Found]:
    """The cores there are, as of a moment ago."""
    return _found if monotonic() - _looked_at < LOOK_SECONDS else look(knock=False)


def pack_hash() -> str:
    """The hash of the pack that the chosen core has, as far as that is known."""
    core = runtime.session().state.core
    if core is not None:
        return core.pack_sha256
    name = getattr(preferences.preferences(), "running", "")
    record = next((one.record for one in _found if one.name == name), None)
    return "" if record is None else record.pack_sha256


class _NoJob(Explained):
    """While frames are made the core that makes them stays."""

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs that nothing is being generated."""
        busy = runtime.session().state.job is not None
        return "Frames are being generated already" if busy else ""


class SPEAK_OT_find_cores(bpy.types.Operator):
    """Look for cores that run on this machine"""

    bl_idname = "speak.find_cores"
    bl_label = "Look Again"

    def execute(self, context: Any) -> set[str]:
        """Look."""
        count = sum(one.problem is None for one in look())
        self.report({"INFO"}, words.say("{count} cores can be used", count=count))
        return {"FINISHED"}


class SPEAK_OT_use_core(_NoJob, bpy.types.Operator):
    """Let this core make the frames, and connect to it"""

    bl_idname = "speak.use_core"
    bl_label = "Use This Core"

    name: StringProperty(name="Name", description="Process and time of start")

    def execute(self, context: Any) -> set[str]:
        """Choose it; whether it can be connected to is said below the list."""
        look()
        chosen = preferences.preferences()
        if chosen is not None:
            chosen.core, chosen.running = "RUNNING", self.name
        runtime.session().dispatch(on.CheckAsked())
        return {"FINISHED"}


CLASSES = (SPEAK_OT_find_cores, SPEAK_OT_use_core)
