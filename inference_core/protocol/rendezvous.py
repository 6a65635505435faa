# SPDX-License-Identifier: GPL-3.0-or-later
"""Where cores that wait for any program of their user say that they run. Standard library only.

A core started with `serve --shared` writes one file, `<process>-<start>.json`, into a folder that
only its user can enter, and takes it away when it ends. The file holds the token, so whoever can
read it may use the core: folder and file are checked to be this user's and nobody else's to read
(on Windows the user's own application data folder is). Files of processes that are gone are taken
away by whoever looks next.
"""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from stat import S_IRWXG, S_IRWXO

from .channel import connect
from .errors import SpeakError
from .handshake import TOKEN_BYTES
from .version import PROTOCOL_VERSION

FOLDER = "speak-cores"
KNOCK_SECONDS = 0.3
MAX_BYTES = 16_384
TEXTS = ("transport", "address", "core", "pack", "pack_version", "pack_sha256", "machine", "token")


@dataclass(frozen=True, slots=True)
class Record:
    """A core as it says of itself. started: seconds since 1970. token: not shown by `repr`."""

    pid: int
    transport: str
    address: str
    protocol: int
    core: str
    pack: str
    pack_version: str
    pack_sha256: str
    started: float
    machine: str = field(default_factory=socket.gethostname)
    token: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What it is called by; another core never has the same."""
        return f"{self.pid}-{int(self.started)}"


@dataclass(frozen=True, slots=True)
class Found:
    """A core that was found, or what is wrong with it."""

    name: str
    record: Record | None
    problem: SpeakError | None = None


def folders() -> list[Path]:
    """Where such files may lie, the best place first."""
    home = Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return [(Path(local) if local else home / "AppData" / "Local") / FOLDER]
    if sys.platform == "darwin":
        return [home / "Library" / "Application Support" / FOLDER]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    # A core started from another session may know of a runtime folder that this one is not told.
    usual = f"/run/user/{os.getuid()}"
    places = [Path(place) for place in (runtime, usual) if place]
    return list(dict.fromkeys([place / FOLDER for place in (*places, home / ".cache")]))


def publish(record: Record) -> Path:
    """Write the file of a core; its path. Raises OSError when no folder takes it."""
    last: OSError | None = None
    for folder in folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_ours(folder):
                raise PermissionError(f"{folder.name} belongs to somebody else")
            return _write(folder / f"{record.name}.json", record)
        except OSError as error:
            last = error
    raise last or OSError("there is no folder")


def _write(path: Path, record: Record) -> Path:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(asdict(record), file)
    part.replace(path)
    return path


def listed(knock: bool = True) -> list[Found]:
    """The cores that run on this machine, the newest first, and those that cannot be used.

    knock: see whether somebody listens; else only, where that can be told, whether the process is
    there, which the core does not notice.
    """
    found: list[Found] = []
    for folder in folders():
        with contextlib.suppress(OSError):
            for path in folder.glob("*.json"):
                one = _look(path, folder, knock)
                if one is not None:
                    found.append(one)
    return sorted(found, key=lambda one: one.record.started if one.record else 0.0, reverse=True)


def find(name: str) -> Record:
    """A core by its name.

    Raises SpeakError: core_gone, core_not_ours, version_mismatch.
    """
    for one in listed():
        if one.name == name:
            if one.problem is not None:
                raise one.problem
            assert one.record is not None
            return one.record
    raise SpeakError("core_gone", name=name or "(none)")


def _look(path: Path, folder: Path, knock: bool) -> Found | None:
    """What a file says; None where no core is behind it. The file of one that is gone goes, too."""
    name = path.stem
    if not _is_ours(folder) or not _is_ours(path):
        return Found(name, None, SpeakError("core_not_ours", name=name))
    try:
        record = _record(path)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if record.machine != socket.gethostname():
        return None  # a home folder that several machines share
    if not runs(record.pid) or (knock and not _answers(record)):
        path.unlink(missing_ok=True)
        return None
    if record.protocol != PROTOCOL_VERSION:
        wrong = SpeakError("version_mismatch", ours=PROTOCOL_VERSION, theirs=record.protocol)
        return Found(name, record, wrong)
    return Found(name, record)


def _record(path: Path) -> Record:
    """Raises OSError, ValueError, TypeError or KeyError for what no core of ours has written."""
    with path.open("rb") as file:
        told = json.loads(file.read(MAX_BYTES))
    if not isinstance(told, Mapping):
        raise TypeError("no record")
    record = Record(
        **{name: str(told[name]) for name in TEXTS},
        pid=int(told["pid"]), protocol=int(told["protocol"]), started=float(told["started"]),
    )  # fmt: skip
    if len(bytes.fromhex(record.token)) != TOKEN_BYTES or record.transport not in ("unix", "tcp"):
        raise ValueError("no record")
    return record


def runs(pid: int) -> bool:
    """Whether a process is there; true where that cannot be told without harm."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _answers(record: Record) -> bool:
    """Whether somebody listens there; who that is, the handshake shows."""
    try:
        connect(record.transport, record.address, KNOCK_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def _is_ours(path: Path) -> bool:
    """Whether only this user can have written and can read it."""
    if os.name != "posix":
        return True
    facts = path.lstat()
    return facts.st_uid == os.getuid() and not facts.st_mode & (S_IRWXG | S_IRWXO)
