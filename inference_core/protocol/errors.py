# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error and notice the user can meet: a code, a sentence and a hint.

Only the code and its arguments cross the wire; the sentence is made where it is shown, so that
it can be translated. Arguments are text or numbers, never paths or secrets of the core.
A notice has a code of the same table: something the user should know though the work went on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, slots=True)
class Wording:
    """What a code says: one sentence on what happened, one on the way out."""

    sentence: str
    hint: str


TABLE: dict[str, Wording] = {
    # The link
    "bad_request": Wording(
        "The core could not read a request: {reason}.",
        "Restart the core. If it happens again, report it with the log.",
    ),
    "version_mismatch": Wording(
        "The add-on speaks version {ours} of the link and the core version {theirs}.",
        "Restart Blender, or reinstall the extension so that both come from one zip. A core that "
        "runs already has to be of the same release.",
    ),
    "busy": Wording(
        "Another program is already using this core.",
        "Close the other one, or start a core of its own for this one.",
    ),
    "core_gone": Wording(
        "The core {name} that was chosen in the preferences does not run any more.",
        "Choose another one there, or let the add-on start its own.",
    ),
    "core_not_ours": Wording(
        "The core {name} was started by another user of this machine.",
        "Choose one of your own in the preferences, or let the add-on start its own.",
    ),
    "queue_full": Wording(
        "{limit} requests are already waiting.",
        "Wait until some are done, or cancel them.",
    ),
    "too_large": Wording(
        "{what} has {size} bytes; the link carries at most {limit}.",
        "Use a smaller one or send it in parts.",
    ),
    "unknown_portrait": Wording(
        "The core no longer has this portrait.",
        "Send the portrait again; the add-on does it by itself at the next Generate.",
    ),
    "unknown_voice": Wording(
        "The core no longer has this voice.",
        "Send the voice again; the add-on does it by itself at the next Generate.",
    ),
    "core_crashed": Wording(
        "The core stopped in the middle of the work ({reason}).",
        "Press Generate again: finished frames are kept. The log says more.",
    ),
    "core_lost": Wording(
        "The connection to the core was lost.",
        "Press Generate again: the core is started anew and finished frames are kept.",
    ),
    "core_start_failed": Wording(
        "The core could not be started: {reason}.",
        "Look at the log; an antivirus program may block it. Reinstalling the extension helps "
        "when files are missing.",
    ),
    "core_refused": Wording(
        "What answered is not the core that was started.",
        "Restart Blender. If it happens again, another program interferes with the connection.",
    ),
    "out_of_memory": Wording(
        "The core ran out of memory.",
        "Choose size 256, close other programs or use a smaller portrait.",
    ),
    "internal": Wording(
        "Something went wrong inside the core ({reason}).",
        "Press Generate again. If it happens again, report it with the log.",
    ),
    # The portrait
    "portrait_missing": Wording(
        "The portrait {name} is not there.", "Choose the file again or put it back."
    ),
    "portrait_unreadable": Wording(
        "The portrait is not an image that can be read.",
        "Use a PNG, JPEG, WebP, TIFF or BMP file.",
    ),
    "portrait_truncated": Wording(
        "The portrait ends in the middle of the image.", "Copy or export the file again."
    ),
    "portrait_too_small": Wording(
        "The portrait has {width} x {height} pixels; at least {limit} x {limit} are needed.",
        "Use a larger image of the face.",
    ),
    "portrait_too_large": Wording(
        "The portrait has {width} x {height} pixels; at most {limit} per side can be used.",
        "Scale the image down first.",
    ),
    "portrait_no_face": Wording(
        "No face was found in the portrait.",
        "Use an image in which one face is upright, seen from the front and not covered.",
    ),
    "portrait_no_such_face": Wording(
        "The portrait has {count} faces; there is no face number {face}.",
        "Choose a number from 0 to one less than the number of faces.",
    ),
    "portrait_several_faces": Wording(
        "The portrait has {count} faces; the largest is used.",
        "Choose another one with the Face setting (--face on the command line).",
    ),
    "portrait_file_too_large": Wording(
        "The portrait's file has {megabytes} MB; at most {limit} can be read.",
        "Save it as a JPEG or PNG of normal size.",
    ),
    "portrait_face_uncertain": Wording(
        "What was taken for the face may not be one.",
        "Look at the frames; another Face number or a box around the face (--face-box x,y,w,h on "
        "the command line) may help.",
    ),
    "portrait_face_small": Wording(
        "The face is only {pixels} pixels wide, so the frames show little detail.",
        "Use a larger image of the face, or cut it out.",
    ),
    "portrait_bad_box": Wording(
        "The box around the face, {box}, does not lie in the portrait.",
        "Give left, top, width and height in pixels: --face-box 120,80,200,200.",
    ),
    "portrait_many_pixels": Wording(
        "Each frame has {width} x {height} pixels, as the portrait; writing them takes most of the "
        "time.",
        "Scale the portrait down if the shot does not need so many.",
    ),
    "portrait_cmyk": Wording(
        "The portrait is CMYK; it was converted to RGB.",
        "Convert it yourself if the colours look wrong.",
    ),
    "portrait_16_bit": Wording(
        "The portrait has 16 bits per channel; 8 are used.", "Nothing needs to be done."
    ),
    "portrait_rotated": Wording(
        "The portrait was turned upright as its EXIF orientation says.",
        "Nothing needs to be done.",
    ),
    "portrait_animated": Wording(
        "The portrait has several pictures; the first is used.",
        "Save the picture you want as a file of its own.",
    ),
    # The voice
    "voice_missing": Wording(
        "The voice {name} is not there.", "Choose the file again or put it back."
    ),
    "voice_unreadable": Wording(
        "The voice is not a sound that can be read: {reason}.",
        "Convert it to WAV, 16 bit, and try again.",
    ),
    "voice_format": Wording(
        "The voice is a {format} file, which needs a decoder that is not installed.",
        "Convert it to WAV, 16 bit, or install the Python package soundfile.",
    ),
    "voice_silent": Wording(
        "The voice is silent.",
        "Check the strip's volume and mute, and that the range covers the speech.",
    ),
    "voice_too_short": Wording(
        "The voice lasts {seconds} s; at least {limit} s are needed.", "Use a longer range."
    ),
    "voice_too_long": Wording(
        "The voice lasts {seconds} s; at most {limit} s can be used at once.",
        "Split the shot into shorter ones.",
    ),
    "voice_rate": Wording(
        "The voice has {rate} samples per second; {minimum} to {maximum} can be used.",
        "Convert it to 48000 or 16000 samples per second.",
    ),
    "voice_channels": Wording(
        "The voice has {channels} channels; at most {limit} can be used.", "Mix it down first."
    ),
    "voice_not_finite": Wording(
        "The voice has samples that are not numbers; they were set to silence.",
        "Export the sound again if it crackles.",
    ),
    "voice_clipped_range": Wording(
        "The voice ends {seconds} s before the last frame; the rest is silent.",
        "Nothing needs to be done, or shorten the range.",
    ),
    "strip_missing": Wording(
        "The sound strip {name} is no longer in the sequencer.", "Pick the strip again."
    ),
    "strip_file_missing": Wording(
        "The file of the sound strip {name} is gone.",
        "Relink the strip or put the file back.",
    ),
    # The scene, the curves and the folder
    "no_frames": Wording(
        "There are no frames to generate.", "Set a frame range of at least one frame."
    ),
    "too_many_frames": Wording(
        "{frames} frames are asked for; at most {limit} can be made at once.",
        "Split the shot into shorter ones.",
    ),
    "bad_fps": Wording(
        "A frame rate of {fps} cannot be used.", "Set the frame rate to between 1 and 240."
    ),
    "bad_size": Wording(
        "This pack makes frames of {sizes}, not of {size}.", "Choose one of those sizes."
    ),
    "bad_index": Wording(
        "Frame {index} is outside of the {frames} frames of the curves.",
        "Choose frames inside the range.",
    ),
    "controls_shape": Wording(
        "The curves come as {shape}; one row per frame and {count} columns are needed.",
        "Restart Blender so that add-on and core are of one version.",
    ),
    "controls_clamped": Wording(
        "{count} values were outside of their range and were held to it: {names}.",
        "Check these curves in the Graph Editor.",
    ),
    "csv_unreadable": Wording(
        "The curves file cannot be read: {reason}.",
        "The first line is `frame` and control names; then one row per frame.",
    ),
    "csv_unknown_column": Wording(
        "The curves file has a column {name}, which is not a control.",
        "`python -m inference_core controls` lists the names.",
    ),
    "take_missing": Wording(
        "Take {number} cannot be read any more.",
        "Choose another take; the frames that are shown now are not touched.",
    ),
    "sets_unreadable": Wording(
        "The file of sets cannot be read: {reason}.",
        "Choose a file that Export Sets has written.",
    ),
    "clip_no_face": Wording(
        "No face was found in any picture of the clip.",
        "Use a clip in which one face is upright, seen from the front and not covered.",
    ),
    "clip_unreadable": Wording(
        "The clip cannot be read: {reason}.",
        "Use a folder of PNG or JPEG files, a numbered sequence, an animated GIF or a video.",
    ),
    "clip_needs_ffmpeg": Wording(
        "{name} is a video; reading it needs the program ffmpeg, which is not installed.",
        "Install ffmpeg, or export the video as a folder of pictures.",
    ),
    "file_missing": Wording("The file {name} is not there.", "Check the name."),
    "blend_not_saved": Wording(
        "The .blend file has not been saved yet, so the frames have no folder to go to.",
        "Save the file first.",
    ),
    "folder_read_only": Wording(
        "The folder {name} cannot be written to.",
        "Save the .blend file somewhere else or change the folder's rights.",
    ),
    "disk_full": Wording(
        "The disk is full.", "Free some space and press Generate again; finished frames are kept."
    ),
    # Marks
    "marks_unsigned": Wording(
        "The frames carry the watermark but no signed manifest: {reason}.",
        "Reinstall the extension, or install the Python packages c2pa-python and cryptography.",
    ),
    "sign_failed": Wording(
        "Nothing was signed: {reason}.", "Choose a rendered movie or picture that is finished."
    ),
    # The pack
    "pack_missing": Wording(
        "The model pack {name} is not there.", "Reinstall the extension or choose another pack."
    ),
    "pack_damaged": Wording(
        "The model pack's file {name} is not what it should be.",
        "Reinstall the extension or download the pack again.",
    ),
    "pack_format": Wording(
        "The model pack has format {found}; this core reads format {needed}.",
        "Use a pack and an extension of the same release.",
    ),
    "pack_controls": Wording(
        "The model pack was made for version {found} of the controls; this is version {needed}.",
        "Use a pack and an extension of the same release.",
    ),
    "pack_shape": Wording(
        "The network {name} of the model pack does not fit: {reason}.",
        "Use a pack and an extension of the same release.",
    ),
    "pack_no_voice": Wording(
        "This pack has no voice encoder yet; the mouth follows only the jaw curve.",
        "Key the jaw by hand or use a pack with a voice encoder.",
    ),
}


class _Filled(dict[str, object]):
    """Arguments for a sentence; one that is missing reads as a question mark, not a crash."""

    def __missing__(self, key: str) -> str:
        return "?"


# Arguments that are words of a sentence, not names: they are translated too, and may have words in
# braces of their own, filled from the other arguments.
INNER = ("reason", "what")


def _inner(value: object, args: Mapping[str, object], translate: Callable[[str], str]) -> object:
    if not isinstance(value, str):
        return value
    # Not `format`: some reasons come from outside and may hold anything.
    said = translate(value)
    return re.sub(r"\{(\w+)\}", lambda found: str(args.get(found[1], found[0])), said)


def _fill(text: str, args: Mapping[str, object]) -> str:
    # vformat with plain names only: the table has no `{a.b}`, so an argument cannot reach into
    # an object.
    return Formatter().vformat(text, (), _Filled(args))


def wording(
    code: str,
    args: Mapping[str, object] | None = None,
    translate: Callable[[str], str] = lambda text: text,
) -> Wording:
    """Sentence and hint of a code with its arguments filled in, after `translate` had them.

    A code this version does not know (the other side may be newer) gets the words of
    `internal` with the code as the reason.
    """
    entry = TABLE.get(code)
    if entry is None:
        entry, args = TABLE["internal"], {"reason": code}
    known = args or {}
    args = {
        name: _inner(value, known, translate) if name in INNER else value
        for name, value in known.items()
    }
    sentence, hint = translate(entry.sentence), translate(entry.hint)
    return Wording(_fill(sentence, args), _fill(hint, args))


class SpeakError(Exception):
    """An error with a code of the table; `str()` gives its sentence.

    Raise it where the cause is known: `raise SpeakError("portrait_missing", name="anna.png")`.
    """

    def __init__(self, code: str, /, **args: str | int | float) -> None:
        if code not in TABLE:
            raise ValueError(f"{code!r} is not in the table of errors")
        super().__init__(code, args)
        self.code = code
        self.arguments = args

    @property
    def sentence(self) -> str:
        """What happened."""
        return wording(self.code, self.arguments).sentence

    @property
    def hint(self) -> str:
        """The way out."""
        return wording(self.code, self.arguments).hint

    def __str__(self) -> str:
        return self.sentence
