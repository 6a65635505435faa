# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file says about where it comes from: each piece of evidence, and a verdict in words.

There is no verdict "real": a file without a mark may have lost it, or come from another program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .detector import FALSE_POSITIVES, THRESHOLD, Found, find, find_any_size
from .identity import NoIdentityError, own
from .look import CannotLookError, NoReaderError, following, pictures
from .manifest import CannotSignError, Manifest, read
from .origin import FOLLOWING, Alike

SIGNED = "made with SPEAK (signed, intact)"
MARKED = "SPEAK mark found, signature missing or broken"
BROKEN = "a SPEAK manifest is in the file, but it does not fit it; no SPEAK watermark found"
NOTHING = "no SPEAK evidence found"
ALIKE = "no SPEAK mark found; it looks as SPEAK makes its frames, says an experiment (often wrong)"
UNSEEN = "no SPEAK manifest found; its pictures were not looked at"
UNREADABLE = "cannot be read"
Experiment = Callable[[Sequence[Any]], Alike]
THOROUGH = 2  # pictures of a movie in which scaled, turned and mirrored marks are looked for


@dataclass(frozen=True)
class Report:
    """The verdict on one file with its evidence; `lines` are for people, `facts` for machines."""

    name: str
    verdict: str
    lines: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def evidence(self) -> bool:
        """Whether anything says that this product made it."""
        return self.verdict in (SIGNED, MARKED, BROKEN)


def verify(
    path: Path,
    any_size: bool = False,
    experiment: Experiment | None = None,
    always: bool = False,
) -> Report:
    """Look for every kind of evidence in a file. Reads it, never writes. `any_size` also finds the
    watermark of pictures that were scaled by an odd factor, seconds later; `experiment` compares
    pictures [h, w, 3] that follow each other with what SPEAK makes, marks aside (CannotLookError);
    it takes a second, so it is asked where nothing was found, or `always`.
    """
    if not path.is_file():
        return Report(path.name, UNREADABLE, (f"there is no file {path.name}",))
    manifest, why_not = _manifest(path)
    mark, blind = _watermark(path, any_size)
    lines: tuple[str, ...] = (
        f"manifest:  {why_not or _manifest_words(manifest)}",
        f"watermark: {f'not looked at: {blind}' if blind else _mark_words(mark)}",
    )
    ours = manifest is not None and manifest.ours
    found = ours or (mark is not None and mark.present)
    alike, why_none = None, ""
    if experiment and blind is None and (always or not found):
        alike, why_none = _alike(path, experiment)
        lines += (f"experiment: {why_none or _alike_words(alike)}",)
    if ours and manifest is not None and manifest.intact:
        verdict = SIGNED
    elif mark is not None and mark.present:
        verdict = MARKED
    elif ours:
        verdict = BROKEN
    elif isinstance(blind, NoReaderError):
        verdict = UNSEEN
    elif blind is not None:
        verdict = UNREADABLE
    elif alike is not None and alike.alike:
        verdict = ALIKE
    else:
        verdict = NOTHING
    facts = {
        "manifest": None if manifest is None else vars(manifest),
        "watermark": None if mark is None else {**vars(mark), "threshold": THRESHOLD},
        "experiment": None if alike is None else {**vars(alike), "alike": alike.alike},
        "not_looked_at": [str(words) for words in (why_not, blind, why_none) if words],
    }
    return Report(path.name, verdict, lines, facts)


def _manifest(path: Path) -> tuple[Manifest | None, str]:
    try:
        try:
            anchors = [own(create=False).root]
        except NoIdentityError:
            anchors = []
        return read(path, anchors), ""
    except CannotSignError as error:
        return None, f"not looked at: {error}"
    except OSError as error:
        return None, f"not looked at: {error.strerror}"


def _manifest_words(manifest: Manifest | None) -> str:
    if manifest is None:
        return "none"
    if not manifest.signer:
        return f"broken ({', '.join(manifest.problems) or 'unreadable'})"
    who = {
        "Trusted": "this computer's own key",
        "Valid": f"{manifest.signer}, whom this computer does not know",
    }.get(manifest.state, manifest.signer)
    state = "valid, the file is intact" if manifest.intact else "broken"
    words = f"{state}; signed by {who}; made by {manifest.generator}"
    if not manifest.intact:
        failed = [code for code in manifest.problems if code != "signingCredential.untrusted"]
        words += f" ({', '.join(failed)})"
    if not manifest.ours:
        words += "; says nothing of SPEAK"
    if consent := manifest.facts.get("consent"):
        words += f"; about the person: {consent}"
    return words


def _watermark(path: Path, any_size: bool) -> tuple[Found | None, CannotLookError | None]:
    best = Found(0.0)
    try:
        for number, picture in enumerate(pictures(path)):
            found = find(picture, thorough=number < THOROUGH)
            best = max(best, found, key=lambda one: one.score)
            if not best.present and any_size and number < THOROUGH:
                best = max(best, find_any_size(picture), key=lambda one: one.score)
            if best.present:
                break
    except CannotLookError as error:
        return None, error
    except OSError as error:
        return None, CannotLookError(error.strerror)
    return best, None


def _mark_words(mark: Found | None) -> str:
    assert mark is not None
    words = f"{'found' if mark.present else 'not found'}, score {mark.score:.1f}"
    words += f" (found from {THRESHOLD:g} on; {FALSE_POSITIVES})"
    how = []
    if mark.present and mark.mirrored:
        how.append("mirrored")
    if mark.present and mark.angle:
        how.append(f"turned by about {abs(mark.angle):g} degrees")
    if mark.present and mark.scale != 1:
        how.append(f"scaled to about {mark.scale:.2g}")
    return words + (f"; the picture was {' and '.join(how)}" if how else "")


def _alike(path: Path, experiment: Experiment) -> tuple[Alike | None, str]:
    try:
        seen = [np.asarray(image) for image in following(path, FOLLOWING)]
        same = [picture for picture in seen if picture.shape == seen[0].shape]
        return experiment(same), ""
    except CannotLookError as error:
        return None, f"not looked at: {error}"
    except OSError as error:
        return None, f"not looked at: {error.strerror}"


def _alike_words(alike: Alike | None) -> str:
    assert alike is not None
    what = "its frames look" if alike.pictures > 1 else "it looks"
    words = "" if alike.alike else "not "
    return (
        f"{what} {words}as the pack {alike.pack} makes them, score {alike.score:.1f} (from "
        f"{alike.limit:.1f} on; docs/verify.md says how often that is wrong)"
    )
