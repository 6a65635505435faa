# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a shot in further places: camera background, image Empty, compositor."""

from typing import Any

import bpy
from bpy.props import EnumProperty

from . import compat, results, runtime, shots, words
from .set_operators import NeedsShot

PLACES = (
    ("CAMERA", "Camera Background", "Behind what the scene's camera sees"),
    ("EMPTY", "Image Empty", "An Empty that shows the frames, for reference"),
    ("COMPOSITOR", "Compositor", "An image node in the scene's compositor"),
)


def in_camera(owner: Any, scene: Any, image: Any) -> None:
    """Behind what the camera sees; a second time changes nothing but the times."""
    camera = scene.camera.data
    found = [b for b in camera.background_images if b.image == image]
    background = found[0] if found else camera.background_images.new()
    background.image = image
    results.set_time(owner, background.image_user)
    camera.show_background_images = True


def on_empty(owner: Any, scene: Any, image: Any) -> None:
    """On an Empty; the one that shows the frames already is used again."""
    found = [o for o in bpy.data.objects if o.type == "EMPTY" and o.data == image]
    empty = found[0] if found else bpy.data.objects.new(f"{owner.name} image", None)
    empty.empty_display_type, empty.empty_display_size = "IMAGE", 2.0
    empty.data = image
    results.set_time(owner, empty.image_user)
    if not found:
        scene.collection.objects.link(empty)
        empty.rotation_euler[0] = 1.5707963
        empty.location = owner.matrix_world.translation
        empty.location.x += 2.5


def in_compositor(owner: Any, scene: Any, image: Any) -> None:
    """As an image node; links are the user's."""
    tree = compat.compositor(scene)
    found = [node for node in tree.nodes if getattr(node, "image", None) == image]
    node = found[0] if found else tree.nodes.new("CompositorNodeImage")
    node.image, node.label = image, f"{owner.name} frames"
    results.set_time(owner, node)


PUT = {"CAMERA": in_camera, "EMPTY": on_empty, "COMPOSITOR": in_compositor}


class SPEAK_OT_show_in(NeedsShot, bpy.types.Operator):
    """Show the frames of the shot in a further place"""

    bl_idname = "speak.show_in"
    bl_label = "Show In"
    bl_options = {"REGISTER", "UNDO"}

    place: EnumProperty(name="Place", description="Where the frames are shown", items=PLACES)

    @classmethod
    def disabled_reason(cls, context: Any) -> str:
        """Needs frames."""
        if reason := super().disabled_reason(context):
            return reason
        owner = shots.active(context)
        if runtime.session().job_of(owner.speak.uuid) is not None:
            return "The shot is being generated"
        return "" if owner.speak.made_count else "Nothing has been generated yet"

    def execute(self, context: Any) -> set[str]:
        """Put them there."""
        owner, scene = shots.active(context), context.scene
        if self.place == "CAMERA" and scene.camera is None:
            self.report({"ERROR"}, words.say("The scene has no camera. Add one first."))
            return {"CANCELLED"}
        try:
            image = results.load_image(owner)
        except RuntimeError:
            self.report({"ERROR"}, words.say("The frames are gone. Generate makes them again."))
            return {"CANCELLED"}
        PUT[self.place](owner, scene, image)
        return {"FINISHED"}


CLASSES = (SPEAK_OT_show_in,)
