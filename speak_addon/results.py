# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished job in the scene: curves, the plane with the image sequence, the sequencer strip."""

import os
from collections.abc import Iterator
from time import monotonic
from typing import Any

import bpy

from ..inference_core.protocol.controls import CONTROLS
from ..inference_core.protocol.errors import SpeakError
from . import auto_keys, compat, curves, keys, planes, shots
from .job_data import JobData
from .shot_folder import frame_name

# What the finished frames are read back for; the rest of the controls has no curve to compare.
MEASURED = tuple(
    c.name for c in CONTROLS if c.group == "emotion" or c.name in ("yaw", "pitch", "roll")
)


# So many frames are put into a strip in one portion.
STRIP_PORTION = 250


def steps(owner: Any, scene: Any, data: JobData) -> Iterator[None]:
    """Write the results of a job to its shot in portions; an operator's one undo takes all.

    scene is the one whose sequencer has the voice. Raises ReferenceError when the shot is deleted
    between two portions.
    """
    shot = owner.speak
    # An undo during the generation may have taken these back.
    shot.uuid, shot.folder = data.shot, data.folder_name
    first = data.frames.first
    if data.auto_keys is not None:
        auto_keys.write(owner, first, data.auto_keys)
    yield
    keys.tidy(owner)
    curves.write_layer(owner, "measured", first, data.measured, MEASURED)
    yield
    shot.made_fps, shot.made_fps_base = data.fps_stored
    shot.made_first, shot.made_count = first, data.frames.count
    yield from _showing(owner, scene)


def show_frames(owner: Any, scene: Any) -> None:
    """Show the frames that the shot's folder has now, wherever they are wanted."""
    for _ in _showing(owner, scene):
        pass


def _showing(owner: Any, scene: Any) -> Iterator[None]:
    if owner.speak.make_plane:
        _show_on_plane(owner, scene)
        yield
    if owner.speak.make_strip:
        yield from _show_in_sequencer(owner, scene)


def show_progress(owner: Any, scene: Any, data: JobData) -> None:
    """Let the plane show the frames that are there so far, once the one at the playhead is."""
    shot, index = owner.speak, scene.frame_current - data.frames.first
    if not shot.make_plane or index not in data.there:
        return
    shot.folder, shot.made_first, shot.made_count = (
        data.folder_name, data.frames.first, data.frames.count,
    )  # fmt: skip
    if data.folder.path.joinpath(frame_name(0)).is_file():
        _show_on_plane(owner, scene)


def first_frame_path(owner: Any) -> str:
    """The first frame as Blender stores it: relative where the folder is."""
    folder = str(owner.speak.folder)
    # The .blend's own folder is "//" and stays so.
    return (folder if folder.endswith(("/", "\\")) else folder + "/") + frame_name(0)


def _show_on_plane(owner: Any, scene: Any) -> None:
    image = load_image(owner)
    plane = _ensure_plane(owner, scene, image)
    material = planes.ensure_material(plane, owner.name)
    compat.show_transparency(material, bool(image["speak_alpha"]))
    texture = planes.texture_node(material)
    texture.image = image
    set_time(owner, texture.image_user)


def set_time(owner: Any, user: Any) -> None:
    """Let an image user, or a node that is its own, show the frames when they are due."""
    user.frame_duration = owner.speak.made_count
    user.frame_start = owner.speak.made_first
    # The files count from 0, Blender's sequences from 1.
    user.frame_offset = -1
    user.use_auto_refresh = True


def load_image(owner: Any) -> Any:
    """The image sequence of a shot with its true size; the one it had is used again."""
    path = first_frame_path(owner)
    wanted = bpy.path.abspath(path)
    for image in bpy.data.images:
        if image.source == "SEQUENCE" and bpy.path.abspath(image.filepath) == wanted:
            image.reload()
            return image
    image = bpy.data.images.load(wanted)
    image.name = f"{owner.name} frames"
    image.filepath = path
    # The size cannot be read any more once the image is a sequence.
    image["speak_size"] = list(image.size)
    image["speak_alpha"] = image.channels == 4
    image.source = "SEQUENCE"
    return image


def _ensure_plane(owner: Any, scene: Any, image: Any) -> Any:
    """The plane of a shot with the proportions of its frames: the shot itself if it is a mesh."""
    shot = owner.speak
    plane = owner if owner.type == "MESH" else shot.plane
    if plane is None or plane.name not in bpy.data.objects:
        mesh = bpy.data.meshes.new(f"{owner.name} plane")
        plane = bpy.data.objects.new(f"{owner.name} plane", mesh)
        plane.parent = owner
        (owner.users_collection or (scene.collection,))[0].objects.link(plane)
    shot.plane = plane
    if not plane.data.polygons or plane.data.get("speak_plane"):
        planes.fit(plane.data, *image["speak_size"])
    return plane


def _show_in_sequencer(owner: Any, scene: Any) -> Iterator[None]:
    """An image strip of all frames over the voice; the one of the last generation is kept."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = compat.strips(editor)
    strip = strips.get(owner.speak.result_strip) if owner.speak.result_strip else None
    if strip is not None and strip.type != "IMAGE":
        strip = None
    count, first = owner.speak.made_count, owner.speak.made_first
    if strip is not None and len(strip.elements) != count:
        channel, name = strip.channel, strip.name
        strips.remove(strip)
        strip = _new_strip(strips, owner, channel, name)
    elif strip is None:
        channel = _free_channel(scene, owner, first, count)
        strip = _new_strip(strips, owner, channel, f"{owner.name} frames")
    strip.directory = owner.speak.folder
    compat.move_strip(strip, first)
    owner.speak.result_strip = strip.name
    # The more there are, the longer each takes.
    while len(strip.elements) < count:
        for _ in range(min(STRIP_PORTION, count - len(strip.elements))):
            strip.elements.append(frame_name(len(strip.elements)))
        yield


def _new_strip(strips: Any, owner: Any, channel: int, name: str) -> Any:
    strip = strips.new_image(name, first_frame_path(owner), channel, owner.speak.made_first)
    # Where the frames have no alpha this costs nothing; where they have, what is below shows.
    strip.blend_type = "ALPHA_OVER"
    return strip


def _free_channel(scene: Any, owner: Any, first: int, count: int) -> int:
    """The lowest channel above the voice that is free over all frames."""
    try:
        voice = shots.spoken_strips(owner, scene)
    except SpeakError:  # the strip may be gone by now; then any channel will do
        voice = []
    channel = max((strip.channel for strip in voice), default=0) + 1
    busy = {
        strip.channel
        for strip in compat.all_strips(scene)
        if compat.strip_start(strip) < first + count and compat.strip_end(strip) > first
    }
    while channel in busy:
        channel += 1
    return channel


_looked: dict[str, tuple[float, frozenset[str]]] = {}


def frames_gone(owner: Any) -> list[int]:
    """The frames of the timeline whose file of the last generation is no longer on the disk.

    Panels ask with every redraw, so the folder is read at most every two seconds.
    """
    folder = str(shots.folder_path(owner))
    when, names = _looked.get(folder, (0.0, frozenset()))
    if monotonic() - when > 2.0:
        try:
            names = frozenset(os.listdir(folder))
        except OSError:
            names = frozenset()
        _looked[folder] = monotonic(), names
    first, count = owner.speak.made_first, owner.speak.made_count
    return [first + index for index in range(count) if frame_name(index) not in names]


def folder_moved(owner: Any) -> None:
    """The user chose another folder: what shows the frames follows when they lie there."""
    if not owner.speak.made_count or frames_gone(owner):
        return
    show_frames(owner, compat.sequencer_scene(bpy.context))
