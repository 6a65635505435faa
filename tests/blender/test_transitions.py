# SPDX-License-Identifier: GPL-3.0-or-later
"""The behaviour of a generation, event by event; no Blender, no files, no processes."""

from speak.speak_addon import effects as do
from speak.speak_addon import events as on
from speak.speak_addon.state import CoreFacts, Link, Note, Outcome, Stage, State
from speak.speak_addon.transitions import CANCEL_DEADLINE, CRASH_LIMIT, transition

FACTS = CoreFacts("pack", "0.1.0", "ab", (256, 512), True, ("CPU",))
KEYS = ("k0", "k1", "k2")


def after(state, *events):
    """The state after events, and all effects of the last one."""
    effects: tuple[do.Effect, ...] = ()
    for event in events:
        state, effects = transition(state, event)
    return state, [effect for effect in effects if not isinstance(effect, do.Redraw)]


def asked(now=10.0, auto=True, job=1):
    return on.GenerateAsked(job, "shot", 3, auto, now)


def ready(**job):
    return after(State(), asked(**job), on.CoreReady(FACTS), on.RequestSent(1, 100))


def generating():
    """Three frames, one of them on the disk already."""
    state, _ = ready()
    state, _ = after(state, on.Prepared(100, "p", b"own"), on.RequestSent(1, 101))
    state, _ = after(state, on.Heard(101, "v"), on.RequestSent(1, 102))
    state, _ = after(state, on.Proposed(102, b"auto", b"keys"), on.RequestSent(1, 103))
    return after(state, on.Keyed(103, KEYS), on.Planned(1, 2), on.RequestSent(1, 104))[0]


def expected():
    """The voice is still being mixed."""
    return after(State(), on.GenerateAsked(1, "shot", 0, True, 10.0, gathered=False))


def test_the_core_starts_while_the_voice_is_mixed():
    state, effects = expected()
    assert (state.job.stage, effects) == (Stage.MIXING, [do.StartCore()])
    state, effects = after(state, on.CoreReady(FACTS))
    assert effects == []
    assert state.job.stage is Stage.MIXING
    state, effects = after(state, on.Gathered(1, 3, (Note("portrait_cmyk"),)))
    assert effects == [do.SendPrepare(1)]
    assert (state.job.frames, state.job.notices) == (3, (Note("portrait_cmyk"),))
    # The other way round the voice waits for the core.
    state, effects = after(expected()[0], on.Gathered(1, 3))
    assert effects == []
    assert state.job.stage is Stage.WAITING
    assert after(state, on.CoreReady(FACTS))[1] == [do.SendPrepare(1)]


def test_what_is_read_for_a_job_moves_its_bar():
    state, _ = expected()
    bars = [state.job.fraction]
    for stage, share in ((Stage.READING, 0.0), (Stage.READING, 0.5), (Stage.READING, 1.0)):
        state, _ = after(state, on.Gathering(1, stage, share))
        assert state.job.stage is stage
        bars.append(state.job.fraction)
    state, _ = after(state, on.CoreReady(FACTS), on.Gathered(1, 3))
    bars.append(state.job.fraction)
    assert bars == sorted(bars)
    assert state.job.share == 0.0
    assert after(expected()[0], on.Gathering(2, Stage.READING, 0.5))[0].job.share == 0.0


def test_what_ends_while_the_voice_is_mixed_ends_at_once():
    state, _ = after(expected()[0], on.CancelAsked(11.0))
    assert state.job is None
    assert state.reports["shot"].outcome is Outcome.CANCELLED
    assert after(state, on.Gathered(1, 3))[0].job is None
    gone = Note("strip_missing", {"name": "Voice"})
    state, _ = after(expected()[0], on.JobObstructed(1, gone, 11.0))
    assert state.reports["shot"].error == gone


def test_each_answer_asks_for_the_next_thing():
    state, effects = after(State(), asked())
    assert (state.link, effects) == (Link.STARTING, [do.StartCore()])
    state, effects = after(state, on.CoreReady(FACTS))
    assert effects == [do.SendPrepare(1)]
    state, effects = after(state, on.RequestSent(1, 100), on.Prepared(100, "p", b"own"))
    assert effects == [do.KeepOwn(1, b"own"), do.SendListen(1)]
    state, effects = after(state, on.RequestSent(1, 101), on.Heard(101, "v"))
    assert effects == [do.SendPropose(1, "p", "v")]
    state, effects = after(state, on.RequestSent(1, 102), on.Proposed(102, b"auto", b"keys"))
    assert effects == [do.KeepAuto(1, b"auto", b"keys"), do.SendKeys(1, "p", "v")]
    state, effects = after(state, on.RequestSent(1, 103), on.Keyed(103, KEYS))
    assert effects == [do.PlanFrames(1, KEYS, FACTS)]
    state, effects = after(state, on.Planned(1, 2))
    assert effects == [do.SendGenerate(1, "p", "v")]
    made = on.FrameMade(104, 2, "k2", b"png", b"m", 5.0)
    state, effects = after(state, on.RequestSent(1, 104), made)
    assert effects == [do.WriteFrame(1, 2, "k2", b"png", b"m")]
    assert 0.1 < state.job.fraction < 1
    state, effects = after(state, on.AllMade(104, 15.0))
    assert effects == [do.CloseFolder(1)]
    state, effects = after(state, on.FolderClosed(1, 16.0))
    report = state.reports["shot"]
    assert (state.job, effects) == (None, [])
    assert (report.outcome, report.made, report.kept, report.seconds) == (Outcome.DONE, 1, 1, 6.0)


def test_without_the_auto_layer_nothing_is_proposed():
    state, _ = ready(auto=False)
    state, _ = after(state, on.Prepared(100, "p", b"own"), on.RequestSent(1, 101))
    _, effects = after(state, on.Heard(101, "v"))
    assert effects == [do.SendKeys(1, "p", "v")]


def test_nothing_is_sent_when_every_frame_is_there():
    state, _ = ready(auto=False)
    state, _ = after(state, on.Prepared(100, "p", b"own"), on.RequestSent(1, 101))
    state, _ = after(state, on.Heard(101, "v"), on.RequestSent(1, 102), on.Keyed(102, KEYS))
    state, effects = after(state, on.Planned(1, 0))
    assert effects == [do.CloseFolder(1)]
    state, _ = after(state, on.FolderClosed(1, 11.0))
    assert (state.reports["shot"].made, state.reports["shot"].kept) == (0, 3)


def test_stale_answers_change_nothing():
    state = generating()
    stale = [
        on.FrameMade(99, 0, "k", b"", b"", 5.0),
        on.AllMade(103, 0.0),
        on.RequestFailed(102, Note("internal"), 0.0),
        on.Planned(7, 0),
        on.FolderClosed(7, 0.0),
        on.Progressed(99, 1.0),
    ]
    for event in stale:
        assert after(state, event) == (state, []), event


def test_a_second_generate_waits_for_nobody():
    state = generating()
    assert after(state, asked(job=2)) == (state, [])


def test_cancel_asks_the_core_and_ends_with_its_answer():
    state, effects = after(generating(), on.CancelAsked(20.0))
    assert effects == [do.SendCancel(104)]
    state, effects = after(state, on.RequestCancelled(104, 20.1))
    assert effects == [do.CloseFolder(1)]
    assert state.reports["shot"].outcome is Outcome.CANCELLED
    assert state.link is Link.READY


def test_an_answer_that_crosses_the_cancel_ends_the_job():
    state, _ = ready()
    state, _ = after(state, on.CancelAsked(20.0))
    state, effects = after(state, on.Prepared(100, "p", b"own"))
    assert (state.job, effects) == (None, [do.CloseFolder(1)])


def test_cancel_while_the_core_starts_leaves_it_to_start():
    state, _ = after(State(), asked(), on.CancelAsked(11.0))
    assert (state.job, state.link) == (None, Link.STARTING)
    state, effects = after(state, on.CoreReady(FACTS))
    assert (state.link, effects) == (Link.READY, [])


def test_a_core_that_ignores_cancel_is_ended():
    state, _ = after(generating(), on.CancelAsked(20.0))
    assert after(state, on.Ticked(20.0 + CANCEL_DEADLINE - 0.1)) == (state, [])
    state, effects = after(state, on.Ticked(20.0 + CANCEL_DEADLINE))
    assert effects == [do.CloseFolder(1), do.StopCore()]
    assert (state.link, state.job) == (Link.STOPPED, None)


def test_a_second_cancel_does_not_wait():
    state, effects = after(generating(), on.CancelAsked(20.0), on.CancelAsked(20.5))
    assert do.StopCore() in effects
    assert state.job is None


def test_a_full_disk_stops_the_core_and_says_so():
    full = Note("disk_full")
    state, effects = after(generating(), on.JobObstructed(1, full, 20.0))
    assert effects == [do.SendCancel(104)]
    assert after(state, on.JobObstructed(1, full, 20.0)) == (state, [])
    state, _ = after(state, on.RequestCancelled(104, 20.1))
    assert (state.reports["shot"].outcome, state.reports["shot"].error) == (Outcome.FAILED, full)


def test_a_folder_that_cannot_be_closed_fails_the_job():
    state, _ = after(generating(), on.AllMade(104, 15.0))
    state, _ = after(state, on.JobObstructed(1, Note("disk_full"), 20.0))
    assert state.job is None
    assert state.reports["shot"].error == Note("disk_full")


def test_a_lost_core_fails_the_job_and_the_next_generate_starts_another():
    lost = Note("core_lost")
    state, effects = after(generating(), on.CoreLost(lost, 20.0))
    assert effects == [do.StopCore(), do.CloseFolder(1)]
    assert state.reports["shot"].error == lost
    state, effects = after(state, asked(now=21.0, job=2))
    assert effects == [do.StartCore()]
    assert "shot" not in state.reports


def test_a_core_that_stops_again_and_again_is_left_alone_until_asked_for():
    state = State()
    for number in range(CRASH_LIMIT):
        state, effects = after(state, asked(now=10.0 + number, job=number + 1))
        assert effects == [do.StartCore()]
        state, _ = after(state, on.CoreLost(Note("core_lost"), 10.5 + number))
    refused, effects = after(state, asked(now=14.0, job=9))
    assert do.StartCore() not in effects
    assert refused.reports["shot"].error.code == "core_start_failed"
    _, effects = after(refused, on.CheckAsked())
    assert effects == [do.StartCore()]
    _, effects = after(state, asked(now=200.0, job=9))
    assert effects == [do.StartCore()]


def test_a_refused_pack_says_why_every_time():
    state = State()
    for number in range(CRASH_LIMIT + 2):
        state, effects = after(state, asked(now=10.0 + number, job=number + 1))
        assert effects == [do.StartCore()]
        lost = on.CoreLost(Note("pack_damaged", {"name": "frame.onnx"}), 10.5, crashed=False)
        state, _ = after(state, lost)
        assert state.reports["shot"].error.code == "pack_damaged"


def test_closing_the_file_ends_job_core_and_reports():
    state, effects = after(generating(), on.Closing(30.0))
    assert effects == [do.CloseFolder(1), do.StopCore()]
    assert (state.job, state.link, dict(state.reports)) == (None, Link.STOPPED, {})


def test_notices_are_collected_and_reported():
    several = Note("portrait_several_faces", {"count": 2})
    state, _ = ready()
    state, _ = after(state, on.Noticed(100, several))
    state, _ = after(state, on.RequestFailed(100, Note("portrait_no_face"), 12.0))
    assert state.reports["shot"].notices == (several,)


def test_progress_never_runs_backwards():
    fractions = []
    state, _ = ready()
    for event in (
        on.Prepared(100, "p", b""), on.RequestSent(1, 101), on.Heard(101, "v"),
        on.RequestSent(1, 102), on.Proposed(102, b"", b""), on.RequestSent(1, 103),
        on.Keyed(103, KEYS), on.Planned(1, 2), on.RequestSent(1, 104),
        on.FrameMade(104, 0, "k0", b"", b"", 5.0), on.FrameMade(104, 2, "k2", b"", b"", 5.0),
        on.AllMade(104, 20.0),
    ):  # fmt: skip
        state, _ = after(state, event)
        fractions.append(state.job.fraction)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert state.job.stage is Stage.FINISHED
