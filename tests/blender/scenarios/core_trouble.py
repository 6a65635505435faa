# SPDX-License-Identifier: GPL-3.0-or-later
"""The core is killed in mid-frame, cancelled, and started again; nothing is lost."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import bpy

from tests.blender import stage


def core_trouble(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    stage.use_core("tests.blender.slow_core")
    owner = stage.shot_in_new_file(folder, seconds=1.0, fps=(25, 1.0))
    frames = folder / "speak" / "Anna"

    # Killed: the control process, and with it the worker.
    _when(frames, 3, lambda: os.kill(core_pid(), signal.SIGKILL))
    said = stage.refused(lambda: bpy.ops.speak.generate())
    assert stage.report().error.code in ("core_lost", "core_crashed"), said
    _whole_files(frames)
    kept = len(list(frames.glob("frame_*.png")))
    assert kept >= 3
    assert stage.curve(owner, "speak.auto.yaw") is None, "an unfinished result is not brought in"

    # Killed: the worker alone; the control process says so and goes on.
    _when(frames, kept + 3, lambda: os.kill(worker_pid(), signal.SIGKILL))
    stage.refused(lambda: bpy.ops.speak.generate())
    assert stage.report().error.code == "core_crashed", stage.report()
    _whole_files(frames)

    # Cancelled in the middle: quickly, with the frames kept, and the core goes on.
    kept = len(list(frames.glob("frame_*.png")))
    cancelled_at = []

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        stage.session().dispatch(stage.module("events").CancelAsked(time.monotonic()))

    _in_pump(lambda: len(list(frames.glob("frame_*.png"))) >= kept + 3, cancel)
    before = core_pid()
    assert bpy.ops.speak.generate() == {"CANCELLED"}
    assert time.monotonic() - cancelled_at[0] < 1.0
    assert core_pid() == before
    _whole_files(frames)

    # Generate works at once and makes only the rest.
    kept = len(list(frames.glob("frame_*.png")))
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert (stage.report().kept, stage.report().made) == (kept, 25 - kept)
    # All frames have their measurement, also those of the generations that failed.
    assert len(stage.curve(owner, "speak.measured.yaw").sampled_points) == 25

    # A file that is loaded takes the core of the old one with it.
    pid = core_pid()
    stage.session().close()
    assert not Path(f"/proc/{pid}").exists()


def core_pid() -> int:
    return stage.session().runner.link.pid


def worker_pid() -> int:
    children = Path(f"/proc/{core_pid()}/task/{core_pid()}/children").read_text().split()
    if children:
        return int(children[0])
    # The scheduler starts it from a thread of its own.
    found = [p.read_text().split() for p in Path(f"/proc/{core_pid()}/task").glob("*/children")]
    return int(next(pid for pids in found for pid in pids))


def _when(frames: Path, count: int, act) -> None:
    """Act from a thread as soon as so many frames are there."""

    def wait() -> None:
        while len(list(frames.glob("frame_*.png"))) < count:
            time.sleep(0.02)
        time.sleep(0.05)
        act()

    threading.Thread(target=wait, daemon=True).start()


def _in_pump(ready, act) -> None:
    """Act once on the main thread, between two calls of the pump."""
    session = stage.session()
    pump = session.pump

    def once(*arguments) -> None:
        pump(*arguments)
        if ready():
            session.pump = pump
            act()

    session.pump = once


def _whole_files(frames: Path) -> None:
    assert not list(frames.glob("*.part"))
    for path in frames.glob("frame_*.png"):
        image = bpy.data.images.load(str(path), check_existing=False)
        assert tuple(image.size) == (300, 360), path
        bpy.data.images.remove(image)


if __name__ == "__main__":
    stage.play(core_trouble)
