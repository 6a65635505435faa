# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogues fit each other, the program's texts, and Blender."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from speak.speak_addon import core_lines
from speak.speak_addon.advice import ADVICE
from speak.speak_addon.sets import BUILT_IN
from speak.speak_addon.state import Stage

from inference_core.protocol import controls, errors
from inference_core.protocol.consent import CONSENTS
from tests.fixtures.tiny_pack import write_pack

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "speak_addon" / "translations"
LANGUAGES = ("de_DE", "zh_HANS")


def catalogue(language: str) -> dict[str, str]:
    return json.loads((FOLDER / f"{language}.json").read_text("utf-8"))


def names(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


SOURCES = [
    *(ROOT / "speak_addon").rglob("*.py"),
    *(ROOT / "inference_core" / "protocol").glob("*.py"),
    *(ROOT / "inference_core" / "runtime").glob("*.py"),
]


def test_every_language_has_the_same_texts():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(LANGUAGES)
    first, *others = (set(catalogue(language)) for language in LANGUAGES)
    assert all(first == other for other in others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_in_braces_are_kept_and_nothing_is_left_out(language):
    for english, said in catalogue(language).items():
        assert said.strip(), english
        assert names(english) == names(said), english
        assert english.endswith(".") == said.rstrip().endswith((".", "。", "…")), english


def test_no_text_is_translated_that_is_said_nowhere():
    """Texts stand in the source in one or several pieces; their beginnings are looked for."""
    known = "".join(path.read_text("utf-8") for path in SOURCES)
    known += " ".join(f"{w.sentence} {w.hint}" for w in errors.TABLE.values())
    known += " ".join(f"{c.meaning} ({c.unit})" for c in controls.CONTROLS)
    known += " ".join(c.name.replace("_", " ").title() for c in controls.CONTROLS)
    composed = ("How much of the proposed", "From Selected Strips", "From Channel", "1 frame made")
    stale = [
        text
        for text in catalogue(LANGUAGES[0])
        if text[:24] not in known and not text.startswith((*composed, "{made} frames made"))
    ]
    assert not stale


def literals(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def composed(node: ast.expr) -> bool:
    """Whether a text is put together where it stands, so that no catalogue can have it."""
    return any(isinstance(part, ast.JoinedStr | ast.BinOp) for part in ast.walk(node))


# What shows a text of the interface, and how its argument is called; Blender translates it.
SHOWN = {"label", "operator", "prop", "menu", "operator_menu_enum", "progress"}
# What tells the user something as it is.
TOLD = {"report", "_say", "status_text_set", "header_text_set", "poll_message_set"}
# Reasons that only those understand who mend the program.
TECHNICAL = {"bad_request", "internal", "pack_shape", "core_crashed"}


class Said(ast.NodeVisitor):
    """The texts that a source shows to the user, and those that no catalogue can have."""

    def __init__(self, source: str) -> None:
        self.texts: set[str] = set()
        self.composed: list[str] = []
        self.visit(ast.parse(source))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name == "disabled_reason":
            for part in ast.walk(node):
                if isinstance(part, ast.Return) and part.value is not None:
                    self._add(part.value)
        # A text that is chosen first and shown then.
        parts = [part for call in self._shows(node) for part in ast.walk(call)]
        names = {part.id for part in parts if isinstance(part, ast.Name)}
        for part in ast.walk(node):
            if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                chosen = part.targets[0].id in names & {"text", "reason"}
                self.texts |= set(literals(part.value)) if chosen else set()
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func).split(".")[-1]
        if name in ("say", "draw_text"):
            self._add(node.args[-1] if name == "say" else node.args[1])
        elif name in TOLD and node.args:
            if list(literals(node.args[-1])) or composed(node.args[-1]):
                self.composed.append(ast.unparse(node))
        elif (
            name == "SpeakError" and node.args and ast.unparse(node.args[0])[1:-1] not in TECHNICAL
        ):
            for keyword in node.keywords:
                if keyword.arg in ("reason", "what"):
                    self._add(keyword.value)
        elif name in SHOWN:
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            own = isinstance(given.get("translate"), ast.Constant)
            if "text" in given and not own:
                self._add(given["text"])
        self.generic_visit(node)

    def _shows(self, node: ast.AST) -> Iterator[ast.Call]:
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                name = ast.unparse(part.func).split(".")[-1]
                error = name == "SpeakError" and _code(part) not in TECHNICAL
                if error or name in ("say", "draw_text"):
                    yield part

    def _add(self, node: ast.expr) -> None:
        self.texts |= {text for text in literals(node) if text}
        if composed(node):
            self.composed.append(ast.unparse(node))


def _code(call: ast.Call) -> str:
    """The code of a SpeakError where it is raised."""
    return "".join(literals(call.args[0])) if call.args else ""


# The verdict on a file, with its name: both come from the core's own command.
ALLOWED = {"self.report({'INFO'}, f\"{Path(one['file']).name}: {one['verdict']}\")",
           "f\"{Path(one['file']).name}: {one['verdict']}\""}  # fmt: skip


def test_the_search_finds_what_is_said():
    said = Said(
        "def disabled_reason(cls, context):\n  return 'a' if x else 'b'\n"
        "def f():\n  text = 'c'\n  draw_text(layout, text)\n  self.report({'INFO'}, 'd')\n"
        "  row.label(text='e')\n  row.label(text=f'f{x}')\n"
        "  row.label(text=f'g', translate=False)\n"
        "  raise SpeakError('voice_unreadable', reason='h')\n  words.say('i {n}', n=1)\n"
    )
    assert said.texts == {"a", "b", "c", "e", "h", "i {n}"}
    assert said.composed == ["self.report({'INFO'}, 'd')", "f'f{x}'"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_that_a_source_says_can_be_translated_and_is(path: Path):
    said = Said(path.read_text("utf-8"))
    assert set(said.composed) <= ALLOWED, "put it together with words.say"
    plain = {text for text in said.texts if any(letter.isalpha() for letter in text)}
    assert sorted(plain - set(catalogue("de_DE"))) == []


def tables() -> set[str]:
    """What stands in tables of the program."""
    found = {text for wording in errors.TABLE.values() for text in (wording.sentence, wording.hint)}
    found |= {text for texts in ADVICE.values() for text in texts}
    found |= {text for one in CONSENTS.values() for text in (one.label, one.meaning)}
    found |= {stage.value for stage in Stage}
    found |= {group.label for group in controls.GROUPS}
    found |= {one.name for one in BUILT_IN}
    return found | {c.name.replace("_", " ").title() for c in controls.CONTROLS}


def test_every_text_of_the_tables_is_translated():
    assert sorted(tables() - set(catalogue("de_DE"))) == []


def test_reasons_inside_of_a_message_are_translated_and_filled():
    german = catalogue("de_DE")
    said = errors.wording(
        "csv_unreadable",
        {"reason": "line {line} is not numbers", "line": 7},
        lambda text: german.get(text, text),
    )
    assert (
        said.sentence
        == "Die Kurvendatei kann nicht gelesen werden: In Zeile 7 stehen keine Zahlen."
    )
    # What comes from outside stays as it is, whatever it holds.
    odd = errors.wording("csv_unreadable", {"reason": "{x.__class__} {0} } {"})
    assert "{x.__class__} {0} } {" in odd.sentence
    # A name is a name, also when it is a word of the catalogue.
    strip = errors.wording("strip_missing", {"name": "Voice"}, lambda text: german.get(text, text))
    assert "Voice" in strip.sentence


def test_blender_speaks_them(play):
    said = play("languages")
    assert "covered" in said


def core_said(tmp_path, tiny_pack) -> list[str]:
    """What `check` and `verify` say, of every kind of evidence."""
    from inference_core.provenance import verify as v
    from inference_core.provenance.detector import Found
    from inference_core.provenance.manifest import Manifest
    from inference_core.provenance.origin import Alike
    from inference_core.runtime.check import check

    lines = [line for line in check(tiny_pack, 1) if not line.startswith("numpy ")]
    lines += [v.SIGNED, v.MARKED, v.BROKEN, v.NOTHING, v.ALIKE, v.UNSEEN, v.UNREADABLE]
    lines += v.verify(tmp_path / "nothing.png").lines
    facts = {"consent": "drawn or painted"}
    manifests = [
        None,
        Manifest("Invalid", "", "", problems=("a.b",)),
        Manifest("Trusted", "X", "SPEAK 1", facts),
        Manifest("Valid", "Somebody, Inc.", "other 2"),
        Manifest("Invalid", "X", "SPEAK 1", facts, problems=("assertion.hash",)),
    ]
    lines += [f"manifest:  {v._manifest_words(manifest)}" for manifest in manifests]
    marks = [Found(9.5), Found(9.5, 0.5, 1.0, True), Found(2.0)]
    lines += [f"watermark: {v._mark_words(mark)}" for mark in marks]
    looks = [Alike(s, 1.0, n, "abc") for s in (0.0, 2.0) for n in (1, 8)]
    lines += [f"experiment: {v._alike_words(look)}" for look in looks]
    return [*lines, *(f"watermark: not looked at: {reason}" for reason in core_reasons())]


def core_reasons() -> list[str]:
    """Why something could not be looked at, or signed: every text that is raised, filled in."""
    files = [*(ROOT / "inference_core" / "provenance").glob("*.py"),
             ROOT / "inference_core" / "runtime" / "likeness.py"]  # fmt: skip
    found = []
    for path in files:
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        for call in calls:
            if ast.unparse(call.func) in REASONED and call.args:
                found.append(_filled(call.args[0]))
    assert len(found) > 12
    return [reason for reason in found if any(letter.isalpha() for letter in reason)]


REASONED = {"CannotLookError", "NoReaderError", "CannotSignError", "NoIdentityError"}


def _filled(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = [_filled(v) if isinstance(v, ast.Constant) else "7" for v in node.values]
        return "".join(parts)
    return "".join(literals(node))


def test_what_the_core_prints_is_said_in_every_language(tmp_path):
    pack = tmp_path / "pack"
    write_pack(pack)
    lines = core_said(tmp_path, pack)
    no_voice = errors.wording("pack_no_voice").sentence
    strange = [line for line in lines if line != no_voice and not core_lines.known(line)]
    assert not strange, "\n".join(strange)
    for language in LANGUAGES:
        texts = catalogue(language)

        def say(text: str, texts: dict[str, str] = texts, **values: str) -> str:
            return texts[text].format(**values)

        told = [core_lines.said(line, say) for line in lines]
        assert all(one != other for one, other in zip(lines, told, strict=True) if one != no_voice)
    assert {*core_lines.CHECK, *core_lines.VERDICTS, *core_lines.EVIDENCE} <= set(texts)
    assert core_lines.said("something of tomorrow", str) == "something of tomorrow"


def test_what_a_command_ends_with_is_said_in_every_language():
    german = catalogue("de_DE")

    def say(text: str, **values: str) -> str:
        said = german.get(text, text)
        return said.format(**values) if values else said

    error = errors.SpeakError("sign_failed", reason="the Python package c2pa is not installed")
    printed = f"a warning\nerror: {error.sentence}\n       {error.hint} [{error.code}]"
    assert core_lines.ending(printed, say) == (
        "Nichts wurde signiert: das Python-Paket c2pa ist nicht installiert. "
        + german[errors.TABLE["sign_failed"].hint]
    )
    told = core_lines.error(printed, say)
    assert told is not None
    assert told.code == "sign_failed"
    assert core_lines.ending("Traceback\nKeyError: 7\n", say) == "KeyError: 7"
    assert core_lines.ending("\n", say) == german[core_lines.SILENT]
    for code, entry in errors.TABLE.items():
        names_there = names(entry.sentence) | names(entry.hint)
        one = errors.SpeakError(code, **dict.fromkeys(names_there, "7"))
        back = core_lines.error(f"error: {one.sentence}\n       {one.hint} [{code}]", say)
        assert back is not None
        assert (back.code, back.arguments) == (code, one.arguments)
