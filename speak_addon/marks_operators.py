# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign what Blender rendered, and look at what any file says about who made it.

Both let the core's command line do the work, in a process of its own.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import bpy
from bpy.props import CollectionProperty, StringProperty

from ..inference_core.protocol.core_process import environment
from ..inference_core.protocol.errors import SpeakError
from . import core_lines, shots, words
from .file_choice import ChoosesFootage
from .preferences import core_settings

TIMER_SECONDS = 0.1
LONGEST = 600.0  # seconds that Blender without a window waits


class _CoreCommand:
    """An operator that runs one command of the core while the user goes on working."""

    def begin(self, context: Any, arguments: list[str]) -> set[str]:
        """Start it; without a window, wait for its end."""
        try:
            settings = core_settings()
        except SpeakError as error:
            self.report({"ERROR"}, words.sentence(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        # Files instead of pipes: nobody reads while it runs, and a pipe that is full would stop it.
        self._said: tuple[IO[bytes], IO[bytes]] = (
            tempfile.TemporaryFile(),  # noqa: SIM115 - closed when it is read
            tempfile.TemporaryFile(),  # noqa: SIM115
        )
        self._process = subprocess.Popen(
            [str(settings.python), "-m", "inference_core", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._said[0],
            stderr=self._said[1],
            env=environment(settings.root, settings.paths),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        if bpy.app.background:
            try:
                self._process.wait(LONGEST)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            return self._over(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(TIMER_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Wait for the end; Escape ends it."""
        if event.type == "ESC" and event.value == "PRESS":
            self._process.kill()
        if event.type != "TIMER" or self._process.poll() is None:
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        return self._over(context)

    def cancel(self, context: Any) -> None:
        """Blender itself ends the operator."""
        self._process.kill()

    def _over(self, context: Any) -> set[str]:
        said = []
        for file in self._said:
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace").strip())
            file.close()
        return self.finish(context, self._process.returncode, *said)

    def finish(self, context: Any, code: int, out: str, err: str) -> set[str]:
        """Tell the user how it went."""
        raise NotImplementedError


class SPEAK_OT_sign_rendered(ChoosesFootage, _CoreCommand, bpy.types.Operator):
    """Write a signed manifest into what was rendered; the frames become its ingredients"""

    bl_idname = "speak.sign_rendered"
    bl_label = "Sign Rendered Movie or Frames"

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Choose files, starting where Blender renders to."""
        self.filepath = bpy.path.abspath(context.scene.render.filepath)
        return super().invoke(context, event)

    def execute(self, context: Any) -> set[str]:
        """Sign them."""
        chosen = _chosen(self)
        if not chosen:
            self.report({"ERROR"}, words.say("Choose a rendered movie or picture"))
            return {"CANCELLED"}
        arguments = ["sign", *chosen]
        for folder in _shot_folders(context.scene):
            arguments += ["--frames", folder]
        return self.begin(context, arguments)

    def finish(self, context: Any, code: int, out: str, err: str) -> set[str]:
        """Say it in the status bar."""
        if code:
            self.report({"ERROR"}, core_lines.ending(err, words.say))
            return {"CANCELLED"}
        count = len(err.splitlines())
        self.report({"INFO"}, words.say("{count} files signed", count=count))
        return {"FINISHED"}


class SPEAK_OT_verify_file(ChoosesFootage, _CoreCommand, bpy.types.Operator):
    """Look for SPEAK's manifest and watermark in any picture or movie"""

    bl_idname = "speak.verify_file"
    bl_label = "Verify a File"

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})

    def execute(self, context: Any) -> set[str]:
        """Look at them."""
        chosen = _chosen(self)
        if not chosen:
            self.report({"ERROR"}, words.say("Choose a picture or a movie"))
            return {"CANCELLED"}
        return self.begin(context, ["verify", "--json", "--any-size", *chosen])

    def finish(self, context: Any, code: int, out: str, err: str) -> set[str]:
        """Show the verdicts with their evidence."""
        try:
            reports = [json.loads(line) for line in out.splitlines()]
        except ValueError:
            reports = []
        if not reports:
            self.report({"ERROR"}, core_lines.ending(err, words.say))
            return {"CANCELLED"}
        for one in reports:
            self.report({"INFO"}, _verdict(one))
        if not bpy.app.background:
            context.window_manager.popup_menu(
                _drawn(reports), title=words.say("Verified"), icon="VIEWZOOM"
            )
        return {"FINISHED"}


def _drawn(reports: list[dict[str, Any]]) -> Callable[[Any, Any], None]:
    def draw(menu: Any, context: Any) -> None:
        for one in reports[:8]:
            menu.layout.label(text=_verdict(one), translate=False)
            for line in one["evidence"]:
                menu.layout.label(
                    text=core_lines.said(line, words.say), translate=False, icon="BLANK1"
                )

    return draw


def _verdict(report: dict[str, Any]) -> str:
    return f"{Path(report['file']).name}: {core_lines.said(report['verdict'], words.say)}"


def _chosen(operator: Any) -> list[str]:
    """The files of the file browser, or the one that a script named."""
    folder = bpy.path.abspath(operator.directory)
    names = [entry.name for entry in operator.files if entry.name]
    found = [str(Path(folder) / name) for name in names] or [bpy.path.abspath(operator.filepath)]
    return [name for name in found if Path(name).is_file()]


def _shot_folders(scene: Any) -> list[str]:
    """The folders of all shots of the file that have frames."""
    owners = [owner for owner in bpy.data.objects if owner.speak.is_shot and owner.speak.folder]
    folders = {str(shots.folder_path(owner)) for owner in owners}
    return sorted(folder for folder in folders if Path(folder).is_dir())


CLASSES = (SPEAK_OT_sign_rendered, SPEAK_OT_verify_file)
