# SPDX-License-Identifier: GPL-3.0-or-later
"""State, effect runner and the pump that drives them: one per Blender.

`dispatch` is the only place where the state changes. In a window a timer calls `pump`; in the
background, where timers do not fire, an operator calls it by hand.
"""

import traceback
from collections import deque
from collections.abc import Callable
from time import monotonic

from . import effects as do
from . import events as on
from .baseline import Baseline, Changes
from .core_link import CoreSettings
from .effect_runner import EffectRunner
from .job_data import JobData, Speaker
from .preview import Preview
from .state import Job, Link, Note, Report, State
from .transitions import transition

# One call of the pump takes no longer than this, so that the window stays alive.
BUDGET_SECONDS = 0.01


class Session:
    """What runs in this Blender."""

    def __init__(
        self, settings: Callable[[], CoreSettings], introduce: Callable[[str], Speaker | None]
    ) -> None:
        self.state = State()
        self.runner = EffectRunner(self.dispatch, settings)
        self.preview = Preview(self.runner.link.send, introduce)
        # By shot: what its frames were made from, and how many an edit touches. By size: seconds
        # per frame.
        self.baselines: dict[str, Baseline] = {}
        self.changes: dict[str, Changes] = {}
        self.paces: dict[int, float] = {}
        # The shot whose changed frames are being counted, once that takes long enough to be said.
        self.counting = ""
        self._events: deque[on.Event] = deque()
        self._dispatching = False

    def dispatch(self, event: on.Event) -> None:
        """Let an event happen, and everything that follows from it at once."""
        self._events.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._events:
                self.state, effects = transition(self.state, self._events.popleft())
                for effect in effects:
                    self._run(effect)
        finally:
            self._dispatching = False

    def _run(self, effect: do.Effect) -> None:
        """Do an effect; one that fails by a mistake of ours ends the job, not the session."""
        if isinstance(effect, do.StartCore | do.StopCore):
            self.preview.forget()
        try:
            self.runner.run(effect)
        except Exception as error:
            traceback.print_exc()
            job = self.state.job
            if job is not None:
                trouble = Note("internal", {"reason": f"{type(error).__name__} in the add-on"})
                self._events.append(on.JobObstructed(job.id, trouble, monotonic()))

    def pump(self, budget: float = BUDGET_SECONDS) -> None:
        """Take what the core has sent and let time pass."""
        until = monotonic() + budget
        while events := self.runner.link.poll(limit=1):
            for event in events:
                if not self.preview.take(event):
                    self.dispatch(event)
            if monotonic() > until:
                break
        self.runner.background.collect()
        self.dispatch(on.Ticked(monotonic()))
        if self.state.link is Link.READY and self.state.job is None:
            self.preview.advance()

    def generate(self, data: JobData, notices: tuple[Note, ...] = ()) -> int:
        """Start a job; its number."""
        number = self.state.last_job + 1
        self.runner.jobs = {number: data}
        asked = on.GenerateAsked(
            number, data.shot, data.frames.count, data.use_auto, monotonic(), notices
        )
        self.dispatch(asked)
        return number

    def expect(self, shot: str, use_auto: bool) -> int:
        """Start a job whose data `gathered` gives later; its number."""
        number = self.state.last_job + 1
        self.runner.jobs = {}
        self.dispatch(on.GenerateAsked(number, shot, 0, use_auto, monotonic(), gathered=False))
        return number

    def gathered(self, number: int, data: JobData, notices: tuple[Note, ...]) -> None:
        """Give the data of a job that was expected."""
        self.runner.jobs = {number: data}
        self.dispatch(on.Gathered(number, data.frames.count, notices))

    def job_of(self, shot: str) -> Job | None:
        """The running job if it is this shot's."""
        job = self.state.job
        return job if job is not None and job.shot == shot else None

    def report_of(self, shot: str) -> Report | None:
        """How this shot's last job ended."""
        return self.state.reports.get(shot)

    def take_data(self, job: int) -> JobData | None:
        """The data of a job that ended; it is given away once."""
        data = self.runner.jobs.pop(job, None)
        if data is not None:
            self._remember(data)
        return data

    def _remember(self, data: JobData) -> None:
        """Keep what an edit will be compared with."""
        baseline, report = data.baseline(), self.report_of(data.shot)
        self.preview.learn(data)
        if baseline is not None:
            self.baselines[data.shot] = baseline
        self.changes.pop(data.shot, None)
        if report is not None and report.pace is not None:
            self.paces[data.size] = report.pace

    def take_changed(self) -> bool:
        """Whether panels must be drawn again since the last call."""
        changed, self.runner.changed = self.runner.changed, False
        return changed

    def close(self) -> None:
        """Cancel what runs and end the core."""
        self.dispatch(on.Closing(monotonic()))
        self.runner.background.settle()
        self.baselines.clear()
        self.changes.clear()
        self.counting = ""
