# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: shots that take long to read, among fifty others.

Drivers, the whole mix of a scene and ten thousand keyed frames: the window may not stand still for
any of them, what the user has before him may not change, and the changed frames are counted.
"""

import time
from collections.abc import Iterator

import bpy
import numpy as np
from own_time import OwnTime
from window import (
    JOB,
    LAB,
    PACKAGE,
    Blocked,
    active,
    click,
    facts,
    finished,
    found,
    generate,
    module,
    photograph,
    ready,
    report,
    session,
    tell_shot,
    until,
)

SHOTS, FRAMES, LONG = 50, 24, 10_000
ours = OwnTime(PACKAGE)


def steps() -> Iterator[float]:
    yield from ready()
    yield from click("speak.new_shot")
    yield 0.5
    tell_shot(FRAMES).make_strip = False
    for _ in range(SHOTS):
        others()
        yield 0.02
    head = bpy.data.objects.new("Head", None)
    bpy.context.scene.collection.objects.link(head)
    bpy.ops.wm.save_mainfile()
    ours.watch()
    yield 1.0
    yield from drivers(head)
    yield from many_frames()
    yield from whole_mix()
    ours.nothing_takes_long(JOB["idle"])


def others() -> None:
    """Another shot, with a head that moves."""
    mesh = bpy.data.meshes.new("Other")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)], [], [(0, 1, 2, 3)])
    other = bpy.data.objects.new("Other", mesh)
    bpy.context.scene.collection.objects.link(other)
    other.speak.is_shot = True
    for frame in (1, 1000):
        other.location.x, other.speak.edit.yaw = frame / 100, frame / 50
        other.keyframe_insert("location", frame=frame)
        other.speak.edit.keyframe_insert("yaw", frame=frame)


def before_the_user() -> tuple[object, ...]:
    """His frame, and what he has moved and not keyed."""
    scene = bpy.context.scene
    return scene.frame_current, bpy.data.objects["Other"].location.x, active().name


def drivers(head: bpy.types.Object) -> Iterator[float]:
    """A shot that follows another object is counted, generated, edited, and counted again."""
    owner = active()
    for frame, value in ((1, 0.0), (12, 0.0), (24, 1.0)):
        head.location.x = value
        head.keyframe_insert("location", index=0, frame=frame)
    for key in module("curves").compat.find_bag(head).fcurves[0].keyframe_points:
        key.interpolation = "LINEAR"
    curve = owner.driver_add("speak.edit.happy")
    place = curve.driver.variables.new()
    place.name, place.targets[0].id, place.targets[0].data_path = "place", head, "location.x"
    curve.driver.expression = "place"
    bpy.context.scene.frame_set(30)
    yield 0.1  # Blender itself evaluates what is new, once
    bpy.data.objects["Other"].location.x = 77.0
    user = before_the_user()
    yield from until(lambda: owner.speak.uuid in session().changes, 30)
    blocked = Blocked(ours)
    yield from generate()
    facts["still_with_drivers"] = blocked.stop()
    yield 1.0
    assert report().made == FRAMES
    yield from until(lambda: owner.speak.uuid in session().changes, 30)
    assert not session().changes[owner.speak.uuid].frames
    points = module("curves").compat.find_bag(head).fcurves[0].keyframe_points
    points[2].co[1] = 0.5
    session().changes.clear()
    head.animation_data.action.update_tag()
    yield from until(lambda: owner.speak.uuid in session().changes, 30)
    facts["counted_with_drivers"] = list(session().changes[owner.speak.uuid].frames)
    assert facts["counted_with_drivers"] == list(range(12, 24))
    assert before_the_user() == user, (before_the_user(), user)
    found.clear()
    photograph("1-counted")


def many_frames() -> Iterator[float]:
    """Ten thousand frames with drivers, and then with a key on each of all controls."""
    owner = active()
    owner.speak.frame_last = LONG
    yield from counted("drivers_of_10000_frames")
    yield from read("drivers_of_10000_frames")
    owner.driver_remove("speak.edit.happy")
    keys, numbers = module("keys"), np.arange(1, LONG + 1, dtype=np.float32)
    for control in module("curves").CONTROLS:
        values = 0.1 * np.sin(numbers / 40, dtype=np.float32)
        keys.write(keys.ensure_edit_curve(owner, control.name), numbers, values)
    keys.touch(owner)
    yield from counted("keys_on_10000_frames")
    yield from read("keys_on_10000_frames")


def counted(what: str) -> Iterator[float]:
    """How long it takes until the changed frames are counted, and what the window had of it."""
    uuid = active().speak.uuid
    session().changes.pop(uuid, None)
    active().update_tag()
    began, blocked = time.monotonic(), Blocked(ours)
    yield 0.05
    yield from until(lambda: uuid in session().changes, 60)
    facts[f"count_{what}"] = {"seconds": round(time.monotonic() - began, 2), **blocked.stop()}


def read(what: str) -> Iterator[float]:
    """Generate until the core has all it needs; then the user cancels."""
    found.clear()
    photograph(what)
    blocked = Blocked(ours)
    yield from click("speak.generate")
    yield from until(lambda: session().state.job is not None, 20)
    stages: list[str] = []

    def sent() -> bool:
        job = session().state.job
        if job is None:
            raise AssertionError(report())
        if job.stage.value not in stages:
            stages.append(job.stage.value)
        return job.stage.value == "Generating" or job.made > 0

    yield from until(sent, 120)
    facts[f"read_{what}"] = {"stages": stages, **blocked.stop()}
    facts["own_calls"] = ours.table()
    bpy.ops.speak.cancel()
    yield from finished()
    yield 0.5


def whole_mix() -> Iterator[float]:
    """Half a minute of all that sounds in the scene."""
    scene, shot = bpy.context.scene, active().speak
    strips = scene.sequence_editor.strips
    length = strips[0].frame_final_duration
    for number in range(1, 1 + 720 // length):
        strip = strips.new_sound(f"Voice {number}", str(LAB / "voice.wav"), 1, 1 + number * length)
        strip.volume = 0.8
    shot.voice_source, shot.frame_last = "SCENE", 720
    bpy.data.objects["Other"].location.x = 77.0
    bpy.context.view_layer.update()
    user = before_the_user()
    yield 0.5
    yield from read("mix_of_30_seconds")
    assert before_the_user() == user, (before_the_user(), user)
