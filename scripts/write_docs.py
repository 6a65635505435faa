# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/controls.md and docs/errors.md from the tables that the program itself uses.

    python scripts/write_docs.py

A test compares the files with what this would write, so they cannot fall behind.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference_core.protocol import controls, errors
from speak_addon.advice import ADVICE

NOTE = "<!-- Written by scripts/write_docs.py; edit inference_core/protocol instead. -->\n"


def controls_page() -> str:
    """The reference page of the controls, group by group."""
    parts = [
        NOTE,
        "# Controls\n",
        "Everything an animator can key. Values are absolute: yaw 0 looks straight ahead whatever "
        "the portrait did. The command line uses the same names as columns of a CSV file, and "
        "`python -m inference_core controls` prints this table.\n",
    ]
    for group in controls.GROUPS:
        parts.append(f"## {group.label}\n\n{group.meaning}.\n")
        parts.append(controls.as_markdown(controls.in_group(group.name)))
    return "\n".join(parts)


def errors_page() -> str:
    """The reference page of error and notice codes."""
    lines = [
        NOTE,
        "# What SPEAK may say",
        "",
        "Every error and notice has a code, a sentence and a way out. Words in braces are filled "
        "in where it happens. In Blender the code below a message opens its part of this page, in "
        "the language of the interface.",
    ]
    for code, wording in sorted(errors.TABLE.items()):
        lines += ["", f"## {code}", "", f"**{wording.sentence}** {wording.hint}"]
        for text in ADVICE.get(code, ()):
            lines += ["", text]
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    return {
        ROOT / "docs" / "controls.md": controls_page(),
        ROOT / "docs" / "errors.md": errors_page(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8", newline="\n")
        print(path.relative_to(ROOT))
