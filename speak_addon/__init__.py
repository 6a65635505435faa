# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of SPEAK that runs inside Blender.

Pure, without bpy (tested as plain Python):
frame_time    frames, seconds and frame rates
layers        auto, edit and weights to the controls that are generated
colours, sets one colour per control and the emotion wheel; named sets of controls and their files
head_pose     a rotation in the world to yaw, pitch and roll
state         what the add-on knows, as frozen dataclasses
events        what can happen
effects       what is to be done
transitions   (state, event) -> (state, effects)
job_data      what one generation needs and what comes back; requests: as the core is asked
shot_folder   the frames and shot.json of one shot on disk; shot_record: the content of shot.json
take_store    takes on disk, frames shared by key
baseline      what frames were made from, and which of them an edit touches
preview       the frame at the playhead, one request at a time
background    work on files beside the window
portions      work that is done a little at a time; json_portions: reading a long file
advice, help_page  more on messages, as a page to open
self_test, clip_reader  the core's other commands in processes of their own
core_lines    what those print, in the language of the interface
interpreter   which Python runs the core, and where its packages lie; file_hash

At the edge of Blender:
compat        everything that differs between Blender 4.2 and 5.2
words, translations  what is said, in the language of the interface
properties, preferences, shots, curves, auto_keys, keys, curve_data, audio
sources       portrait, voice and settings in forms that can be compared
mixing, mix_strips, strip_curves  a voice mixed down by another Blender
voice_file    a voice from a file
gather        a shot of the scene to the data of one job
evaluation    a shot as Blender evaluates it at other frames, out of sight; edits: what changed
running_cores cores that run already: found, listed, chosen
effect_runner the one place where effects happen; core_link: the core process
session       state, runner and the pump that drives them; runtime: timer and handlers
watching      what follows a change of the user's: change_count, preview_image, compare, viewport
results, results_elsewhere, planes  frames and curves in the scene
rna_data, driven_data  drivers, modifiers, NLA and mood strips as plain data
takes, moods, wheel, sets_in_file   what the animator works with
rig           a 3D face says the voice
marks         whether frames are marked, and what was stated of the person; marks_operators
appended      shots from other files; shot_list, shot_making: shots of this one
*_operator(s), explained, generate_all, diagnostics, panels, registration  what is clicked
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
