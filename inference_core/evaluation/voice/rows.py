# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice's lines of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.face_shapes import ARKIT
from inference_core.runtime.mouth import PP, SIL, viseme_weights
from inference_core.runtime.pack import VOICE
from inference_core.runtime.rig_curves import arkit_of
from inference_core.runtime.voice import CONTENT_RATE, Heard, Session, at_frames, hear

from ..bench import Bench, Row, Strip, unavailable
from . import hard_cases, recordings, seen, speed, synthetic
from .agreement import NOTHING, Agreement, closures, compare
from .plot import plot
from .recordings import Recording

RATES = (24, 25, 30, 60)
JUDGE = "pocketsphinx (pip install)"
_FRAMES = "frames right against PocketSphinx's alignment: phones / visemes; boundary error"


@dataclass(frozen=True, slots=True)
class Material:
    """What people say: one recording, and prompts by another person.

    tools: other lip-sync tools to be measured beside ours.
    """

    speech: Recording | None
    prompts: list[Recording]
    tools: tuple[speed.Tool, ...] = ()


def material(
    speech: Path | None,
    words: str | None,
    prompts: Path | None,
    texts: Path | None,
    quick: bool,
    tools: Sequence[Path] = (),
) -> Material:
    """Read and align it; `tools` are folders of other lip-sync tools.

    ImportError without PocketSphinx, FileNotFoundError for a folder without a tool.
    """
    said = recordings.speech(speech, words) if speech and words else None
    more = recordings.prompts(prompts, texts, 8 if quick else 80) if prompts and texts else []
    return Material(said, more, tuple(speed.tool_in(folder) for folder in tools))


def _shut(heard: Heard) -> NDArray[np.bool_]:
    """Where the lips are asked to be shut: pressed, or at rest as before a word's first p."""
    found: NDArray[np.bool_] = heard.content[:, PP] + heard.content[:, SIL] > 0.8
    return found


def _agreement(session: Session, parts: Sequence[Recording]) -> Agreement:
    total = NOTHING
    for part in parts:
        heard = hear(session, part.samples)
        total += compare(heard.phones, _shut(heard), part.phones, len(heard.content))
    return total


def unseen(session: Session, quick: bool) -> list[Row]:
    """Synthetic voices and languages that training never heard."""
    what, goal = "phone frames / viseme frames right", "> 80 % / > 88 %"
    found = synthetic.measure(session, quick)
    names = {
        "unseen_voice": "unseen synthetic voices (flite awb, four of espeak-ng's)",
        "without_scot": "the same without awb, a Scot with American labels",
        "unseen_language": "unseen languages (espeak-ng hu, pl; unseen voices)",
    }
    if found is None:
        return [unavailable(what, "unseen synthetic voices", goal, synthetic.NEEDS)]
    return [
        Row(
            what,
            f"{names[part]}, {told['seconds']:.0f} s",
            f"{told['phones']:.1%} / {told['visemes']:.1%}; p b m heard as one of them "
            f"{told['closed']:.1%}, other frames taken for one {told['false']:.2%}",
            goal,
            told["phones"] > 0.8 and told["visemes"] > 0.88,
            dict(told),
        )
        for part, told in found.items()
    ]


def people(session: Session, given: Material) -> list[Row]:
    """Frames, boundaries and shut lips against the alignment."""
    rows = []
    named = [(given.speech.name, [given.speech])] if given.speech else []
    if given.prompts:
        named.append((f"{len(given.prompts)} prompts", given.prompts))
    for name, parts in named:
        found = _agreement(session, parts)
        on = f"{name}, {found.frames / CONTENT_RATE:.0f} s"
        numbers = {
            "phones": found.phone_share,
            "visemes": found.viseme_share,
            "boundary": found.boundary_error,
            "boundaries_found": found.found_share,
            "shut": found.shut_share,
            "falsely_shut": found.false_share,
        }
        rows.append(
            Row(
                _FRAMES,
                on,
                f"{found.phone_share:.1%} / {found.viseme_share:.1%}; median "
                f"{found.boundary_error * 1000:.0f} ms ({found.found_share:.0%} of the boundaries "
                "have one of their kind within 150 ms)",
                "viseme frames > 65 %, boundary error median < 40 ms",
                found.viseme_share > 0.65 and found.boundary_error < 0.04,
                numbers,
            )
        )
        rows.append(
            Row(
                "lips asked to shut within 60 ms of each p, b, m (curves)",
                on,
                f"{found.shut_share:.1%} of {found.lips}; shut during other sounds far from any: "
                f"{found.false_share:.1%} of frames",
                "> 90 %",
                found.shut_share > 0.9,
                numbers,
            )
        )
    return rows


def _asked_opening(phones: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """How far the jaw opens for aligned phones, at 50 Hz [frames]."""
    shapes = arkit_of(viseme_weights(phones, frames))
    return shapes[:, ARKIT.index("jawOpen")].astype(np.float64)


def openings(session: Session, speech: Recording) -> Row:
    """Opening of the lips against that of the aligned vowels at several frame rates (curves)."""
    heard = hear(session, speech.samples)
    wanted = _asked_opening(speech.phones, len(heard.content))
    parts, numbers, good = [], {}, True
    for rate in RATES:
        fps, count = Fraction(rate), int(len(heard.content) / CONTENT_RATE * rate)
        jaw = arkit_of(at_frames(heard.content, fps, count))[:, ARKIT.index("jawOpen")]
        exact = at_frames(wanted.astype(np.float32), fps, count)
        shift, r = seen.best_shift(exact.astype(np.float64), jaw.astype(np.float64))
        parts.append(f"{rate} fps: r {r:.2f}, shift {shift}")
        numbers[str(rate)] = {"r": r, "shift": shift}
        good = good and r > 0.7 and abs(shift) <= 1
    return Row(
        "lip opening against the aligned vowels, best shift (curves)",
        speech.name,
        "; ".join(parts),
        "r > 0.7, shift within 1 frame",
        good,
        numbers,
    )


def cases(
    session: Session, speech: Recording, bench_tables: list[tuple[str, list[list[str]]]]
) -> Row:
    """Hard cases: a table, and whether the mouth keeps still where nobody speaks."""
    found = hard_cases.measure(session, speech.samples)
    lines = [["sound", "somebody speaks", "frames with a moving mouth", "phones per second"]]
    calm = True
    for name, (moving, pace, spoken) in found.items():
        lines.append([name, "yes" if spoken else "no", f"{moving:.0%}", f"{pace:.1f}"])
        if not spoken:
            calm = calm and moving < hard_cases.CALM_SHARE and pace < hard_cases.CALM_PACE
    bench_tables.append(("Voice: hard cases", lines))
    worst = max((moving for moving, _, spoken in found.values() if not spoken), default=0.0)
    return Row(
        "silence, noise and music: a still mouth",
        f"made from {speech.name}; table in the page",
        f"mouth moves on {worst:.1%} of frames at most where nobody speaks",
        f"no chatter: < {hard_cases.CALM_SHARE:.0%} of frames",
        calm,
        {name: {"moving": m, "pace": p} for name, (m, p, _) in found.items()},
    )


def finished_frames(bench: Bench, given: Material, out: Path, quick: bool) -> list[Row]:
    """The lips in finished frames: shut at p, b, m, open at vowels, the same in another mood."""
    what = "lips seen shut within 60 ms of each aligned p, b, m (finished frames, 25 fps)"
    goal = "> 90 %"
    if bench.judge is None or not bench.samples:
        return [unavailable(what, "speech", goal, "mediapipe==0.10.21 by --judge FOLDER")]
    session = bench.engine.pack.session(VOICE)
    spoken: list[Recording] = [given.speech] if given.speech else []
    labial = sorted(given.prompts, key=lambda p: -len(p.lips) / (len(p.samples) / 16_000 + 1))[:5]
    if labial and not quick:
        spoken.append(recordings.joined(labial, f"{len(labial)} prompts rich in p, b, m"))
    rows: list[Row] = []
    people_ = bench.samples[:1] if quick else bench.samples[:2]
    for number, recording in enumerate(spoken):
        for subject in people_ if number == 0 else people_[:1]:
            rest = seen.speak(bench, subject, recording, {}, None)
            happy = seen.speak(bench, subject, recording, {"happy": 0.8}, rest)
            on = f"{recording.name}, {subject.name}"
            shares = {}
            for mood, said in (("at rest", rest), ("happy 0.8", happy)):
                times = np.arange(len(said.gap)) / float(seen.FPS)
                met, far = closures(said.shut, times, recording.lips)
                wrong = float(
                    (said.shut & far & _talking(recording, times)).sum() / max(far.sum(), 1)
                )
                shares[mood] = (float(np.mean(met)) if met else float("nan"), wrong)
                rows.append(
                    Row(
                        what,
                        f"{on}, {mood}",
                        f"{shares[mood][0]:.0%} of {len(met)}; shut during other sounds: "
                        f"{wrong:.1%} of frames",
                        goal,
                        shares[mood][0] > 0.9,
                        {"shut": shares[mood][0], "lips": len(met), "wrong": wrong},
                    )
                )
            heard = hear(session, recording.samples)
            wanted = _asked_opening(recording.phones, len(heard.content)).astype(np.float32)
            exact = at_frames(wanted, seen.FPS, len(rest.gap)).astype(np.float64)
            shift, r = seen.best_shift(exact, rest.gap)
            rows.append(
                Row(
                    "lip opening against the aligned vowels, best shift (finished frames)",
                    on,
                    f"r {r:.2f}, shift {shift} of 1/25 s",
                    "r > 0.7, shift within 1 frame",
                    r > 0.7 and abs(shift) <= 1,
                    {"r": r, "shift": shift},
                )
            )
            moved, late = seen.bent(rest, happy)
            rows.append(
                Row(
                    "emotion changed under the same words: motion of the mouth (M-LMD)",
                    f"{on}, happy 0.8 against rest",
                    f"{moved:.2f} px; a shift by one frame makes {late:.2f} px",
                    "below a 1-frame shift",
                    moved < late,
                    {"changed": moved, "one_frame": late},
                )
            )
            plot(recording.samples, heard, recording.phones,
                 out / f"voice_{recording.name.split(',')[0].replace(' ', '_')}_{subject.name}.png",
                 rest.opening)  # fmt: skip
            bench.strips += _closure_strips(recording, rest, happy, on)
    return rows


def _talking(recording: Recording, times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a phone that is no silence is being said, at `times` in seconds."""
    found = np.zeros(len(times), bool)
    for start, end, index in recording.phones:
        if index > 0:
            found |= (times >= start) & (times < end)
    return found


def _closure_strips(
    recording: Recording, rest: seen.Spoken, happy: seen.Spoken, on: str
) -> list[Strip]:
    """Five frames around each of the first p, b, m, as mouths to look at."""
    strips = []
    for start, end, _ in recording.lips[:4]:
        middle = round((start + end) / 2 * float(seen.FPS))
        which = [i for i in range(middle - 2, middle + 3) if 0 <= i < len(rest.gap)]
        for mood, said in (("at rest", rest), ("happy 0.8", happy)):
            labels = [f"{i / float(seen.FPS):.2f} s" for i in which]
            title = f"Lips around a p, b or m at {start:.2f} to {end:.2f} s: {on}, {mood}"
            strips.append(Strip(title, said.pictures[which], labels))
    return strips


def listeners(pack: Path, given: Material) -> list[Row]:
    """Time, memory and visemes of a minute, beside others who are not told the words."""
    what, goal = "a minute of speech: CPU time, memory, viseme frames", "faster at equal or better"
    minute: list[Recording] = []
    for prompt in given.prompts:
        if sum(len(p.samples) for p in minute) < 60 * 16_000:
            minute.append(prompt)
    if not minute:
        return [unavailable(what, "60 s of prompts", goal, "--prompts FOLDER and --texts FILE")]
    whole = recordings.joined(minute, "a minute")
    told, parts = {}, []
    kinds: list[tuple[str | speed.Tool, str]] = [("ours", "ours")]
    kinds += [("recognised", "PocketSphinx, words unknown")]
    kinds += [(tool, tool.name) for tool in given.tools]
    for kind, name in kinds:
        answer = speed.measure(kind, whole.samples, pack)
        phones = np.array(answer.pop("phones")).reshape(-1, 3)
        frames = len(whole.samples) // 320
        right = compare(phones, np.zeros(frames, bool), whole.phones, frames).viseme_share
        told[name] = {**answer, "visemes": right}
        parts.append(f"{name} {answer['cpu']:.1f} s, {answer['megabytes']:.0f} MB, {right:.1%}")
    ours = told.pop("ours")
    seconds = len(whole.samples) / 16_000
    return [
        Row(
            what,
            f"{len(minute)} prompts, {seconds:.0f} s",
            "; ".join(parts)
            + f"; ours is {seconds / ours['wall']:.0f} times real time on the clock",
            goal,
            all(ours["cpu"] < o["cpu"] and ours["visemes"] >= o["visemes"] for o in told.values()),
            {"ours": ours, **told},
        )
    ]


def measure(bench: Bench, given: Material | None, out: Path) -> list[Row]:
    """All of the voice's lines; `given` None where PocketSphinx is missing."""
    if not bench.engine.pack.has_voice:
        return [unavailable("voice", "speech", "", "a pack with a voice encoder")]
    session = bench.engine.pack.session(VOICE)
    rows = unseen(session, bench.quick)
    if given is None:
        return [*rows, unavailable(_FRAMES, "speech", "viseme frames > 65 %", JUDGE)]
    if given.speech is None and not given.prompts:
        needs = "--speech FILE and --words TEXT, or --prompts FOLDER and --texts FILE"
        return [*rows, unavailable(_FRAMES, "speech", "viseme frames > 65 %", needs)]
    rows += people(session, given)
    if given.speech is not None:
        rows += [openings(session, given.speech), cases(session, given.speech, bench.tables)]
        heard = hear(session, given.speech.samples)
        keys = plot(given.speech.samples, heard, given.speech.phones, out / "voice.png")
        rows.append(
            Row(
                "keys of the lips' opening, within 0.02",
                given.speech.name,
                f"{keys} keys for {len(heard.content)} rows at 50 Hz; plot in voice.png",
                "",
                None,
                {"keys": keys},
            )
        )
    rows += finished_frames(bench, given, out, bench.quick)
    return rows + listeners(bench.engine.pack.folder, given)
