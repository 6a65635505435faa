# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender is told about, in order; taken back in reverse."""

import bpy

from . import operators, panels, preferences, properties, runtime, watching

# Modules with `CLASSES`, in the order of registering.
MODULES = (preferences, operators, panels)
CLASSES: tuple[type, ...] = tuple(cls for module in MODULES for cls in module.CLASSES)


def register() -> None:
    """Register all; when a step fails, what was registered is taken back."""
    done: list[type] = []
    try:
        properties.register()
        for cls in CLASSES:
            bpy.utils.register_class(cls)
            done.append(cls)
        runtime.register()
        watching.register()
    except Exception:
        for cls in reversed(done):
            bpy.utils.unregister_class(cls)
        properties.unregister()
        raise


def unregister() -> None:
    """Take everything back and end the core."""
    watching.unregister()
    runtime.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    properties.unregister()
