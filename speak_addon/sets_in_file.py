# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets that are kept in the .blend: part of the scene, saved, appended and undone with it."""

import json
from typing import Any

import bpy
from bpy.props import CollectionProperty, StringProperty

from . import sets
from .sets import Set


class SPEAK_PG_set(bpy.types.PropertyGroup):
    """One named set; `name` comes with every property group."""

    values: StringProperty(name="Values", description="Controls and values, as JSON")


class SPEAK_PG_sets(bpy.types.PropertyGroup):
    """The scene's own sets."""

    sets: CollectionProperty(type=SPEAK_PG_set)


CLASSES = (SPEAK_PG_set, SPEAK_PG_sets)


def own(scene: Any) -> list[Set]:
    """The scene's sets; one whose values cannot be read is left out."""
    found = []
    for entry in scene.speak_sets.sets:
        try:
            values = json.loads(entry.values)
        except ValueError:
            continue
        if isinstance(values, dict):
            found.append(Set(entry.name, values))
    return found


def find(scene: Any, name: str) -> Set | None:
    """A set by its name; the scene's own come before those that are built in."""
    for one in (*own(scene), *sets.BUILT_IN):
        if one.name == name:
            return one
    return None


def free_name(scene: Any, one: Set) -> str:
    """The set's name, or with a number behind it where another set has that name already."""
    name, number = one.name, 2
    while (there := find(scene, name)) is not None and dict(there.values) != dict(one.values):
        name, number = f"{one.name} {number}", number + 1
    return name


def store(scene: Any, one: Set) -> None:
    """Keep a set; one of the same name is replaced."""
    collection = scene.speak_sets.sets
    entry = collection.get(one.name) or collection.add()
    entry.name, entry.values = one.name, json.dumps(dict(one.values))


def register() -> None:
    """Give scenes their sets."""
    bpy.types.Scene.speak_sets = bpy.props.PointerProperty(type=SPEAK_PG_sets)


def unregister() -> None:
    """Take the property away; the data stays in the file."""
    del bpy.types.Scene.speak_sets
