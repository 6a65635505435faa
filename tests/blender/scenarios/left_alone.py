# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates slowly in a folder that it is given, telling the core's number; it may be killed."""

import sys
from pathlib import Path

import bpy

from tests.blender import stage


def left_alone(_: Path) -> None:
    pack, folder = sys.argv[1], Path(sys.argv[2])
    stage.use_pack(pack)
    stage.use_core("tests.blender.slow_core")
    stage.shot_in_new_file(folder, seconds=1.0, fps=(25, 1.0))
    bpy.ops.speak.check()
    print("core", stage.session().runner.link.pid, flush=True)
    assert bpy.ops.speak.generate() == {"FINISHED"}
    print("kept", stage.report().kept, flush=True)


if __name__ == "__main__":
    stage.play(left_alone)
