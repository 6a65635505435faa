# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: a message and the page it opens, and the preferences."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
from window import (
    LAB,
    PACKAGE,
    active,
    click,
    facts,
    found,
    module,
    photograph,
    press,
    ready,
    report,
    session,
    until,
)


def steps() -> Iterator[float]:
    yield from ready()
    bpy.ops.speak.new_shot()
    yield 0.5
    yield from message()
    yield from preferences()


def message() -> Iterator[float]:
    """A message stands at the shot, and a click on its code opens a page about it."""
    active().speak.portrait = "//nobody.png"
    yield 1.0
    yield from click("speak.generate")
    yield 1.0
    assert report().error.code == "portrait_missing"
    press("ESC", *found[0])  # away with Blender's own pop-up
    yield 1.0
    photograph("1-message")
    found.clear()
    yield from click("speak.explain", 0.3, 0.2, 0.5)
    yield 1.0
    page = next(Path(bpy.utils.resource_path("USER")).rglob("portrait_missing.html"))
    facts["help"] = page.read_text("utf-8").count("<h2")


def preferences() -> Iterator[float]:
    """The add-on's preferences in a window of their own, with a core that runs already."""
    settings = module("preferences").core_settings()
    environment = sys.modules[f"{PACKAGE}.inference_core.protocol.core_process"].environment
    core = subprocess.Popen(
        [str(settings.python), "-m", "inference_core", "serve", "--shared"],
        env=environment(settings.root, settings.paths), cwd=LAB,
    )  # fmt: skip
    chosen = bpy.context.preferences.addons[PACKAGE].preferences
    chosen.core = "RUNNING"
    cores = module("running_cores")
    yield from until(cores.look, 120)
    bpy.ops.screen.userpref_show()
    yield 1.0
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "SPEAK"
    bpy.ops.preferences.addon_expand(module=PACKAGE)
    yield 2.0
    photograph("2-running-cores")
    bpy.ops.speak.use_core(name=cores.found()[0].name)
    yield from until(lambda: session().state.core is not None, 120)
    yield 2.0
    photograph("3-connected")
    core.kill()
    core.wait()
    yield from until(lambda: session().state.core is None, 60)
    yield 4.0
    photograph("4-gone")
