# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where effects happen: the core process, the shot's folder, the data of jobs."""

import traceback
from collections.abc import Callable
from time import monotonic

import numpy as np

from ..inference_core.protocol import messages
from ..inference_core.protocol.controls import COUNT
from ..inference_core.protocol.errors import SpeakError
from . import effects as do
from . import events as on
from . import requests, shot_record
from .background import Background
from .core_link import STOPPED, CoreLink, CoreSettings, note
from .job_data import JobData
from .layers import blend
from .requests import track_bytes
from .state import Note

# shot.json follows the frames this often, so that a crash of Blender loses little of it.
RECORD_SECONDS = 2.0
RECORD_SHARE = 0.05  # of the time at most


class EffectRunner:
    """Does effects and emits the events that they lead to."""

    def __init__(self, emit: Callable[[on.Event], None], settings: Callable[[], CoreSettings]):
        self._emit = emit
        self._settings = settings
        self.link = CoreLink()
        self.jobs: dict[int, JobData] = {}
        self.changed = False
        self._record_at = 0.0
        self.background = Background()

    def run(self, effect: do.Effect) -> None:
        """Do one effect."""
        match effect:
            case do.StartCore():
                self._start_core()
            case do.StopCore():
                self.link.stop()
            case do.Redraw():
                self.changed = True
            case do.SendCancel(request):
                self.link.cancel(request)
            case do.KeepOwn(job, own):
                self.jobs[job].own = np.frombuffer(own, "<f4").copy()
            case do.KeepAuto(job, auto, keys):
                self.jobs[job].auto = np.frombuffer(auto, "<f4").reshape(-1, COUNT).copy()
                self.jobs[job].auto_keys = np.frombuffer(keys, "<f4").reshape(-1, 4).copy()
            case do.PlanFrames():
                self._plan(effect)
            case do.WriteFrame():
                self._write_frame(effect)
            case do.CloseFolder(job):
                self._close_folder(job)
            case _:
                self._send(effect)

    def _start_core(self) -> None:
        try:
            self.link.start(self._settings())
        except SpeakError as error:
            self._emit(on.CoreLost(note(error), monotonic(), error.code in STOPPED))

    def _send(
        self,
        effect: do.SendPrepare | do.SendListen | do.SendPropose | do.SendKeys | do.SendGenerate,
    ) -> None:
        try:
            request = self.link.send(self._request(effect))
        except SpeakError as error:
            self._emit(on.JobObstructed(effect.job, note(error), monotonic()))
            return
        self._emit(on.RequestSent(effect.job, request))

    def _request(
        self,
        effect: do.SendPrepare | do.SendListen | do.SendPropose | do.SendKeys | do.SendGenerate,
    ) -> messages.Request:
        data = self.jobs[effect.job]
        speaker = data.speaker
        match effect:
            case do.SendPrepare():
                return requests.prepare(speaker)
            case do.SendListen():
                return requests.listen(speaker)
            case do.SendPropose(_, portrait, voice):
                return requests.propose(speaker, portrait, voice)
            case do.SendKeys(_, portrait, voice):
                data.portrait_key, data.voice_key = portrait, voice
                data.controls = blend(data.own, data.auto, data.edit, data.weights)
                return messages.keys(
                    portrait, voice, speaker.fps, track_bytes(data.controls), data.size,
                    speaker.seed, speaker.start, data.mark,
                )  # fmt: skip
            case do.SendGenerate(_, portrait, voice):
                return messages.generate(
                    portrait, voice, speaker.fps, track_bytes(data.controls), data.size,
                    speaker.seed, speaker.start, data.indices, data.mark, data.consent,
                )  # fmt: skip

    def _plan(self, effect: do.PlanFrames) -> None:
        data = self.jobs[effect.job]
        data.keys = effect.keys
        if effect.core is not None:
            core = effect.core
            data.pack = {
                "pack": core.pack, "version": core.pack_version, "sha256": core.pack_sha256,
            }  # fmt: skip
        self._beside(effect.job, lambda: self._looked_at(data, effect))

    def _looked_at(self, data: JobData, effect: do.PlanFrames) -> on.Event:
        """Compare the folder with the keys; beside the window, as a long shot has many files."""
        missing = data.folder.missing(effect.keys)
        data.needed = data.takes.needed()
        # What an earlier take has made need not be made again.
        missing = [i for i in missing if not data.takes.restore(i, effect.keys[i], data.needed)]
        data.there = set(range(len(effect.keys))) - set(missing)
        shot_record.recall_measured(data)
        # A frame that is there without its measurement (shot.json is gone) is made to be looked
        # at, but its file is not touched.
        known = np.isfinite(data.measured).all(axis=1)
        data.indices = tuple(
            index for index in range(len(known)) if index not in data.there or not known[index]
        )
        return on.Planned(effect.job, len(data.indices))

    def _write_frame(self, effect: do.WriteFrame) -> None:
        data = self.jobs[effect.job]
        self._beside(effect.job, lambda: self._written(data, effect))

    def _written(self, data: JobData, effect: do.WriteFrame) -> None:
        """Write a frame, and now and then shot.json; beside the window, as disks may be slow."""
        if effect.index not in data.there:
            data.takes.keep(effect.index, data.needed)
            data.folder.write_frame(effect.index, effect.png)
        data.measured[effect.index] = np.frombuffer(effect.measured, "<f4")
        data.there.add(effect.index)
        now = monotonic()
        if now > self._record_at:
            _recorded(data)
            # However long the shot, recording takes but a small part of the time.
            took = monotonic() - now
            self._record_at = monotonic() + max(RECORD_SECONDS, took / RECORD_SHARE)

    def _close_folder(self, job: int) -> None:
        data = self.jobs.get(job)
        if data is None:
            return  # it ended before its voice was mixed: there is nothing to write

        def close() -> on.Event:
            if data.keys:
                _recorded(data)
            return on.FolderClosed(job, monotonic())

        self._beside(job, close)

    def _beside(self, job: int, work: Callable[[], on.Event | None]) -> None:
        """Do something with the shot's files beside the window; its event comes with `collect`."""

        def guarded() -> Callable[[], None] | None:
            event: on.Event | None
            try:
                event = work()
            except SpeakError as error:
                event = on.JobObstructed(job, note(error), monotonic())
            except Exception as error:
                traceback.print_exc()
                trouble = Note("internal", {"reason": f"{type(error).__name__} in the add-on"})
                event = on.JobObstructed(job, trouble, monotonic())
            if event is None:
                return None
            return lambda: self._emit(event)

        self.background.run(guarded)


def _recorded(data: JobData) -> None:
    data.folder.write_shot(shot_record.facts(data))
