# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames are marked unless the project and the user say otherwise, and a render is signed."""

import json
import sys
from pathlib import Path

import bpy

from inference_core.provenance import verify
from tests.blender import stage


def marks(folder: Path) -> None:
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder)
    scene, frames = bpy.context.scene, folder / "speak" / "Anna"
    assert owner.speak_marks.consent == "unstated"
    owner.speak_marks.consent = "nobody"
    _check_statement_follows_the_picture(owner, folder)

    assert bpy.ops.speak.generate("EXEC_DEFAULT", True) == {"FINISHED"}
    report = verify.verify(frames / "frame_000000.png")
    assert report.verdict == verify.SIGNED, report
    facts = report.facts["manifest"]["facts"]
    record = json.loads((frames / "shot.json").read_text())
    assert (facts["consent"], record["consent"], record["mark"]) == ("nobody", "nobody", True)
    assert facts["key"] == record["keys"][0]
    assert facts["portrait"] == record["portrait_sha256"]
    assert bpy.ops.speak.verify_file(filepath=str(frames / "frame_000000.png")) == {"FINISHED"}

    _check_a_render_is_signed(frames, folder)
    _check_off(scene, frames)


def _check_statement_follows_the_picture(owner, folder: Path) -> None:
    other = bpy.data.objects.new("Other", None)
    other.speak.is_shot = True
    other.speak.portrait = owner.speak.portrait
    assert other.speak_marks.consent == "nobody"
    other.speak_marks.consent = "public_domain"
    assert owner.speak_marks.consent == "public_domain"
    owner.speak_marks.consent = "nobody"
    # Another picture: what was said of the first does not hold for it.
    path = Path(bpy.path.abspath(owner.speak.portrait))
    another = folder / "another.png"
    another.write_bytes(path.read_bytes() + b" ")
    other.speak.portrait = str(another)
    assert other.speak_marks.consent == "unstated"
    bpy.data.objects.remove(other)


def _check_a_render_is_signed(frames: Path, folder: Path) -> None:
    image = bpy.data.images.load(str(frames / "frame_000001.png"))
    render = folder / "render.jpg"
    image.file_format = "JPEG"
    image.save(filepath=str(render), quality=95)
    assert verify.verify(render).verdict == verify.MARKED
    assert bpy.ops.speak.sign_rendered(filepath=str(render)) == {"FINISHED"}
    report = verify.verify(render)
    assert report.verdict == verify.SIGNED, report
    assert report.facts["manifest"]["ingredients"] == 12
    assert report.facts["manifest"]["facts"]["frames"] == 24
    text = folder / "notes.txt"
    text.write_text("no render")
    said = stage.refused(lambda: bpy.ops.speak.sign_rendered(filepath=str(text)))
    assert "Nothing was signed" in said, said


def _check_off(scene, frames: Path) -> None:
    before = (frames / "frame_000000.png").read_bytes()
    # The project alone cannot: the user's preferences have to allow it.
    scene.speak_unmarked = True
    bpy.ops.speak.generate("EXEC_DEFAULT", True)
    assert (stage.report().made, stage.report().kept) == (0, 24)
    bpy.context.preferences.addons[stage.PACKAGE].preferences.allow_unmarked = True
    bpy.ops.speak.generate("EXEC_DEFAULT", True)
    assert (stage.report().made, stage.report().kept) == (24, 0)
    assert (frames / "frame_000000.png").read_bytes() != before
    assert verify.verify(frames / "frame_000000.png").verdict == verify.NOTHING
    assert json.loads((frames / "shot.json").read_text())["mark"] is False
    scene.speak_unmarked = False
    bpy.ops.speak.generate("EXEC_DEFAULT", True)
    assert verify.verify(frames / "frame_000000.png").verdict == verify.SIGNED


if __name__ == "__main__":
    stage.play(marks)
