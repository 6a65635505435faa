# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments of this checkout: made on first use, left alone afterwards.

Standard library only, since it runs before anything is installed. An environment is a folder in
the repository and a list of requirement files; `ensure` installs those whose content is not yet
recorded in the folder's stamp, so a second run costs a few milliseconds, and a run that was
interrupted is simply continued by the next one.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scripts.terminal import Step

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
LOGS = ROOT / "build" / "logs"

# bpy is built for exactly one Python: 3.11 up to Blender 5.0, 3.13 from 5.1 on.
PYTHON = (3, 11)
PIP = "pip==26.3"  # 24.1 and later report a download's progress in a form that can be read


@dataclass(frozen=True)
class Environment:
    """A folder in the repository and the requirement files that it must hold."""

    folder: str
    requirements: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where the environment lies."""
        return ROOT / self.folder

    @property
    def python(self) -> Path:
        """Its interpreter."""
        if os.name == "nt":
            return self.path / "Scripts" / "python.exe"
        return self.path / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Which requirement files are installed, with the hash of each."""
        return self.path / "speak-installed.json"


# The demo's environment holds Blender but not onnxruntime: the core must live on the wheels
# that the extension's zip carries.
DEMO = Environment(".venv", ("demo.txt",))
DEV = Environment(".venv", ("demo.txt", "dev.txt"))
BPY45 = Environment(".venv-bpy45", ("bpy45.txt",))


def python_command() -> list[str]:
    """The command of a Python of the version that bpy needs.

    Raises SystemExit with a sentence when there is none.
    """
    if sys.version_info[:2] == PYTHON:
        return [sys.executable]
    name = f"python{PYTHON[0]}.{PYTHON[1]}"
    if found := shutil.which(name):
        return [found]
    if os.name == "nt" and (launcher := shutil.which("py")):
        command = [launcher, f"-{PYTHON[0]}.{PYTHON[1]}"]
        if subprocess.run([*command, "-V"], capture_output=True, check=False).returncode == 0:
            return command
    raise SystemExit(
        f"Blender's Python module needs Python {PYTHON[0]}.{PYTHON[1]}, this is Python "
        f"{sys.version_info[0]}.{sys.version_info[1]}. Install it from python.org (or as "
        f"'{name}' from your system) and run this again; it is found by itself."
    )


def clean_variables(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment without what would point a child at another Python's packages."""
    drop = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", **(extra or {})}


def file_hash(path: Path) -> str:
    """sha256 of a file's content, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recorded(environment: Environment) -> dict[str, str]:
    """Requirement file -> hash of what was installed; empty when nothing is recorded."""
    try:
        content = json.loads(environment.stamp.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def outdated(environment: Environment) -> list[str]:
    """The requirement files that are not installed as they stand now."""
    have = recorded(environment) if environment.python.exists() else {}
    return [
        name
        for name in environment.requirements
        if have.get(name) != file_hash(REQUIREMENTS / name)
    ]


def ensure(environment: Environment) -> float:
    """Make the environment hold its requirements; returns the seconds this took, 0 when none.

    Raises SystemExit with a sentence when Python or the network are not up to it.
    """
    todo = outdated(environment)
    if not todo:
        return 0.0
    started = time.monotonic()
    if not _has_pip(environment):
        with Step(f"Making {environment.folder}"):
            _create(environment)
        _pip_install(environment, "Updating pip", [PIP])
    have = recorded(environment)
    for name in todo:
        _pip_install(environment, f"Installing {name}", ["-r", str(REQUIREMENTS / name)])
        have[name] = file_hash(REQUIREMENTS / name)
        part = environment.stamp.with_suffix(".part")
        part.write_text(json.dumps(have, indent=1), "utf-8")
        part.replace(environment.stamp)
    return time.monotonic() - started


def _has_pip(environment: Environment) -> bool:
    if not environment.python.exists():
        return False
    command = [str(environment.python), "-c", "import pip"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _create(environment: Environment) -> None:
    if environment.path.exists():  # left by an interrupted run
        shutil.rmtree(environment.path)
    command = [*python_command(), "-m", "venv", str(environment.path)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=clean_variables()
    )
    if result.returncode != 0:
        raise SystemExit(
            f"Python could not make a virtual environment: {_last_line(result)} "
            f"On Debian and Ubuntu, 'sudo apt-get install python{PYTHON[0]}.{PYTHON[1]}-venv' "
            "brings the missing part."
        )


def _last_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
    return lines[-1] if lines else f"it ended with code {result.returncode}."


def _pip_install(environment: Environment, title: str, arguments: list[str]) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"pip{environment.folder}-{re.sub('[^a-z0-9]+', '-', title.lower())}.log"
    command = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check"]
    if title != "Updating pip":
        command.append("--progress-bar=raw")
    with Step(title) as step, log.open("w", encoding="utf-8") as record:
        with subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=clean_variables(),
        ) as process:
            assert process.stdout is not None
            for detail in progress(_recorded_lines(process.stdout, record)):
                step.show(detail)
        record.flush()
        if process.returncode != 0:
            tail = log.read_text("utf-8").splitlines()[-12:]
            raise SystemExit(
                "\n".join(tail)
                + f"\npip could not install {' '.join(arguments)} (the whole output: {log}). "
                "Check the network and the free space (about 3 GB), then run this again; it "
                "goes on where it stopped."
            )


def _recorded_lines(lines: Iterable[str], record: IO[str]) -> Iterator[str]:
    for line in lines:
        record.write(line)
        yield line.rstrip("\n")


def progress(lines: Iterable[str]) -> Iterator[str]:
    """pip's output with `--progress-bar=raw` as short sentences on what it does now."""
    what = ""
    for line in lines:
        text = line.strip()
        if match := re.match(r"(Collecting|Downloading|Using cached) (\S+)", text):
            file = match[2].rsplit("/", 1)[-1]
            what = re.split(r"[;(=<>~!]|-\d", file, maxsplit=1)[0] or file
            yield f"{match[1].lower()} {what}"
        elif match := re.fullmatch(r"Progress (\d+) of (\d+)", text):
            done, total = (int(value) / 1e6 for value in match.groups())
            yield f"downloading {what}: {done:.0f} of {total:.0f} MB"
        elif text.startswith("Installing collected packages:"):
            yield f"unpacking {text.count(',') + 1} packages"
