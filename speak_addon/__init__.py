# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of SPEAK that runs inside Blender.

Pure, without bpy (tested as plain Python):
frame_time    frames, seconds and frame rates
layers        auto, edit and weights to the controls that are generated
state         what the add-on knows, as frozen dataclasses
events        what can happen
effects       what is to be done
transitions   (state, event) -> (state, effects)
shot_folder   the frames and shot.json of one shot on disk
interpreter   which Python runs the core, and where its packages lie
job_data      what one generation needs and what comes back
shot_record   shot.json

At the edge of Blender:
compat        everything that differs between Blender 4.2 and 5.2
properties, preferences, shots, curves, audio, results
gather        a shot of the scene to the data of one job
effect_runner the one place where effects happen; core_link: the core process
session       state, runner and the pump that drives them; runtime: timer and handlers
marks         whether frames are marked, and what was stated of the person; marks_operators
generate_operator, operators, explained, panels, registration
"""


def root_package() -> str:
    """The name of the extension's root package: `bl_ext.<repository>.speak`."""
    return __name__.rpartition(".")[0]


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import registration

    registration.unregister()
