# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend file from somebody else: a shot's properties may hold anything that Blender lets in.

What comes of it is a sentence or a finished job, never a traceback, and panels still draw.
"""

import os
import random
import sys
from pathlib import Path
from typing import Any

import bpy

from tests.blender import stage

SEED, ROUNDS, CHANGES = 6, 32, 4
TEXTS = (
    "", " ", ".", "//", "../../x", "/etc/passwd", "C:\\x", "\\\\srv\\x", "a\nb", "x" * 900,
    "http://127.0.0.1:9/x", "CON", "//speak/../../x", "\u202eabc", "ä" * 70, "{name}", "%s%n",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**31 - 1, -(2**31), 1e30, -1e30, float("inf"), float("-inf"), 1e-30, 0.5)


def odd_values(folder: Path) -> None:
    os.chdir(
        folder
    )  # a folder that is neither absolute nor relative to the .blend is taken from here
    stage.use_pack(sys.argv[1])
    owner = stage.shot_in_new_file(folder, seconds=0.2)
    rng = random.Random(SEED)
    good = {name: getattr(owner.speak, name) for name, _ in settable(owner.speak)}
    for number in range(ROUNDS):
        changed = [change(rng, owner) for _ in range(CHANGES)]
        said = outcome()
        assert "Traceback" not in said, (number, changed, said)
        assert "[?]" not in said, (number, changed, said)
        draw_everything()
        for name, value in good.items():
            setattr(owner.speak, name, value)
        owner.speak_marks.stated = owner.speak_marks.portrait_sha256 = ""
    assert bpy.ops.speak.generate("EXEC_DEFAULT", True) == {"FINISHED"}


def settable(group: Any) -> list[tuple[str, Any]]:
    """Names and definitions of the plain properties of a group."""
    kinds = ("STRING", "INT", "FLOAT", "BOOLEAN", "ENUM")
    properties = group.bl_rna.properties
    return [(p.identifier, p) for p in properties if p.type in kinds and not p.is_readonly]


def change(rng: random.Random, owner) -> tuple[str, object]:
    """Set one property to something odd; what Blender itself does not let in is no case."""
    groups = (owner.speak, owner.speak, owner.speak.edit, owner.speak.weights, owner.speak_marks)
    group = rng.choice(groups)
    name, definition = rng.choice(settable(group))
    value: Any
    if definition.type == "STRING":
        value = rng.choice(TEXTS)
    elif definition.type == "ENUM":
        value = rng.choice([item.identifier for item in definition.enum_items])
    elif definition.type == "BOOLEAN":
        value = rng.random() < 0.5
    else:
        value = rng.choice(NUMBERS)
    try:
        setattr(group, name, int(value) if definition.type == "INT" else value)
    except (TypeError, ValueError, OverflowError):
        return name, "refused by Blender"
    return name, value


def outcome() -> str:
    """Generate and give what is said: nothing when it came through."""
    try:
        bpy.ops.speak.generate("EXEC_DEFAULT", True)
    except RuntimeError as error:
        return str(error)
    report = stage.report()
    return "" if report is None or report.error is None else str(report.error)


def draw_everything() -> None:
    """What panels ask while they draw."""
    shots, marks, results = (stage.module(name) for name in ("shots", "marks", "results"))
    owner = shots.active(bpy.context)
    if owner is not None:
        assert marks.consent(owner)
        results.frames_gone(owner)


if __name__ == "__main__":
    stage.play(odd_values)
