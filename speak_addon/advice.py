# SPDX-License-Identifier: GPL-3.0-or-later
"""More on the messages that people meet most: what is usually behind them, and what helps.

Read by the help page of the add-on and by `docs/errors.md`. Without bpy and without anything else.
"""

ADVICE: dict[str, tuple[str, ...]] = {
    "blend_not_saved": (
        "Frames lie in a folder beside the .blend file, so that both can be moved together.",
        "A folder with a full path, chosen under Result, works without a saved file.",
    ),
    "busy": (
        "A core serves one Blender at a time. A second Blender with a core of its own needs none "
        "of this: choose Started by the Add-on in the preferences.",
    ),
    "core_crashed": (
        "The end of the log says what happened; Copy Diagnostics in the preferences takes it up.",
        "When it happens at size 512 only, memory is short: close other programs, or stay at 256.",
    ),
    "core_gone": (
        "A core started with serve --shared ends with Ctrl-C, with its terminal and with the "
        "session of its user. After that it has to be started and chosen again.",
    ),
    "core_start_failed": (
        "Check in the preferences tests Python, packages, the model pack and every network, and "
        "says what fails.",
        "Some virus scanners stop one program from starting another: allow the python inside "
        "Blender's own folder to run. Nothing needs the network.",
        "A zip for another platform, or for another version of Python, installs but cannot start: "
        "the name of the zip says for which one it is.",
    ),
    "disk_full": (
        "Takes keep frames that are not shown any more. The panel Takes says how much they use, "
        "and deletes them.",
    ),
    "folder_read_only": (
        "Folders of a network drive, a camera card or another user often cannot be written to. "
        "Choose another folder under Result.",
    ),
    "out_of_memory": (
        "Frames have the size of the portrait: a picture of 2000 pixels is enough for most shots.",
    ),
    "pack_damaged": (
        "A download that broke off, or a virus scanner that took a file away, is the usual cause.",
    ),
    "portrait_missing": (
        "The path is relative to the .blend file as long as it begins with two slashes: a picture "
        "beside the file is found on every machine.",
    ),
    "portrait_no_face": (
        "The face should be upright, look roughly into the camera, and measure at least a "
        "sixteenth of the picture's longer side. Profiles and covered mouths do not work.",
        "In drawings and paintings a face is found when eyes, nose and mouth stand where those of "
        "a person would.",
    ),
    "strip_missing": (
        "The strip was deleted, renamed, or lies in the sequencer of another scene. Since Blender "
        "5.0 the sequencer's scene is chosen in its header.",
    ),
    "voice_silent": (
        "Is the chosen strip the one with the voice, unmuted, inside of the frame range, and is "
        "the volume of the strip and of the scene not zero?",
    ),
}
