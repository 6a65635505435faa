# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated pages are current, and the pages a reader starts from tell the truth."""

import re
from pathlib import Path

import pytest

from inference_core.protocol import controls, errors
from scripts import write_docs
from speak_addon.advice import ADVICE

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", list(write_docs.pages()), ids=lambda path: path.name)
def test_a_generated_page_is_what_the_script_would_write(path: Path) -> None:
    assert path.read_text("utf-8") == write_docs.pages()[path], "run scripts/write_docs.py"


def test_every_control_and_every_error_code_is_on_its_page() -> None:
    assert all(f"| `{name}` |" in write_docs.controls_page() for name in controls.NAMES)
    parts = re.findall(r"^## (\w+)$", write_docs.errors_page(), re.MULTILINE)
    assert parts == sorted(errors.TABLE), "a heading is an anchor of its name"


def test_advice_is_given_on_codes_that_there_are() -> None:
    assert set(ADVICE) <= set(errors.TABLE)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_links_to_parts_of_pages_lead_to_a_heading(page: Path) -> None:
    text = page.read_text("utf-8")
    missing = []
    for target, part in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", text):
        other = (page.parent / target) if target else page
        heads = re.findall(r"^#+ (.*)$", other.read_text("utf-8"), re.MULTILINE)
        slugs = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
        if part not in slugs:
            missing.append(f"{target}#{part}")
    assert not missing


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_scripts_and_modules_named_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    scripts = set(re.findall(r"scripts/\w+\.py", text))
    assert scripts >= {"scripts/demo.py", "scripts/test.py", "scripts/package.py"}
    modules = {name.replace(".", "/") for name in re.findall(r"python -m ([\w.]+)", text)}
    missing = [name for name in scripts if not (ROOT / name).exists()]
    missing += [
        name
        for name in modules
        if name.startswith("inference_core")
        and not (ROOT / f"{name}.py").exists()
        and not (ROOT / name / "__main__.py").exists()
    ]
    assert not missing
