# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: takes the pictures of docs/, a whole window or one panel.

For a panel all others are taken away meanwhile, so that the picture shows it alone.
`docs_images.py` beside this file cuts them out and puts them into docs/images.
"""

import json
from collections.abc import Iterator

import bpy
from window import (
    LAB,
    active,
    area_of,
    facts,
    finished,
    front_view,
    module,
    photograph,
    ready,
    region_of,
    scroll,
    session,
    show_editor,
    show_tab,
    tell_shot,
    until,
)

FRAMES = 60
rectangles: dict[str, list[int]] = {}


def steps() -> Iterator[float]:
    yield from ready(scale=1.0)
    area_of("VIEW_3D").spaces.active.shading.type = "MATERIAL"
    photograph("step1-empty")
    bpy.ops.speak.new_shot()
    shot = tell_shot(FRAMES)
    front_view()
    bpy.context.scene.frame_end = FRAMES
    yield from until(lambda: session().changes, 60)
    for _ in range(16):  # the first time a material is shown its shaders are compiled
        area_of("VIEW_3D").tag_redraw()
        yield 0.5
    photograph("step2-portrait")
    bpy.ops.speak.generate("INVOKE_DEFAULT")
    yield from until(lambda: session().state.job is not None and session().state.job.made > 8, 120)
    bpy.context.scene.frame_set(6)
    yield 1.5
    photograph("step3-generating")
    yield from finished()
    bpy.context.scene.frame_set(24)
    yield 2.5
    photograph("step4-finished")
    bpy.context.scene.frame_set(30)
    yield 1.0
    session().changes.clear()
    bpy.ops.speak.apply_set(name="Delighted")
    yield from until(lambda: session().changes, 60)
    yield 2.5
    photograph("step5-edited")
    yield from each_panel("edited")
    bpy.ops.speak.generate("INVOKE_DEFAULT")
    yield 0.3
    yield from finished()
    yield 1.5
    bpy.ops.speak.rename_take(number=1, name="Calm")
    bpy.ops.speak.rename_take(number=2, name="Delighted")
    bpy.ops.speak.compare_take(number=1)
    shot.compare_mode = "WIPE"
    yield from scroll(60)
    yield 3.0
    photograph("step6-wiped")
    yield from each_panel("done")
    bpy.ops.speak.compare_take(number=1)
    yield from graph_editor()
    yield from sequencer()
    yield from german()
    (LAB / "rectangles.json").write_text(json.dumps(rectangles))


def each_panel(suffix: str) -> Iterator[float]:
    """A picture of each panel alone."""
    classes = [c for c in module("registration").CLASSES if issubclass(c, bpy.types.Panel)]
    ours = [c for c in classes if c.bl_idname.endswith("_view")]
    for panel in ours:
        bpy.utils.unregister_class(panel)
    for panel in ours:
        bpy.utils.register_class(panel)
        yield 0.4
        try:
            yield from show_tab("VIEW_3D")
        except TypeError:  # a panel that has nothing to show has no tab
            bpy.utils.unregister_class(panel)
            continue
        yield 0.4
        name = f"panel-{panel.bl_idname.split('_')[2]}-{suffix}"
        region = region_of(area_of("VIEW_3D"))
        rectangles[name] = [region.x, region.y, region.width, region.height]
        photograph(name)
        bpy.utils.unregister_class(panel)
    for panel in ours:
        bpy.utils.register_class(panel)
    yield from show_tab("VIEW_3D")


def graph_editor() -> Iterator[float]:
    area = area_of("VIEW_3D")
    bag = module("compat").find_bag(active())
    for curve in bag.fcurves:
        names = ("happy", "surprised", "yaw")
        curve.hide = curve.data_path.rpartition(".")[2] not in names
    yield from show_editor(area, "GRAPH_EDITOR")
    photograph("graph")


def sequencer() -> Iterator[float]:
    bpy.context.scene.frame_set(12)
    bpy.ops.speak.add_mood(name="Worried", seconds=1.5)
    area = area_of("GRAPH_EDITOR")
    yield from show_editor(area, "SEQUENCE_EDITOR")
    yield from show_tab("SEQUENCE_EDITOR")
    photograph("sequencer")
    handles = module("mood_handles")
    region = region_of(area_of("SEQUENCE_EDITOR"), "WINDOW")
    (strip,) = handles.shown(bpy.context.scene, handles.view_of(region))
    box, edge = strip.box, 26  # its name stands above the box
    corner = round(region.x + box.left - edge), round(region.y + box.bottom - edge)
    size = round(box.right - box.left + 2 * edge), round(box.top - box.bottom + 2 * edge)
    rectangles["mood-strip"] = [*corner, *size]


def german() -> Iterator[float]:
    view = bpy.context.preferences.view
    area_of("SEQUENCE_EDITOR").type = "VIEW_3D"
    try:
        view.language = "de_DE"
        view.use_translate_interface = True
    except TypeError as error:
        facts["german"] = str(error)
        return
    yield 1.0
    yield from show_tab("VIEW_3D")
    yield 1.0
    photograph("german")
