# SPDX-License-Identifier: GPL-3.0-or-later
"""A script as people write them: it enables the extension, starts the core, and simply ends."""

import bpy

from tests.blender import stage

stage.enable()
bpy.ops.speak.new_shot(name="Anna")
bpy.ops.speak.check()
print("enabled", bpy.context.view_layer.objects.active.speak.is_shot, flush=True)
