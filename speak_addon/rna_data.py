# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own items (modifiers, drivers, strips) as plain data, and back.

What can be set is kept, whatever the version of Blender has; other data is kept by its name.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import bpy

VALUES = ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")


def plain(item: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """All that can be set on an item: name of the property -> what JSON can hold."""
    found: dict[str, Any] = {}
    for entry in item.bl_rna.properties:
        name = entry.identifier
        if entry.is_readonly or name in skip or name == "rna_type":
            continue
        value = getattr(item, name)
        if entry.type == "POINTER":
            if value is None or isinstance(value, bpy.types.ID):
                found[name] = reference(value)
        elif entry.type not in VALUES:
            continue
        elif isinstance(value, set):
            found[name] = sorted(value)
        elif getattr(entry, "is_array", False):
            found[name] = list(value)
        else:
            found[name] = value
    return found


def fill(item: Any, data: Mapping[str, Any]) -> None:
    """Set what `plain` gave. Twice, as some values decide what others may be."""
    kinds = {entry.identifier: entry for entry in item.bl_rna.properties}
    for _ in range(2):
        for name, value in data.items():
            entry = kinds.get(name)
            if entry is None or entry.is_readonly:
                continue
            if entry.type == "POINTER":
                value = referred(value)
            elif entry.type == "ENUM" and entry.is_enum_flag:
                value = set(value)
            # What another version has dropped, or has other choices for, stays as it is made.
            with contextlib.suppress(AttributeError, TypeError, ValueError, RuntimeError):
                if getattr(item, name) != value:
                    setattr(item, name, value)


def reference(block: Any) -> dict[str, str] | None:
    """How a piece of data of the file is found again."""
    if block is None:
        return None
    library = block.library.filepath if block.library else ""
    return {"collection": _collection(block), "name": block.name, "library": library}


def referred(told: Mapping[str, str] | None) -> Any | None:
    """The piece of data, or None when it is gone."""
    found = getattr(bpy.data, told["collection"], None) if told else None
    if told is None or found is None:
        return None
    for block in found:
        library = block.library.filepath if block.library else ""
        if (block.name, library) == (told["name"], told["library"]):
            return block
    return None


def _collection(block: Any) -> str:
    for entry in bpy.data.bl_rna.properties:
        if entry.type == "COLLECTION" and isinstance(
            block, getattr(bpy.types, entry.fixed_type.identifier)
        ):
            return str(entry.identifier)
    return ""
