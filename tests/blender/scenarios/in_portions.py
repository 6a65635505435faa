# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job needs is taken in portions, beside the user's scene, and is the same as in one go."""

import time
from pathlib import Path

import bpy
import numpy as np

from tests.blender import stage

FRAMES = 2400
# Ten times what a portion is to take: a machine may be slow, but one frame after the other is not
# the same as all at once.
MOST = 0.1


def in_portions(folder: Path) -> None:
    owner = stage.shot_in_new_file(folder, first=1, seconds=0.5, fps=(24, 1.0))
    shot = owner.speak
    shot.range_source, shot.frame_first, shot.frame_last = "OWN", 1, FRAMES
    head = driven(owner)
    others(50)
    edits = stage.module("edits")
    edits.watch()
    _the_same_and_nothing_touched(owner, head)
    _as_the_scene_is_stepped(owner)
    _what_asks_for_the_scene(owner)
    _edited_in_between(owner, head)
    _undone_in_between(owner)
    _left_in_between(owner)
    _never_at_rest(owner, head)
    _plain_keys(owner)
    edits.unregister()


def driven(owner):
    """A driver of each kind on the shot, and an object that they follow."""
    head = bpy.data.objects.new("Head", None)
    bpy.context.scene.collection.objects.link(head)
    for frame, value in ((1, 0.0), (FRAMES, 1.0)):
        head.location.x = value
        head.keyframe_insert("location", index=0, frame=frame)
    curve = owner.driver_add("speak.edit.happy")
    place = curve.driver.variables.new()
    place.name, place.type = "place", "TRANSFORMS"
    place.targets[0].id, place.targets[0].transform_type = head, "LOC_X"
    curve.driver.expression = "place / 2 + frame / 10000"
    curve = owner.driver_add("speak.weights.pose")
    curve.driver.type = "SUM"
    place = curve.driver.variables.new()
    place.targets[0].id, place.targets[0].data_path = head, "location.x"
    owner.speak.edit.yaw = 0.0
    for frame, value in ((1, -8.0), (FRAMES, 8.0)):
        owner.speak.edit.yaw = value
        owner.speak.edit.keyframe_insert("yaw", frame=frame)
    return head


def others(count: int) -> None:
    """Objects that move and that the shot has nothing to do with."""
    for number in range(count):
        mesh = bpy.data.meshes.new(f"Other {number}")
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0)], [], [(0, 1, 2)])
        other = bpy.data.objects.new(f"Other {number}", mesh)
        bpy.context.scene.collection.objects.link(other)
        for frame in (1, FRAMES):
            other.location.z = frame
            other.keyframe_insert("location", frame=frame)


def taken(owner, between=None):
    """What `gather.steps` gives, and the processor time and the frames' share of each portion."""
    work = stage.module("gather").steps(owner.speak.uuid, bpy.context.scene.name)
    costs: list[float] = []
    shares: list[float] = []
    while True:
        began = time.thread_time()
        try:
            doing = next(work)
        except StopIteration as end:
            costs.append(time.thread_time() - began)
            return end.value[0], costs, shares
        costs.append(time.thread_time() - began)
        shares.append(doing.share)
        if between is not None:
            between(len(costs), doing)


def assert_same(one, other, what: str) -> None:
    assert one.edit.tobytes() == other.edit.tobytes(), what
    assert one.weights.tobytes() == other.weights.tobytes(), what
    assert one.kept == other.kept, what
    assert np.array_equal(one.speaker.samples, other.speaker.samples), what


def at_once(owner):
    return stage.module("gather").gather(owner, bpy.context.scene)[0]


def unkeyed(owner, head):
    """What the user has before him: his frame, his selection, and what he has not keyed yet."""
    scene = bpy.context.scene
    return (
        scene.frame_current, scene.frame_subframe, [o.name for o in bpy.context.selected_objects],
        bpy.context.view_layer.objects.active.name, tuple(head.location), owner.speak.edit.yaw,
        owner.speak.edit.happy, bpy.data.objects["Other 7"].location.z,
        [s.name for s in bpy.data.scenes], bpy.context.scene.name,
        [len(getattr(bpy.app.handlers, n)) for n in stage.module("evaluation").UNHEARD],
    )  # fmt: skip


def _the_same_and_nothing_touched(owner, head) -> None:
    scene = bpy.context.scene
    # The voice is mixed: this takes back what is not keyed, as every mixdown does.
    at_once(owner)
    scene.frame_set(30)
    head.location.y, owner.speak.edit.yaw, bpy.data.objects["Other 7"].location.z = 4.0, 3.0, 99.0
    bpy.context.view_layer.update()
    before, heard = unkeyed(owner, head), set()
    listener = lambda heard_of, *_: heard.add(heard_of.name)  # noqa: E731
    for name in ("frame_change_pre", "frame_change_post", "depsgraph_update_post"):
        getattr(bpy.app.handlers, name).append(listener)
    seen = []
    data, costs, shares = taken(owner, lambda *_: seen.append(unkeyed(owner, head)[:-1]))
    for name in ("frame_change_pre", "frame_change_post", "depsgraph_update_post"):
        getattr(bpy.app.handlers, name).remove(listener)
    assert heard <= {scene.name}, "nobody hears of a scene of ours"
    assert unkeyed(owner, head) == before, (unkeyed(owner, head), before)
    assert set(map(str, seen)) == {str(before[:-1])}, "at no time anything is to be seen"
    assert len(costs) > 3, "2,400 frames in one portion"
    assert max(costs) < MOST, costs
    assert shares == sorted(shares)
    # The same as what the scene itself gives, stepped.
    assert_same(data, at_once(owner), "in one go")
    assert len(np.unique(data.edit[:, 0])) > FRAMES / 2
    print(f"{len(costs)} portions, the longest {1000 * max(costs):.1f} ms of the processor")


def stepped(owner, frames):
    """The rows as the user's own scene gives them, stepped frame by frame."""
    curves, scene = stage.module("curves"), bpy.context.scene
    rows = []
    with stage.module("evaluation").in_scene(owner, scene) as at:
        for frame in range(frames.first, frames.last + 1):
            rows.append(curves._row(at(frame).speak))
    return np.array(rows, np.float32)


def _as_the_scene_is_stepped(owner) -> None:
    """Drivers and NLA strips, with another map of frames, at negative frames too."""
    curves, scene = stage.module("curves"), bpy.context.scene
    frame_range = stage.module("frame_time").FrameRange

    def compare(what: str) -> None:
        frames = frame_range(-5, 60)
        reading = curves.Reading(owner, scene, frames)
        assert reading.aside, what
        values = np.hstack(stage.module("portions").finish(reading.steps()))
        assert values.tobytes() == stepped(owner, frames).tobytes(), what
        assert len(np.unique(values, axis=0)) > 30, what

    compare("drivers")
    scene.render.frame_map_new = 150
    compare("frames mapped to others")
    scene.render.frame_map_new = 100
    data = owner.animation_data
    action, slot = data.action, getattr(data, "action_slot", None)
    data.action = None
    strip = data.nla_tracks.new().strips.new("edit", -5, action)
    if slot is not None:
        strip.action_slot = slot
    strip.scale = 0.01
    compare("an NLA strip")
    data.nla_tracks.remove(data.nla_tracks[0])
    data.action = action
    if slot is not None:
        data.action_slot = slot
    empty = bpy.data.objects["Head"]
    owner.parent = empty
    compare("a parent")
    owner.parent = None


def _what_asks_for_the_scene(owner) -> None:
    """Where only the user's scene has the answer it is stepped, and put back."""
    curves, scene = stage.module("curves"), bpy.context.scene
    frames = stage.module("frame_time").FrameRange(1, 40)
    bpy.app.driver_namespace["half"] = lambda value: value / 2
    curve = owner.driver_add("speak.edit.sad")
    driver = curve.driver
    number = driver.variables.new()
    number.name = "number"

    def of_the_scene(path: str) -> None:
        number.type = "SINGLE_PROP"
        number.targets[0].id_type, number.targets[0].id = "SCENE", scene
        number.targets[0].data_path = path

    def compare(expression: str, aside: bool) -> None:
        driver.expression = expression
        scene.frame_set(12)
        reading = curves.Reading(owner, scene, frames)
        assert reading.aside is aside, expression
        values = np.hstack(stage.module("portions").finish(reading.steps()))
        assert scene.frame_current == 12
        assert values.tobytes() == stepped(owner, frames).tobytes(), expression
        changes = stage.module("change_count").look(owner, scene, stage.session())
        assert (changes is not None) is aside, "it is not counted by stepping what the user sees"

    scene["speed"] = 0.5
    of_the_scene('["speed"]')
    compare("number * frame / 100", True)
    compare("min(number, sin(frame)) * noise.random() * 0 + 0.1", True)
    compare("half(frame / 100)", False)
    compare("bpy.context.scene.frame_current / 100", False)
    of_the_scene("frame_current")
    compare("number / 100", False)
    assert len(np.unique(curves.sample(owner, scene, frames)[0][:, names().index("sad")])) == 40
    owner.driver_remove("speak.edit.sad")
    assert curves.Reading(owner, scene, frames).aside


def names():
    return stage.root_module("inference_core.protocol.controls").NAMES


def _edited_in_between(owner, head) -> None:
    """What was read before an edit is read again; what concerns others is not waited for."""
    before = at_once(owner)

    def edit(number: int, _doing) -> None:
        if number == 2:
            stage.curve(head, "location").keyframe_points[1].co[1] = 0.5
            stage.curve(head, "location").update()
            head.animation_data.action.update_tag()
            bpy.context.view_layer.update()

    data, _, shares = taken(owner, edit)
    assert shares != sorted(shares), "it did not begin anew"
    assert_same(data, at_once(owner), "after an edit of what a driver follows")
    assert data.edit.tobytes() != before.edit.tobytes()

    def key(number: int, _doing) -> None:
        if number == 2:
            owner.speak.edit.sad = 0.25
            owner.update_tag()
            bpy.context.view_layer.update()

    data, _, _ = taken(owner, key)
    assert_same(data, at_once(owner), "after a value was set")
    assert (data.edit[:, names().index("sad")] == 0.25).all()

    def another(number: int, _doing) -> None:
        bpy.data.objects["Other 3"].location.x = number
        bpy.context.scene.frame_set(number)
        bpy.context.view_layer.update()

    data, _, shares = taken(owner, another)
    assert shares == sorted(shares), "begun anew for another object"
    assert_same(data, at_once(owner), "beside another edit")


def _undone_in_between(owner) -> None:
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.ed.undo_push(message="before")
    owner.speak.edit.fear = 0.5
    bpy.ops.ed.undo_push(message="fear")
    name = owner.name

    def undo(number: int, _doing) -> None:
        if number == 2:
            assert bpy.ops.ed.undo() == {"FINISHED"}

    data, _, _ = taken(owner, undo)
    owner = bpy.data.objects[name]
    assert owner.speak.edit.fear == 0.0
    assert_same(data, at_once(owner), "after an undo")


def _left_in_between(owner) -> None:
    """Cancelled between two portions, nothing of it stays; a deleted shot ends it."""
    owner = bpy.data.objects["Anna"]
    scenes = len(bpy.data.scenes)
    work = stage.module("gather").steps(owner.speak.uuid, bpy.context.scene.name)
    next(work)
    next(work)
    work.close()
    assert len(bpy.data.scenes) == scenes
    copy = owner.copy()
    bpy.context.scene.collection.objects.link(copy)
    uuid = stage.module("shots").identity(copy)
    work = stage.module("gather").steps(uuid, bpy.context.scene.name)
    next(work)
    bpy.data.objects.remove(copy)
    assert ended_by(work) == "no_frames"


def ended_by(work) -> str:
    """The code of the error that some work ends with."""
    errors = stage.root_module("inference_core.protocol.errors")
    for _ in range(20):
        try:
            next(work)
        except errors.SpeakError as error:
            return error.code
    raise AssertionError("a deleted shot is read on and on")


def _never_at_rest(_owner, _head) -> None:
    """What something else changes all the time is read between two changes."""
    owner, head = bpy.data.objects["Anna"], bpy.data.objects["Head"]

    def shake(number: int, _doing) -> None:
        head.rotation_euler.x = number
        bpy.context.view_layer.update()

    data, costs, _ = taken(owner, shake)
    assert len(costs) < 300
    assert_same(data, at_once(owner), "never at rest")


def _plain_keys(owner) -> None:
    """Ten thousand frames with a key on each of all controls."""
    owner = bpy.data.objects["Anna"]
    for path in ("speak.edit.happy", "speak.weights.pose"):
        owner.driver_remove(path)
    keys, count = stage.module("keys"), 10_000
    owner.speak.frame_last = count
    numbers = np.arange(1, count + 1, dtype=np.float32)
    for phase, name in enumerate(names()):
        values = 0.4 + 0.3 * np.sin(numbers / 40 + phase, dtype=np.float32)
        keys.write(keys.ensure_edit_curve(owner, name), numbers, values)
    data, costs, shares = taken(owner)
    assert len(costs) > 3 * len(names()), "several curves in one portion"
    assert shares == sorted(shares)
    assert max(costs) < MOST, max(costs)
    assert_same(data, at_once(owner), "ten thousand keys")
    print(f"{len(costs)} portions, the longest {1000 * max(costs):.1f} ms of the processor")


if __name__ == "__main__":
    stage.play(in_portions, sound=True)
