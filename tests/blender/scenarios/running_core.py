# SPDX-License-Identifier: GPL-3.0-or-later
"""A core that runs already is chosen in the preferences; what is wrong with one is said plainly."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import bpy

from tests.blender import stage


def running_core(folder: Path) -> None:
    os.environ["XDG_RUNTIME_DIR"], os.environ["HOME"] = str(folder / "run"), str(folder)
    (folder / "run").mkdir(mode=0o700)
    owner = stage.shot_in_new_file(folder, seconds=0.5, fps=(25, 1.0))
    chosen = bpy.context.preferences.addons[stage.PACKAGE].preferences
    cores = stage.module("running_cores")
    chosen.core = "RUNNING"
    assert cores.look() == []
    assert "does not run any more" in stage.refused(lambda: bpy.ops.speak.generate())
    assert "let the add-on start its own" in stage.module("words").wording("core_gone").hint

    first, second = start(), start()
    names = [one.name for one in cores.look()]
    assert len(names) == 2
    name = next(name for name in names if name.startswith(f"{first.pid}-"))
    assert bpy.ops.speak.use_core(name=name) == {"FINISHED"}
    assert chosen.running == name
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.report().made == 13
    assert stage.session().runner.link.pid == first.pid
    assert len(list((folder / "speak" / "Anna").glob("frame_*.png"))) == 13
    # Its pack is the one that an edit is compared with.
    look = stage.module("change_count").look(owner, bpy.context.scene, stage.session())
    assert look.frames == (), look

    # Leaving it, for another file or for good, does not end it.
    stage.session().close()
    assert first.poll() is None
    owner.speak.seed = 3
    assert bpy.ops.speak.generate() == {"FINISHED"}

    # It ends while it is connected: said, and the next Generate says so again.
    first.kill()
    first.wait()
    owner.speak.seed = 4
    stage.refused(lambda: bpy.ops.speak.generate())
    assert stage.report().error.code == "core_gone", stage.report()
    assert name in stage.refused(lambda: bpy.ops.speak.generate())
    assert len(stage.session().state.crashes) == 0, "one that is gone is no core that crashes"

    # Another version of the link.
    (path,) = (folder / "run").rglob("*.json")
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "protocol": 99}))
    bpy.ops.speak.use_core(name=path.stem)
    assert "version" in stage.refused(lambda: bpy.ops.speak.generate())
    assert stage.report().error.code == "version_mismatch"
    path.write_text(json.dumps(told))

    # Somebody else has it.
    bpy.ops.speak.use_core(name=path.stem)
    taken = stage.root_module("inference_core.protocol.running").RunningCore(
        stage.root_module("inference_core.protocol.rendezvous").find(path.stem)
    )
    stage.session().close()
    link = as_soon_as_it_is_free(taken)
    assert "already using" in stage.refused(lambda: bpy.ops.speak.generate())
    link.close()

    # Back to one of our own, which ends with us.
    chosen.core, chosen.pack = "OWN", sys.argv[1]
    assert bpy.ops.speak.generate() == {"FINISHED"}
    assert stage.session().runner.link.pid not in (first.pid, second.pid)
    second.terminate()
    assert second.wait(10) == 0


def as_soon_as_it_is_free(taken, seconds=10.0):
    """A link to the core, which may be a moment from noticing that the last one was closed."""
    ping = stage.root_module("inference_core.protocol.messages").ping()
    errors = stage.root_module("inference_core.protocol.errors")
    deadline = time.monotonic() + seconds
    while True:
        link = taken.connect()
        try:
            list(link.wait(link.send(ping)))
            return link
        except errors.SpeakError:
            link.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def start():
    """A core as a person starts it in a terminal, with the test's pack."""
    core = subprocess.Popen(
        [sys.executable, "-m", "inference_core", "serve", "--shared", "--pack", sys.argv[1]],
        cwd=stage.ROOT, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert core.stdout is not None
    assert "runs as" in core.stdout.readline()
    return core


if __name__ == "__main__":
    stage.play(running_core)
