# SPDX-License-Identifier: GPL-3.0-or-later
"""What the core's commands print, in the language of the interface: findings and errors.

They print English, for terminals and bug reports. A line is recognised by the texts here, and its
words in braces are filled into the translation; a line of another version stays as it is. Without
bpy.
"""

import functools
import re
from collections.abc import Callable

from ..inference_core.protocol.consent import CONSENTS
from ..inference_core.protocol.errors import TABLE, SpeakError, wording

Say = Callable[..., str]  # words.say
SILENT = "The core said nothing; look at its log"

CHECK = (
    "SPEAK core {version}, Python {python} on {system}",
    "pack {pack} {version}: every file is as it should be",
    "networks run on {providers} with {threads} threads",
    "face detector, landmarks and reading networks answer",
    "a frame of {size} pixels takes {time} ms",
    "voice encoder answers ({rows} rows for a second)",
    "Everything works.",
    "The core's Python cannot be started: {error}",
)
VERDICTS = (
    "made with SPEAK (signed, intact)",
    "SPEAK mark found, signature missing or broken",
    "a SPEAK manifest is in the file, but it does not fit it; no SPEAK watermark found",
    "no SPEAK evidence found",
    "no SPEAK mark found; it looks as SPEAK makes its frames, says an experiment (often wrong)",
    "no SPEAK manifest found; its pictures were not looked at",
    "cannot be read",
    "there is no file {name}",
)
# Parts of a line of evidence, between semicolons.
EVIDENCE = (
    "manifest: {words}",
    "watermark: {words}",
    "experiment: {words}",
    "none",
    "not looked at: {reason}",
    "valid, the file is intact",
    "broken ({problems})",
    "broken",
    "signed by {who}",
    "this computer's own key",
    "{signer}, whom this computer does not know",
    "made by {program}",
    "says nothing of SPEAK",
    "about the person: {consent}",
    "not found, score {score} (found from {limit} on; {odds})",
    "found, score {score} (found from {limit} on; {odds})",
    "of 10,000 unmarked pictures none came above 6.5",
    "the picture was {how}",
    "its frames look not as the pack {pack} makes them, score {score} (from {limit} on; {odds})",
    "its frames look as the pack {pack} makes them, score {score} (from {limit} on; {odds})",
    "it looks not as the pack {pack} makes them, score {score} (from {limit} on; {odds})",
    "it looks as the pack {pack} makes them, score {score} (from {limit} on; {odds})",
    "docs/verify.md says how often that is wrong",
    "mirrored",
    "turned by about {angle} degrees",
    "scaled to about {scale}",
)
# Why something could not be looked at, or signed.
REASONS = (
    "pictures of more than 8 bits carry no watermark",
    "files without a suffix cannot be looked at",
    "{suffix} files cannot be looked at",
    "{width} x {height} pixels are too many",
    "it is not an image that can be read",
    "movies need the Python package av",
    "it has no pictures",
    "nothing here decodes its pictures",
    "it is not a movie that can be read",
    "no face that is large enough was found",
    "the Python package c2pa is not installed",
    "the Python package cryptography is not installed",
    "{name} is of a kind that cannot be signed",
    "nothing has been signed on this computer yet",
    "the configuration folder cannot be used: {error}",
    "{file} in the configuration folder is damaged",
    "{name} is far too large",
)
# What stands here is a text of its own; of `how` there may be several.
NESTED = ("words", "who", "odds", "how", "reason")
# What a command ends with: its sentence, what to do, and the code of both.
ERROR = re.compile(r"^error: (?P<sentence>.*)\n +(?P<hint>.*) \[(?P<code>\w+)\]\s*\Z", re.M)


def said(line: str, say: Say) -> str:
    """A line of the core in the language of the interface."""
    whole = _whole(line, (*CHECK, *VERDICTS), say)
    if whole is not None:
        return whole
    return "; ".join(_whole(part, (*EVIDENCE, *REASONS), say) or part for part in _parts(line))


def error(text: str, say: Say) -> SpeakError | None:
    """The error that a command ended with, from all that it printed; None where it said none.

    `say` is for the reason inside of its sentence: that is put into words when it is raised.
    """
    found = ERROR.search(text)
    if found is None or found["code"] not in TABLE:
        return None
    entry, values = TABLE[found["code"]], dict[str, str]()
    for pattern, told in ((entry.sentence, "sentence"), (entry.hint, "hint")):
        match = _pattern(pattern).fullmatch(found[told])
        values |= match.groupdict() if match else {}
    if "reason" in values:
        reason = values["reason"]
        values["reason"] = _whole(reason, REASONS, say) or reason
    return SpeakError(found["code"], **values)


def ending(text: str, say: Say) -> str:
    """Sentence and hint of what a command ended with, or the last that it printed."""
    told = error(text, say)
    if told is not None:
        said = wording(told.code, told.arguments, say)
        return f"{said.sentence} {said.hint}"
    lines = [line.removeprefix("error: ").strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "") or say(SILENT)


def known(line: str) -> bool:
    """Whether all of a line has its text here."""
    if _found(line, (*CHECK, *VERDICTS)) is not None:
        return True
    for part in _parts(line):
        found = _found(part, (*EVIDENCE, *REASONS))
        if found is None:
            return False
        values = {k: v for k, v in found[1].items() if k in NESTED and k != "who"}  # any name
        inner = [piece for k, v in values.items() for piece in _pieces(k, v)]
        if not all(map(known, inner)):
            return False
    return True


def _whole(line: str, texts: tuple[str, ...], say: Say) -> str | None:
    found = _found(line, texts)
    if found is None:
        return None
    text, values = found
    if values.get("consent") in CONSENTS:
        values["consent"] = say(CONSENTS[values["consent"]].label)
    for name in set(values) & set(NESTED):
        values[name] = ", ".join(said(piece, say) for piece in _pieces(name, values[name]))
    return say(text, **values)


def _pieces(name: str, value: str) -> list[str]:
    return value.split(" and ") if name == "how" else [value]


def _found(line: str, texts: tuple[str, ...]) -> tuple[str, dict[str, str]] | None:
    for text in texts:
        match = _pattern(text).fullmatch(line)
        if match:
            return text, match.groupdict()
    return None


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", text)
    fixed = [re.escape(piece).replace(r":\ ", r":\ +") for piece in pieces[::2]]
    names = pieces[1::2]
    named = [  # a name that stands there again is the same word again
        f"(?P={name})" if name in names[:number] else f"(?P<{name}>.+)"
        for number, name in enumerate(names)
    ]
    return re.compile("".join(a + b for a, b in zip(fixed, [*named, ""], strict=True)))


def _parts(line: str) -> list[str]:
    """The parts between semicolons, but for those in parentheses."""
    return re.split(r"; (?![^(]*\))", line)
