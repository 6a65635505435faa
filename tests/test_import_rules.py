# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: what keeps the add-on light and the runtime free of PyTorch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STANDARD_LIBRARY = sys.stdlib_module_names
# Modules that exist inside Blender's Python only.
BLENDER = {
    "bpy", "bpy_extras", "bl_ui", "aud", "addon_utils", "mathutils", "gpu", "gpu_extras", "blf",
    "bmesh",
}  # fmt: skip
CORE = "inference_core"
# The command line hands `serve` over to the service, which is built on the runtime.
HANDED_OVER = (f"{CORE}/runtime/cli.py", f"{CORE}.service.main")


@dataclass(frozen=True)
class Rule:
    """What the modules of a folder may import besides themselves."""

    folder: str
    third_party: frozenset[str]
    first_party: frozenset[str]


RULES = (
    Rule("speak_addon", frozenset({"numpy", *BLENDER}), frozenset({f"{CORE}.protocol"})),
    Rule(f"{CORE}/protocol", frozenset(), frozenset()),
    Rule(
        f"{CORE}/runtime",
        # soundfile only where it happens to be installed, for compressed audio
        frozenset({"numpy", "onnxruntime", "PIL", "soundfile"}),
        frozenset({f"{CORE}.protocol", f"{CORE}.provenance"}),
    ),
    Rule(
        f"{CORE}/provenance",
        # av only where it happens to be installed, to look into movies
        frozenset({"numpy", "PIL", "c2pa", "cryptography", "av"}),
        frozenset({f"{CORE}.protocol"}),
    ),
    Rule(
        f"{CORE}/service",
        frozenset({"numpy"}),
        frozenset({f"{CORE}.protocol", f"{CORE}.runtime"}),
    ),
)


def imported_names(source: str, package: str) -> Iterator[str]:
    """Absolute dotted names of all imports in `source`, also those inside functions.

    `package` is the dotted package that the module lies in, for relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                above = parents[: len(parents) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            # `from a import b` may mean the module a.b: the rule is asked about that.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def breaches(source: str, package: str, rule: Rule) -> list[str]:
    """The imports in `source` that the rule does not allow."""
    own = rule.folder.replace("/", ".")
    allowed = (own, *rule.first_party)

    def permitted(name: str) -> bool:
        top = name.partition(".")[0]
        if name == f"{CORE}.__version__":
            return True
        if top in (CORE, "speak_addon"):
            # `inference_core.protocol` itself may be imported as a name of its parent.
            return any(name == item or name.startswith(f"{item}.") for item in allowed)
        return top in STANDARD_LIBRARY or top in rule.third_party

    return [name for name in imported_names(source, package) if not permitted(name)]


def modules(folder: str) -> list[Path]:
    """Every Python file below a folder of the repository."""
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.folder)
def test_a_folder_imports_only_what_its_rule_allows(rule: Rule) -> None:
    files = modules(rule.folder)
    assert files, f"{rule.folder} has no modules"
    wrong = []
    for file in files:
        package = ".".join(file.relative_to(ROOT).parent.parts)
        found = breaches(file.read_text("utf-8"), package, rule)
        if file.relative_to(ROOT).as_posix() == HANDED_OVER[0]:
            found = [name for name in found if not name.startswith(HANDED_OVER[1])]
        wrong += [f"{file.relative_to(ROOT)} imports {name}" for name in found]
    assert not wrong, "\n".join(wrong)


def test_the_core_never_imports_blender() -> None:
    wrong = []
    for file in modules(CORE):
        package = ".".join(file.relative_to(ROOT).parent.parts)
        for name in imported_names(file.read_text("utf-8"), package):
            if name.partition(".")[0] in BLENDER | {"speak_addon"}:
                wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_the_command_line_of_the_core_needs_no_torch() -> None:
    source = (ROOT / CORE / "__main__.py").read_text("utf-8")
    allowed = frozenset(
        {
            f"{CORE}.runtime",
            f"{CORE}.service",
            f"{CORE}.evaluation.command",
            f"{CORE}.bench.command",
        }
    )
    rule = Rule(f"{CORE}.__main__", frozenset(), allowed)
    assert not breaches(source, CORE, rule)


def test_evaluating_a_pack_needs_no_torch() -> None:
    probe = f"import sys, {CORE}.evaluation.command; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr


@pytest.mark.parametrize(
    ("source", "package", "wrong"),
    [
        ("import torch", "speak_addon", ["torch"]),
        ("def f():\n    import torch.nn", "speak_addon.ui", ["torch.nn"]),
        ("from inference_core.runtime import engine", "speak_addon", [f"{CORE}.runtime.engine"]),
        ("from ...inference_core import runtime", "speak_addon.ui", [f"{CORE}.runtime"]),
        ("from ..inference_core import service", "speak_addon", [f"{CORE}.service"]),
        ("from ..inference_core.protocol import wire", "speak_addon", []),
        ("from . import shot\nimport bpy, json\nimport numpy as np", "speak_addon", []),
    ],
)
def test_the_reader_of_imports_sees_through_their_forms(
    source: str, package: str, wrong: list[str]
) -> None:
    assert breaches(source, package, RULES[0]) == wrong
