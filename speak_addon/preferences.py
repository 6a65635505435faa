# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences of the add-on, and from them how the core is started."""

import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..inference_core.protocol import rendezvous
from ..inference_core.protocol.errors import SpeakError
from ..inference_core.protocol.rendezvous import Record
from . import interpreter, root_package
from .core_link import CoreSettings
from .file_choice import ChoosesFile
from .file_hash import file_hash

LOG_NAME = "core.log"
# The module that is started as the core; tests put another engine behind the same service.
CORE_MODULE = "inference_core"


def _another_core(chosen: Any, _context: Any) -> None:
    from . import running_cores, runtime

    if chosen.core == "RUNNING":
        running_cores.look()
    runtime.leave_core()


class SPEAK_AP_preferences(bpy.types.AddonPreferences):
    """How the core runs on this machine."""

    bl_idname = root_package()

    core: EnumProperty(
        name="Core",
        description="Which core makes the frames",
        items=(
            ("OWN", "Started by the Add-on", "A core that starts and ends with this Blender"),
            (
                "RUNNING",
                "Already Running",
                "A core that was started with: python -m inference_core serve --shared",
            ),
        ),
        update=_another_core,
    )
    running: StringProperty(
        name="Running Core",
        description="Process and time of start of the core that is used",
        update=_another_core,
    )
    threads: IntProperty(
        name="Threads",
        description="Processor threads that the core may use; 0 leaves the choice to it",
        default=0,
        min=0,
        max=256,
    )
    idle_minutes: IntProperty(
        name="Free Memory After (min)",
        description="Minutes without work after which the core gives its memory back; it takes a "
        "moment to load again",
        default=15,
        min=1,
        soft_max=120,
    )
    python: StringProperty(
        name="Core Python",
        description="Another Python for the core, with its own onnxruntime, Pillow and numpy; "
        "empty uses Blender's",
    )
    pack: StringProperty(
        name="Model Pack",
        description="The folder of another model pack; empty uses the one of the extension",
        subtype="DIR_PATH",
    )
    use_preview: BoolProperty(
        name="Preview at the Playhead",
        description="Make the frame at the playhead while a slider is dragged or the playhead "
        "moves, as long as the core runs",
        default=True,
    )
    preview_on_plane: BoolProperty(
        name="Show on the Plane",
        description="Draw the preview over the shot's plane in the 3D View; renders never show it",
        default=False,
    )
    log_folder: StringProperty(
        name="Log Folder",
        description="Where the core writes its log; empty: the extension's own folder",
        subtype="DIR_PATH",
    )

    allow_unmarked: BoolProperty(
        name="Let Projects Leave Marks Out",
        description="Show a switch in each project that makes frames without watermark and "
        "manifest. In many places the law asks for marks on synthetic faces",
        default=False,
    )

    def draw(self, context: Any) -> None:
        """Draw the preferences."""
        from .panels.cores import draw_running
        from .panels.drawing import draw_core_status

        layout = self.layout
        layout.use_property_split = True
        layout.row().prop(self, "core", expand=True)
        if self.core == "RUNNING":
            draw_running(layout, self.running)
        started = layout.column()
        started.active = self.core == "OWN"
        for name in ("threads", "idle_minutes"):
            started.prop(self, name)
        row = started.row(align=True)
        row.prop(self, "python")
        row.operator("speak.choose_python", text="", icon="FILE_FOLDER")
        for name in ("pack", "log_folder"):
            started.prop(self, name)
        layout.prop(self, "allow_unmarked")
        draw_core_status(layout)


class SPEAK_OT_choose_python(ChoosesFile, bpy.types.Operator):
    """Choose another Python for the core"""

    bl_idname = "speak.choose_python"
    bl_label = "Choose Core Python"

    filter_glob: StringProperty(default="python*", options={"HIDDEN"})

    def execute(self, context: Any) -> set[str]:
        """Let the core run on it from its next start on."""
        chosen = preferences()
        if chosen is None:
            return {"CANCELLED"}
        chosen.python = str(self.chosen)
        return {"FINISHED"}


def preferences() -> Any | None:
    """The add-on's preferences; None when it runs without being installed."""
    addon = bpy.context.preferences.addons.get(root_package())
    return None if addon is None else addon.preferences


@cache
def own_folder(name: str) -> Path:
    """A folder that the extension may write to; it exists."""
    try:
        return Path(bpy.utils.extension_path_user(root_package(), path=name, create=True))
    except ValueError:
        # Run from a checkout, not installed as an extension.
        return Path(tempfile.mkdtemp(prefix=f"speak-{name}-"))


def log_file() -> Path:
    """The core's log."""
    chosen = getattr(preferences(), "log_folder", "")
    folder = Path(bpy.path.abspath(chosen)) if chosen else own_folder("logs")
    if not folder.is_dir():
        folder = own_folder("logs")
    return folder / LOG_NAME


def running_core() -> Record | None:
    """The core that runs already and was chosen, as it says of itself; None for one of our own.

    Raises SpeakError: core_gone, core_not_ours, version_mismatch.
    """
    chosen = preferences()
    if getattr(chosen, "core", "OWN") != "RUNNING":
        return None
    return rendezvous.find(getattr(chosen, "running", ""))


def pack_hash() -> str:
    """The hash of the chosen pack's description, as frame keys know it."""
    if getattr(preferences(), "core", "OWN") == "RUNNING":
        from . import running_cores

        return running_cores.pack_hash()
    chosen = getattr(preferences(), "pack", "")
    root = Path(__file__).resolve().parent.parent
    default = root / "inference_core" / "packs" / "default"
    return file_hash(
        Path(bpy.path.abspath(chosen)) / "pack.json" if chosen else default / "pack.json"
    )


def link_settings() -> CoreSettings:
    """Which core makes the frames: one of our own, or the chosen one that runs already.

    Raises SpeakError: core_start_failed, and as `running_core`.
    """
    running = running_core()
    if running is None:
        return core_settings()
    return CoreSettings(Path(), Path(), (), log_file(), running=running)


def core_settings() -> CoreSettings:
    """How to start a core of our own. Raises SpeakError(core_start_failed)."""
    chosen = preferences()
    override = bpy.path.abspath(getattr(chosen, "python", ""))
    root = Path(__file__).resolve().parent.parent
    python = Path(override) if override else interpreter.blender_python()
    if not override and (missing := interpreter.missing_packages()):
        version = ".".join(str(number) for number in sys.version_info[:2])
        reason = "{names} for Python {version} did not come with the extension"
        names = ", ".join(missing)
        raise SpeakError("core_start_failed", reason=reason, names=names, version=version)
    arguments: list[str] = []
    if threads := getattr(chosen, "threads", 0):
        arguments += ["--threads", str(threads)]
    if pack := getattr(chosen, "pack", ""):
        arguments += ["--pack", bpy.path.abspath(pack)]
    return CoreSettings(
        python=python,
        root=root,
        paths=() if override else tuple(interpreter.package_folders()),
        log=log_file(),
        arguments=tuple(arguments),
        serving=("--idle", str(60 * getattr(chosen, "idle_minutes", 15))),
        module=CORE_MODULE,
    )


CLASSES = (SPEAK_AP_preferences, SPEAK_OT_choose_python)
