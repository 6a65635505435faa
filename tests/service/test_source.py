# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not stand in the source of anything that runs on a user's machine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(ROOT / "inference_core").rglob("*.py"),
    *(ROOT / "speak_addon").rglob("*.py"),
    *(ROOT / "scripts").rglob("*.py"),
]
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {"torch.load", "yaml.load", "os.system", "os.popen", "multiprocessing.connection"}
# SyncNet's authors publish their weights in this form alone. They are read with weights_only, in a
# part that is not in the extension.
ALLOWED = {"inference_core/bench/syncnet.py": {"torch.load"}}
ANY_ADDRESS = {"0.0.0.0", "::", ""}  # what `bind` takes for every address of the machine


def offences(tree: ast.AST) -> Iterator[str]:
    """What a source has that it must not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            yield from (name for name in names if name.split(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in BUILTINS | CALLS:
                yield name
            for keyword in node.keywords:
                value = keyword.value
                on = not (isinstance(value, ast.Constant) and value.value is False)
                if keyword.arg in ("shell", "allow_pickle") and on:
                    yield f"{keyword.arg}="
            if name.split(".")[-1] in ("bind", "create_server"):
                addresses = [a.value for a in ast.walk(node) if isinstance(a, ast.Constant)]
                yield from (f"address {a!r}" for a in addresses if a in ANY_ADDRESS)


def test_the_search_finds_what_it_looks_for():
    bad = "import pickle; from pickle import loads; eval('1'); torch.load(f); np.load(f, "
    bad += "allow_pickle=True); run(x, shell=True); s.bind(('0.0.0.0', 1)); yaml.load(f);"
    bad += "s.bind(('', 0))"
    assert len(list(offences(ast.parse(bad)))) == 9
    good = "import re; re.compile('x'); model.eval(); np.load(f, allow_pickle=False)"
    assert not list(offences(ast.parse(good)))


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_runs_or_unpickles_what_it_is_given(file: Path):
    allowed = ALLOWED.get(file.relative_to(ROOT).as_posix(), set())
    assert set(offences(ast.parse(file.read_text("utf-8")))) <= allowed
