# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on files beside the window: one thread, in order; what follows comes back to the main one.

Without bpy, and nothing given to it may touch bpy. A shot of ten thousand frames has a shot.json
that takes a second to write; the window is not to stand still meanwhile.
"""

import queue
import threading
import traceback
from collections.abc import Callable


class Background:
    """Runs what it is given, one after the other."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[Callable[[], Callable[[], None] | None] | None]
        self._todo = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._waiting = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is still to be done."""
        return not self._idle.is_set()

    def run(self, work: Callable[[], Callable[[], None] | None]) -> None:
        """Do some work soon; what it returns is called by `collect`, on the main thread."""
        with self._lock:
            self._waiting += 1
            self._idle.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="speak files", daemon=True)
            self._thread.start()
        self._todo.put(work)

    def collect(self) -> bool:
        """Call what finished work left behind; whether there was anything."""
        found = False
        while True:
            try:
                follow = self._done.get_nowait()
            except queue.Empty:
                return found
            follow()
            found = True

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until all is done: before the process, or the file, goes away."""
        self._idle.wait(seconds)

    def _work(self) -> None:
        while True:
            work = self._todo.get()
            if work is None:
                return
            try:
                follow = work()
            except Exception:
                traceback.print_exc()
                follow = None
            if follow is not None:
                self._done.put(follow)
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._idle.set()
