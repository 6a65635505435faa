# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotion wheel: one colour picker that sets, and keys, two neighbouring emotions at once."""

from typing import Any

import bpy

from . import colours, compat, keys


def shown(shot: Any) -> colours.Colour:
    """Where the emotions of a shot's sliders lie on the wheel."""
    return colours.mixed({name: getattr(shot.edit, name) for name in colours.WHEEL})


def dragged(shot: Any, colour: Any) -> None:
    """Set the emotions to a place on the wheel, and key them at the playhead when that is on."""
    before = {name: getattr(shot.edit, name) for name in colours.WHEEL}
    wanted = colours.amounts(tuple(colour)[:3])
    for name, value in wanted.items():
        setattr(shot.edit, name, value)
    if not shot.wheel_keys:
        return
    owner = shot.id_data
    touched = {
        name: value
        for name, value in wanted.items()
        if value > colours.FAINT
        or before[name] > colours.FAINT
        or keys.edit_curve(owner, name) is not None
    }
    keys.insert(owner, compat.sequencer_scene(bpy.context).frame_current, touched)
