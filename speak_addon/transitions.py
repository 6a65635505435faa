# SPDX-License-Identifier: GPL-3.0-or-later
"""`(state, event) -> (state, effects)`: the whole behaviour of a generation, without side effects.

No bpy, no files, no processes, no clock here; events bring the time. Tests call it with plain
asserts.
"""

from dataclasses import replace
from types import MappingProxyType

from . import effects as do
from . import events as on
from .state import Job, Link, Note, Outcome, Report, Stage, State

# A core that stops this often within this time is not started again until the user asks for it:
# a crash at start-up would otherwise repeat for ever.
CRASH_LIMIT = 3
CRASH_WINDOW = 60.0
# The core answers a cancel within 0.2 s. One that does not is ended.
CANCEL_DEADLINE = 3.0

Result = tuple[State, tuple[do.Effect, ...]]


def transition(state: State, event: on.Event) -> Result:
    """The state after `event` and what is to be done about it."""
    match event:
        case on.GenerateAsked():
            return _generate_asked(state, event)
        case on.Refused(shot, error):
            return _reported(state, shot, Report(Outcome.FAILED, error=error)), (do.Redraw(),)
        case on.CancelAsked(now):
            return _cancel_asked(state, now)
        case on.CheckAsked():
            cleared = replace(state, crashes=(), core_error=None)
            return _with_core(cleared)
        case on.Closing(now):
            ended, effects = _ended(state, Outcome.CANCELLED, now)
            stopped = replace(
                ended, link=Link.STOPPED, core=None, crashes=(), reports=MappingProxyType({})
            )
            return stopped, (*effects, do.StopCore())
        case on.Ticked(now):
            return _ticked(state, now)
        case on.CoreReady(facts):
            ready = replace(state, link=Link.READY, core=facts, core_error=None)
            return _advance_from_waiting(ready)
        case on.CoreLost():
            return _core_lost(state, event)
    return _in_job(state, event)


def _in_job(state: State, event: on.Event) -> Result:
    """Events that matter only to the job that waits for them."""
    job = state.job
    if job is None or not _concerns(job, event):
        return state, ()
    match event:
        case on.Gathering(_, stage, share):
            return replace(state, job=replace(job, stage=stage, share=share)), (do.Redraw(),)
        case on.Gathered(_, frames, notices):
            told = replace(job, stage=Stage.WAITING, share=0.0, frames=frames, notices=notices)
            return _with_core(replace(state, job=told))
        case on.RequestSent(_, request):
            return replace(state, job=replace(job, request=request)), ()
        case on.Noticed(_, notice):
            return replace(state, job=replace(job, notices=(*job.notices, notice))), ()
        case on.Planned(_, to_make):
            return _planned(state, job, to_make)
        case on.FrameMade(_, index, key, png, measured, now):
            first = now if job.first_at is None else job.first_at
            counted = replace(job, made=job.made + 1, first_at=first, last_at=now)
            write = do.WriteFrame(job.id, index, key, png, measured)
            return replace(state, job=counted), (write, do.Redraw())
        case on.Progressed(_, seconds_left):
            return replace(state, job=replace(job, seconds_left=seconds_left)), (do.Redraw(),)
        case on.RequestCancelled(_, now):
            return _ended(state, Outcome.CANCELLED, now)
        case on.RequestFailed(_, error, now):
            return _ended(state, Outcome.FAILED, now, error)
        case on.FolderClosed(_, now):
            return _ended(state, Outcome.DONE, now)
        case on.JobObstructed(_, error, now):
            return _obstructed(state, job, error, now)
    if job.cancelled_at is not None:
        # The answer was on its way when Cancel was pressed; nothing was running to be stopped.
        return _ended(state, Outcome.CANCELLED, job.cancelled_at)
    return _next_stage(state, job, event)


def _next_stage(state: State, job: Job, event: on.Event) -> Result:
    """An answer that moves the job on."""
    match event:
        case on.Prepared(_, portrait, own):
            moved = replace(job, stage=Stage.LISTENING, portrait=portrait, request=None)
            effects: tuple[do.Effect, ...] = (do.KeepOwn(job.id, own), do.SendListen(job.id))
        case on.Heard(_, voice):
            moved = replace(job, voice=voice, request=None)
            if job.auto:
                moved = replace(moved, stage=Stage.PROPOSING)
                effects = (do.SendPropose(job.id, job.portrait, voice),)
            else:
                moved = replace(moved, stage=Stage.KEYING)
                effects = (do.SendKeys(job.id, job.portrait, voice),)
        case on.Proposed(_, auto, keys):
            moved = replace(job, stage=Stage.KEYING, request=None)
            keep = do.KeepAuto(job.id, auto, keys)
            effects = (keep, do.SendKeys(job.id, job.portrait, job.voice))
        case on.Keyed(_, keys):
            moved = replace(job, request=None)
            effects = (do.PlanFrames(job.id, keys, state.core),)
        case on.AllMade():
            moved = replace(job, stage=Stage.FINISHED, request=None, seconds_left=0.0)
            effects = (do.CloseFolder(job.id),)
        case _:
            return state, ()
    return replace(state, job=moved), (*effects, do.Redraw())


def _concerns(job: Job, event: on.Event) -> bool:
    asked = getattr(event, "request", None)
    if isinstance(event, on.RequestSent) or asked is None:
        return getattr(event, "job", None) == job.id
    return asked == job.request


def _generate_asked(state: State, event: on.GenerateAsked) -> Result:
    if state.job is not None:
        return state, ()
    job = Job(event.job, event.shot, event.auto, event.frames, event.now, notices=event.notices)
    if not event.gathered:
        job = replace(job, stage=Stage.MIXING)
    reports = {shot: r for shot, r in state.reports.items() if shot != event.shot}
    asked = replace(state, job=job, last_job=event.job, reports=MappingProxyType(reports))
    recent = tuple(t for t in state.crashes if event.now - t < CRASH_WINDOW)
    if state.link is Link.STOPPED and len(recent) >= CRASH_LIMIT:
        return _ended(asked, Outcome.FAILED, event.now, _why_not_again(state, len(recent)))
    return _with_core(replace(asked, crashes=recent))


def _why_not_again(state: State, times: int) -> Note:
    """Why the core is not started once more: what kept it from starting, if that is known."""
    if state.core_error is not None and state.core_error.code == "core_start_failed":
        return state.core_error
    return Note("core_start_failed", {"reason": f"it stopped {times} times within a minute"})


def _with_core(state: State) -> Result:
    """Start the core if it is not there; go on with the job if it is."""
    match state.link:
        case Link.STOPPED:
            return replace(state, link=Link.STARTING), (do.StartCore(), do.Redraw())
        case Link.STARTING:
            return state, (do.Redraw(),)
    return _advance_from_waiting(state)


def _advance_from_waiting(state: State) -> Result:
    if state.job is None or state.job.stage is not Stage.WAITING:
        return state, (do.Redraw(),)
    job = replace(state.job, stage=Stage.PREPARING)
    return replace(state, job=job), (do.SendPrepare(job.id), do.Redraw())


def _planned(state: State, job: Job, to_make: int) -> Result:
    if job.cancelled_at is not None:
        return _ended(state, Outcome.CANCELLED, job.cancelled_at)
    if to_make == 0:
        done = replace(job, stage=Stage.FINISHED, to_make=0, seconds_left=0.0)
        return replace(state, job=done), (do.CloseFolder(job.id), do.Redraw())
    planned = replace(job, stage=Stage.GENERATING, to_make=to_make)
    send = do.SendGenerate(job.id, job.portrait, job.voice)
    return replace(state, job=planned), (send, do.Redraw())


def _cancel_asked(state: State, now: float) -> Result:
    job = state.job
    if job is None:
        return state, ()
    if job.request is None:
        return _ended(state, Outcome.CANCELLED, now)
    if job.cancelled_at is not None:
        return _ended_with_core(state, now)
    asked = replace(state, job=replace(job, cancelled_at=now))
    return asked, (do.SendCancel(job.request), do.Redraw())


def _obstructed(state: State, job: Job, error: Note, now: float) -> Result:
    if job.request is None or job.stage is Stage.FINISHED:
        return _ended(state, Outcome.FAILED, now, error)
    if job.trouble is not None:
        return state, ()
    stopping = replace(job, trouble=error, cancelled_at=now)
    return replace(state, job=stopping), (do.SendCancel(job.request), do.Redraw())


def _ticked(state: State, now: float) -> Result:
    job = state.job
    if job is None or job.cancelled_at is None or now - job.cancelled_at < CANCEL_DEADLINE:
        return state, ()
    return _ended_with_core(state, now)


def _ended_with_core(state: State, now: float) -> Result:
    """The core does not let go of the job: both end."""
    ended, effects = _ended(state, Outcome.CANCELLED, now)
    return replace(ended, link=Link.STOPPED, core=None), (*effects, do.StopCore())


def _core_lost(state: State, event: on.CoreLost) -> Result:
    crashes = (*state.crashes, event.now) if event.crashed else state.crashes
    lost = replace(state, link=Link.STOPPED, core=None, core_error=event.error, crashes=crashes)
    if lost.job is None:
        return lost, (do.StopCore(), do.Redraw())
    ended, effects = _ended(lost, Outcome.FAILED, event.now, event.error)
    return ended, (do.StopCore(), *effects)


def _ended(state: State, outcome: Outcome, now: float, error: Note | None = None) -> Result:
    """The job is over; what it made stays."""
    job = state.job
    if job is None:
        return state, ()
    if job.trouble is not None and outcome is not Outcome.DONE:
        outcome, error = Outcome.FAILED, job.trouble
    report = Report(
        outcome, job.made, max(0, job.frames - job.to_make) if outcome is Outcome.DONE else 0,
        now - job.started, error, job.notices, job.pace,
    )  # fmt: skip
    ended = _reported(replace(state, job=None), job.shot, report)
    if outcome is Outcome.DONE:
        return ended, (do.Redraw(),)
    return ended, (do.CloseFolder(job.id), do.Redraw())


def _reported(state: State, shot: str, report: Report) -> State:
    return replace(state, reports=MappingProxyType({**state.reports, shot: report}))
