# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that either process prints, in one file of limited size.

The parent never gets a pipe to drain: what the control process, its worker and the native
libraries in them write to stdout and stderr goes through one pipe of our own into the file.
"""

import faulthandler
import logging
import os
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

MAX_BYTES = 1 << 20
KEPT = 2
MAX_LINE = 2000

log = logging.getLogger("speak.core")


def open_log(path: Path | None) -> None:
    """Send the log to `path` (None: nowhere) and this process's stdout and stderr to the log."""
    # A full disk must not end the core, nor fill stderr, which is read into this very log.
    logging.raiseExceptions = False
    handler: logging.Handler = logging.NullHandler()
    if path is not None:
        handler = RotatingFileHandler(
            path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace"
        )
    form = "%(asctime)s %(process)d %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    writing = drain("control")
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    faulthandler.enable(2)
    sys.excepthook = _log_exception
    threading.excepthook = lambda it: _log_exception(
        it.exc_type, it.exc_value or it.exc_type(), it.exc_traceback
    )


def drain(name: str) -> int:
    """The writing end of a new pipe whose lines go to the log until all its writers are gone."""
    reading, writing = os.pipe()

    def read() -> None:
        with open(reading, encoding="utf-8", errors="replace") as lines:
            while line := lines.readline(MAX_LINE):
                if text := line.rstrip():
                    log.info("%s: %s", name, text)

    threading.Thread(target=read, name=f"log of {name}", daemon=True).start()
    return writing


def _log_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    log.error("not caught", exc_info=(kind, error, trace))
