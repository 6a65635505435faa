# SPDX-License-Identifier: GPL-3.0-or-later
"""How many frames Generate will make, looked up in small steps so that the window stays alive."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from ..inference_core.protocol.controls import CONTROLS
from ..inference_core.protocol.errors import SpeakError
from . import baseline, compat, curves, layers, moods, portions, preferences, shots, sources, words
from .baseline import Baseline, Changes
from .frame_time import FrameRange, clock
from .layers import Track
from .session import Session
from .shot_folder import SHOT_FILE, ShotFolder, frame_name

# What a frame costs until one has been made here: two cores without a graphics card.
FIRST_PACE = {256: 0.15, 512: 0.6}
# What comes before the first frame: starting the core, or reading portrait and voice again.
COLD_SECONDS, WARM_SECONDS = 4.0, 0.3


def steps(owner: Any, scene: Any, session: Session) -> Iterator[object]:
    """Look at a shot a little at a time; the answer lies in `session.changes` at the end.

    A shot that cannot be generated now, or whose drivers ask for the scene itself, has no answer.
    Whatever is changed meanwhile makes it worthless: begin anew then.
    """
    uuid = owner.speak.uuid
    session.changes.pop(uuid, None)
    try:
        frames = shots.frames(owner, scene)
        now = sources.of(owner, scene, frames, preferences.pack_hash())
    except SpeakError:
        return
    if frames.count == 0:
        return
    yield
    reading = curves.Reading(owner, scene, frames)
    if not reading.aside:
        return
    made = yield from _looked_up(owner, session)
    yield
    values, weights = yield from reading.steps()
    held = values + moods.track(moods.of_shot(owner, scene), frames)
    edit, _, _ = layers.clean_edit(held)
    present = _present(shots.folder_path(owner), frames.count) if owner.speak.folder else set()
    yield
    session.changes[uuid] = baseline.changes(
        made, now, owner.speak.use_auto, edit, weights, present
    )


def look(owner: Any, scene: Any, session: Session) -> Changes | None:
    """The answer at once; for scripts."""
    for _ in steps(owner, scene, session):
        pass
    return session.changes.get(owner.speak.uuid)


def made_from(owner: Any, session: Session) -> Baseline | None:
    """What the frames of a shot were made from, as far as it is known."""
    return portions.finish(_looked_up(owner, session))


def _looked_up(owner: Any, session: Session) -> Generator[object, None, Baseline | None]:
    """The baseline in portions. That of an earlier session: shot.json, and the auto curves."""
    if known := session.baselines.get(owner.speak.uuid):
        return known
    if not owner.speak.folder:
        return None
    folder = shots.folder_path(owner)
    if not (folder / SHOT_FILE).is_file():
        return None
    record = yield from ShotFolder(folder).reading_shot()
    yield
    auto = yield from _auto_curves(owner)
    return baseline.from_record(record, auto)


def _auto_curves(owner: Any) -> Generator[object, None, Track | None]:
    """The auto layer as the last generation wrote it, or None when curves are gone."""
    first, count = owner.speak.made_first, owner.speak.made_count
    bag = compat.find_bag(owner)
    if bag is None or not count:
        return None
    made = FrameRange(first, first + count - 1)
    paths = [curves.curve_path("auto", control.name) for control in CONTROLS]
    if any(bag.fcurves.find(path, index=0) is None for path in paths):
        return None
    track = yield from curves.columns(owner, made, paths)
    return track


def _present(folder: Path, count: int) -> set[int]:
    try:
        names = set(os.listdir(folder))
    except OSError:
        return set()
    return {index for index in range(count) if frame_name(index) in names}


def button_text(changes: Changes | None) -> str:
    """What the Generate button says: `Generate 23 of 240 Frames`."""
    if changes is None or not changes.frames:
        return words.say("Generate")
    count, total = len(changes.frames), changes.total
    if total == 1:
        return words.say("Generate 1 Frame")
    if count == total:
        return words.say("Generate {total} Frames", total=total)
    return words.say("Generate {count} of {total} Frames", count=count, total=total)


def seconds(changes: Changes, size: int, session: Session) -> float:
    """About how long they take, from the pace of the last generation at that size."""
    known = session.paces.get(size)
    pace = known if known is not None else FIRST_PACE.get(size, 1.0)
    before = WARM_SECONDS if session.state.core is not None else COLD_SECONDS
    return before + pace * len(changes.frames)


REASONS = {
    "portrait": "the portrait is another one",
    "voice": "the voice has changed",
    "pack": "the model pack is another one",
    "fps": "the frame rate has changed",
    "size": "the size has changed",
    "seed": "the seed has changed",
    "amount": "the amount of proposed motion has changed",
    "mark": "marks were turned on or off",
    "auto": "motion is proposed that was not there before",
}


def sentence(changes: Changes, size: int, session: Session) -> str:
    """What stands below the button."""
    if not changes.frames:
        return words.say("All frames are up to date.")
    time = clock(max(1.0, seconds(changes, size, session)))
    if changes.why:
        what = ", ".join(words.say(REASONS[name]) for name in changes.why)
        count = len(changes.frames)
        return words.say("Up to {count} frames, {time}: {what}.", count=count, time=time, what=what)
    if changes.missing:
        text = "About {time}; {missing} of them are gone from the disk."
        return words.say(text, time=time, missing=changes.missing)
    return words.say("About {time}.", time=time)
