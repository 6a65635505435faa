# SPDX-License-Identifier: GPL-3.0-or-later
"""Every label and tooltip of the add-on is in the catalogues, and Blender uses them."""

from pathlib import Path

import bpy

from tests.blender import stage

# Names of properties that no panel shows.
HIDDEN = {"sets", "shapes", "stated", "edit", "auto", "measured", "weights", "plane", "take",
          "filepath", "files"}  # fmt: skip


def languages(folder: Path) -> None:
    owner = stage.shot_in_new_file(folder)
    said, missing = texts(), []
    catalogues = stage.module("translations").catalogues()
    for text in sorted(said):
        if any(text not in catalogue for catalogue in catalogues.values()):
            missing.append(text)
    assert not missing, missing
    print(f"covered {len(said)}")
    _in_german(owner)
    browsers_show_what_can_be_used()


def browsers_show_what_can_be_used() -> None:
    """Who asks for a file filters; a field with Blender's own folder would show every file."""
    classes = stage.module("registration").CLASSES + stage.module("properties").CLASSES
    fields = [list(told(cls).properties) for cls in classes]
    asking = [these for these in fields if any(p.identifier == "filepath" for p in these)]
    assert len(asking) > 8
    for these in asking:
        filters = [p for p in these if p.identifier.startswith("filter_")]
        assert {p.identifier for p in filters} - {"filter_folder"}
        assert all(p.is_hidden and p.default for p in filters)
    everything = [p for these in fields for p in these if p.is_runtime]
    unfiltered = {p.identifier for p in everything if p.subtype == "FILE_PATH"}
    assert unfiltered == {"filepath"}, unfiltered


def told(cls):
    """What Blender knows of a class; of an operator's properties it knows elsewhere."""
    if not issubclass(cls, bpy.types.Operator):
        return cls.bl_rna
    module, name = cls.bl_idname.split(".")
    return getattr(getattr(bpy.ops, module), name).get_rna_type()


def texts() -> set[str]:
    """What Blender would look up of our classes."""
    found = set()
    for cls in stage.module("registration").CLASSES + stage.module("properties").CLASSES:
        if issubclass(cls, bpy.types.Operator | bpy.types.Panel | bpy.types.Menu):
            found.add(cls.bl_label)
        if issubclass(cls, bpy.types.Operator):
            found.add(cls.__doc__.strip())
        if issubclass(cls, bpy.types.Panel | bpy.types.Menu | bpy.types.UIList):
            continue
        for entry in told(cls).properties:
            if not entry.is_runtime or entry.is_hidden:
                continue
            found |= {entry.name, entry.description}
            if entry.type == "ENUM":
                found |= {item.name for item in entry.enum_items}
                found |= {item.description for item in entry.enum_items}
    plain = {text for text in found if text and not text.isdecimal()} - HIDDEN - {"SPEAK"}
    return {text for text in plain if "_" not in text}


def _in_german(owner) -> None:
    view = bpy.context.preferences.view
    try:
        view.language = "de_DE"
    except TypeError:
        print("this Blender comes without languages")
        return
    view.use_translate_tooltips = view.use_translate_interface = view.use_translate_reports = True
    say = stage.module("words").say
    if say("Choose a portrait first") == "Choose a portrait first":
        print("this Blender does not translate")
        return
    assert say("Generate {count} of {total} Frames", count=3, total=9) == (
        "3 von 9 Bildern erzeugen"
    )
    owner.speak.portrait = ""
    assert "Erst ein Porträt wählen" in stage.refused(lambda: bpy.ops.speak.generate())
    owner.speak.portrait, owner.speak.strip = "//anna.png", "Weg"
    assert "Tonstreifen Weg" in stage.refused(lambda: bpy.ops.speak.generate())
    print("said in German")


if __name__ == "__main__":
    stage.play(languages)
