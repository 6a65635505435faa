# SPDX-License-Identifier: GPL-3.0-or-later
"""Check, which tests everything, and a text about this installation without private paths."""

import getpass
import platform
import re
import sys
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..inference_core.protocol import errors
from ..inference_core.protocol.errors import SpeakError
from . import help_page, interpreter, preferences, runtime, words
from .self_test import SelfTest
from .shot_folder import as_speak_error
from .state import Note

LOG_LINES = 40
# A path: drive or slash, then parts. URLs keep their two slashes and are left alone.
PATH = re.compile(r"(?<![\w/:])(?:[A-Za-z]:\\|/)(?:[^\s\"'<>|:;,()]+[\\/])+")

_test: SelfTest | None = None


def test() -> SelfTest | None:
    """The last check of this session."""
    return _test


def redacted(text: str, names: tuple[str, ...]) -> str:
    """A text in which folders are `.../` and these names (of the user, say) are `***`.

    The last part of a path stays: it says which file it was about.
    """
    plain = PATH.sub(".../", text)
    for name in sorted(filter(lambda n: len(n) > 2, names), key=len, reverse=True):
        plain = re.sub(re.escape(name), "***", plain, flags=re.IGNORECASE)
    return plain


def report(context: Any) -> str:
    """Versions, settings, how things stand, and the end of the core's log."""
    session, chosen = runtime.session(), preferences.preferences()
    state = session.state
    lines = [
        f"SPEAK {_version()} in Blender {bpy.app.version_string}",
        f"{platform.platform()}, Python {platform.python_version()}, {bpy.app.build_hash!r}",
        f"packages: {', '.join(_packages())}",
        f"missing: {', '.join(interpreter.missing_packages()) or 'nothing'}",
        f"core: {state.link.value}, {state.core}",
        f"core error: {_told(state.core_error)}",
    ]
    if chosen is not None:
        said = {
            name: bool(value) if isinstance(value, str) else value
            for name in sorted(chosen.bl_rna.properties.keys())
            if name not in ("rna_type", "bl_idname", "name")
            and isinstance(value := getattr(chosen, name), str | int | float | bool)
        }
        lines.append(f"preferences: {said}")
    lines += [f"shot {number}: {_about(owner)}" for number, owner in enumerate(_shots(), 1)]
    lines += [
        f"report: {one.outcome.value}, {one.made} made, {one.kept} kept, {_told(one.error)}, "
        f"notices: {[_told(notice) for notice in one.notices]}"
        for one in state.reports.values()
    ]
    if _test is not None:
        lines += ["check:", *_test.lines]
    lines += ["log:", *_log_end()]
    return redacted("\n".join(lines), _private_names()) + "\n"


def _told(note: Note | None) -> str:
    """A message by its code and its numbers: what is filled in may be the name of a file."""
    if note is None:
        return "none"
    numbers = {name: value for name, value in note.args.items() if isinstance(value, int | float)}
    reason = note.args.get("reason")
    return f"{note.code} {numbers or ''} {reason or ''}".strip()


def _version() -> str:
    manifest = Path(__file__).resolve().parent.parent / "blender_manifest.toml"
    found = re.search(r'^version = "([^"]+)"', manifest.read_text("utf-8"), re.MULTILINE)
    return found.group(1) if found else "?"


def _packages() -> list[str]:
    import importlib.metadata

    found = []
    for name in ("onnxruntime", "pillow", "numpy"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} -")
    return found


def _shots() -> list[Any]:
    return [owner for owner in bpy.data.objects if owner.speak.is_shot]


def _about(owner: Any) -> str:
    shot = owner.speak
    suffix = Path(shot.portrait).suffix
    return (
        f"{suffix or 'no portrait'}, voice from {shot.voice_source.lower()}, size {shot.size}, "
        f"{shot.made_count} frames made, folder {'chosen' if shot.folder else 'not chosen'}"
    )


def _log_end() -> list[str]:
    try:
        text = preferences.log_file().read_text("utf-8", errors="replace")
    except OSError:
        return ["there is none"]
    return text.splitlines()[-LOG_LINES:]


def _private_names() -> tuple[str, ...]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = ""
    project = Path(bpy.data.filepath).stem if bpy.data.filepath else ""
    return user, Path.home().name, platform.node(), project, *(owner.name for owner in _shots())


class SPEAK_OT_test_everything(bpy.types.Operator):
    """Test the installation: Python, packages, the model pack, and every network once"""

    bl_idname = "speak.test_everything"
    bl_label = "Test Everything"

    def execute(self, context: Any) -> set[str]:
        """Start it; without a window wait for the end."""
        global _test
        if _test is not None and _test.running:
            self.report({"INFO"}, words.say("The test is still running"))
            return {"CANCELLED"}
        try:
            _test = SelfTest(preferences.core_settings())
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        _test.start()
        if not bpy.app.background:
            bpy.app.timers.register(_redraw_while_testing, first_interval=0.2)
            return {"FINISHED"}
        _test.wait()
        if _test.failed is not False:
            failed = words.say("The core cannot be started")
            self.report({"ERROR"}, _test.lines[-1] if _test.lines else failed)
            return {"CANCELLED"}
        return {"FINISHED"}


def _redraw_while_testing() -> float | None:
    runtime.redraw()
    return 0.2 if _test is not None and _test.running else None


class SPEAK_OT_copy_diagnostics(bpy.types.Operator):
    """Copy a text about this installation for a bug report; it names no folders and no users"""

    bl_idname = "speak.copy_diagnostics"
    bl_label = "Copy Diagnostics"

    def execute(self, context: Any) -> set[str]:
        """Put it on the clipboard."""
        text = report(context)
        context.window_manager.clipboard = text
        if bpy.app.background:
            print(text, file=sys.stderr)
        self.report({"INFO"}, words.say("{count} lines copied", count=len(text.splitlines())))
        return {"FINISHED"}


class SPEAK_OT_explain(bpy.types.Operator):
    """Open a page about this message: what is usually behind it, and what helps"""

    bl_idname = "speak.explain"
    bl_label = "Explain"

    code: StringProperty(name="Code", description="Code of the message")

    def execute(self, context: Any) -> set[str]:
        """Write the page in the language of the interface, and open it in the browser."""
        code = self.code if self.code in errors.TABLE else "internal"
        path = preferences.own_folder("help") / f"{code}.html"
        try:
            with as_speak_error(path.parent):
                path.write_text(help_page.page(code, words.say), "utf-8")
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            bpy.ops.wm.url_open(url=path.as_uri())
        return {"FINISHED"}


CLASSES = (SPEAK_OT_test_everything, SPEAK_OT_copy_diagnostics, SPEAK_OT_explain)
