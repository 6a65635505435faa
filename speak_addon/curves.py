# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves of a shot: read densely, written in bulk, one F-curve group per layer and group."""

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import bpy
import numpy as np

from ..inference_core.protocol.controls import CONTROLS, GROUPS, Control
from . import colours, compat, edits, evaluation, portions
from .frame_time import FrameRange
from .layers import Track

LABELS = {group.name: group.label for group in GROUPS}
# Animation data is made under this name for an object that has none.
ACTION = "SPEAK"
# So many frames of one F-curve are evaluated in one portion: about a millisecond.
PORTION_FRAMES = 2500


def curve_path(layer: str, name: str) -> str:
    """The data path of a control: `speak.edit.yaw`."""
    return f"speak.{layer}.{name}"


def group_label(layer: str, control: Control) -> str:
    """The F-curve group that a control's curve of a layer belongs to: `Auto Pose`."""
    return f"{layer.title()} {LABELS[control.group]}"


def write_layer(
    owner: Any, layer: str, first: int, track: Track, names: Sequence[str] | None = None
) -> None:
    """Replace the curves of a layer by one sample per frame; track is [frames, 19].

    names: the controls to write, all by default. Rows that are not finite are bridged. Other
    layers and other curves of the object are not touched. Samples are no keys: they do not fill
    the timeline, and one does not step on them from key to key. The curves are locked: what is
    keyed by hand would be lost with the next generation, the edit layer is for that.
    """
    bag = compat.ensure_bag(owner, ACTION)
    numbers = np.arange(first, first + len(track), dtype=np.float32)
    for index, control in enumerate(CONTROLS):
        if names is not None and control.name not in names:
            continue
        path = curve_path(layer, control.name)
        curve = bag.fcurves.find(path, index=0)
        hidden = False if curve is None else bool(curve.hide)
        if curve is not None:
            bag.fcurves.remove(curve)
        curve = compat.new_curve(bag, path, group_label(layer, control))
        values = track[:, index]
        there = np.isfinite(values)
        curve.color_mode, curve.color = "CUSTOM", colours.of(control.name, layer)
        _fill(curve, numbers[there], values[there].astype(np.float32))
        if there.any():
            # Up to the end, that is not included.
            curve.convert_to_samples(int(numbers[there][0]), int(numbers[there][-1]) + 1)
        curve.lock, curve.select, curve.hide = True, False, hidden


def _fill(curve: Any, numbers: Track, values: Track) -> None:
    points = curve.keyframe_points
    points.add(len(numbers))
    points.foreach_set("co", np.column_stack([numbers, values]).ravel())
    kinds = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items
    points.foreach_set("interpolation", np.full(len(numbers), kinds["LINEAR"].value, np.int32))
    curve.update()


PATHS: tuple[str, ...] = (
    *(curve_path("edit", control.name) for control in CONTROLS),
    *(curve_path("weights", group.name) for group in GROUPS),
)


def sample(owner: Any, scene: Any, frames: FrameRange) -> tuple[Track, Track]:
    """The edit layer [frames, 19] and the weights [frames, 4] as they are at each frame."""
    return portions.finish(Reading(owner, scene, frames).steps())


class Reading:
    """`sample` in portions of some milliseconds, between which the user may do anything.

    When `watch` says that something was changed, what was read so far is worth nothing, and owner
    and scene may be gone. aside: whether the user's scene need not be stepped.
    """

    def __init__(self, owner: Any, scene: Any, frames: FrameRange) -> None:
        self._owner, self._scene, self._frames = owner, scene, frames
        self.stepped = needs_stepping(owner)
        if self.stepped:
            pointers, self.aside = evaluation.depends_on(owner, scene)
        else:
            data = owner.animation_data
            action = None if data is None else data.action
            pointers = {block.as_pointer() for block in (owner, action) if block is not None}
            self.aside = True
        self.watch = edits.Watch(pointers)

    def steps(self) -> Generator[float, None, tuple[Track, Track]]:
        """Yields how much is done, 0 to 1. Raises ReferenceError when the shot is deleted.

        Plain F-curves are evaluated one after the other. Drivers and NLA strips need Blender to
        evaluate the shot, frame by frame.
        """
        if self.stepped:
            values = np.empty((self._frames.count, len(PATHS)), np.float32)
            yield from self._stepped(values)
        else:
            values = yield from columns(self._owner, self._frames, PATHS)
        return values[:, : len(CONTROLS)], values[:, len(CONTROLS) :]

    def _stepped(self, values: Track) -> Iterator[float]:
        way = evaluation.aside if self.aside else evaluation.in_scene
        row, count = 0, len(values)
        while row < count:
            with way(self._owner, self._scene) as at:
                portion = portions.Portion()
                # At least one, however long it takes.
                while True:
                    values[row] = _row(at(self._frames.first + row).speak)
                    row += 1
                    if row == count or not portion.lasts():
                        break
            yield row / count


def _row(shot: Any) -> list[float]:
    edit, weights = shot.edit, shot.weights
    return [
        *(getattr(edit, control.name) for control in CONTROLS),
        *(getattr(weights, group.name) for group in GROUPS),
    ]


def needs_stepping(owner: Any) -> bool:
    """Whether only Blender itself, frame by frame, can tell the values: drivers, NLA, layers."""
    data = owner.animation_data
    if data is None:
        return False
    layers = getattr(data.action, "layers", None)
    return (
        any(track.strips and not track.mute for track in data.nla_tracks)
        or any(driver.data_path in PATHS for driver in data.drivers)
        or (layers is not None and len(layers) > 1)
    )


def columns(owner: Any, frames: FrameRange, paths: Sequence[str]) -> Generator[float, None, Track]:
    """Properties at each frame, float32 [frames, paths], by their F-curves or as they stand.

    In portions of about a millisecond; yields how much is done, 0 to 1.
    """
    values = np.empty((frames.count, len(paths)), np.float32)
    for index, path in enumerate(paths):
        for row in range(0, frames.count, PORTION_FRAMES):
            first = frames.first + row
            part = FrameRange(first, min(first + PORTION_FRAMES - 1, frames.last))
            values[row : row + part.count, index] = column(owner, part, path)
            yield (index + row / frames.count) / len(paths)
    return values


def column(owner: Any, frames: FrameRange, path: str) -> Track:
    """One property at each frame, float32 [frames], by its F-curve or as it stands."""
    bag = compat.find_bag(owner)
    curve = bag.fcurves.find(path, index=0) if bag is not None else None
    if curve is None or curve.mute or curve.is_empty:
        return np.full(frames.count, owner.path_resolve(path), np.float32)
    span = range(frames.first, frames.last + 1)
    return np.array([curve.evaluate(frame) for frame in span], np.float32)
