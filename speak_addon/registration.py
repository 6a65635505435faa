# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told about, in order; taken back in reverse."""

import bpy

from . import (
    appended,
    clip_operator,
    compare,
    diagnostics,
    edits,
    generate_all,
    layer_operators,
    marks,
    marks_operators,
    mood_drawing,
    mood_handles,
    mood_operators,
    operators,
    panels,
    portrait_operator,
    pose_operators,
    preferences,
    properties,
    results_elsewhere,
    rig,
    running_cores,
    runtime,
    set_operators,
    sets_in_file,
    shot_list,
    shot_making,
    take_operators,
    translations,
    voice_file,
    watching,
)

# Modules with `CLASSES`, in the order of registering.
MODULES = (
    preferences,
    operators,
    shot_making,
    generate_all,
    shot_list,
    sets_in_file,
    set_operators,
    mood_operators,
    portrait_operator,
    layer_operators,
    pose_operators,
    clip_operator,
    rig,
    take_operators,
    marks,
    marks_operators,
    results_elsewhere,
    diagnostics,
    running_cores,
    voice_file,
    panels,
)
CLASSES: tuple[type, ...] = tuple(cls for module in MODULES for cls in module.CLASSES)
# Modules with a part that lives beside their classes: timers, handlers, properties.
LIVING = (
    translations, shot_list, sets_in_file, rig, marks, runtime, edits, watching, appended, compare,
    mood_handles, mood_drawing,
)  # fmt: skip


def register() -> None:
    """Register all; when a step fails, what was registered is taken back."""
    done: list[type] = []
    try:
        properties.register()
        for cls in CLASSES:
            bpy.utils.register_class(cls)
            done.append(cls)
        for module in LIVING:
            module.register()
    except Exception:
        for cls in reversed(done):
            bpy.utils.unregister_class(cls)
        properties.unregister()
        raise


def unregister() -> None:
    """Take everything back and end the core."""
    for module in reversed(LIVING):
        module.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    properties.unregister()
