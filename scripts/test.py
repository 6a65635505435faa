# SPDX-License-Identifier: GPL-3.0-or-later
"""Lint, types and all tests, on bpy 5.0.1 and the add-on's on bpy 4.5.15.

    python scripts/test.py                      everything
    python scripts/test.py tests/runtime -k png pytest's own paths and options pass through

Makes the virtual environments that this needs on first use and ends with one table of what ran.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import environment, system_libraries
from scripts.terminal import say, table

BLENDER_TESTS = "tests/blender"
NO_TESTS_COLLECTED = 5  # pytest's exit code when -k and the paths select nothing


def is_path(argument: str) -> bool:
    """Whether a pytest argument names a test file, a folder or a test in one."""
    return not argument.startswith("-") and (ROOT / argument.partition("::")[0]).exists()


def blender_arguments(arguments: list[str]) -> list[str] | None:
    """The arguments for the second Blender, whose paths lie in tests/blender.

    None when the command line names paths and none of them is there.
    """
    paths = [argument for argument in arguments if is_path(argument)]
    if not paths:
        return [*arguments, BLENDER_TESTS]
    wanted = [path for path in paths if Path(path).as_posix().startswith(BLENDER_TESTS)]
    if any((ROOT / path) in (ROOT, ROOT / "tests") for path in paths):
        wanted = [BLENDER_TESTS]
    if not wanted:
        return None
    return [argument for argument in arguments if argument not in paths] + wanted


def commands(arguments: list[str]) -> dict[str, list[str]]:
    """Name -> command line of everything to run, in order."""
    dev = str(environment.DEV.python)
    every = {
        "lint": [dev, "-m", "ruff", "check", "."],
        "format": [dev, "-m", "ruff", "format", "--check", "."],
        "types": [dev, "-m", "mypy"],
        "tests": [dev, "-m", "pytest", *arguments],
    }
    second = blender_arguments(arguments)
    if second is not None and (ROOT / BLENDER_TESTS).is_dir():
        every["tests on bpy 4.5"] = [str(environment.BPY45.python), "-m", "pytest", *second]
    return every


def main(arguments: list[str] | None = None) -> int:
    """Run everything, also after a failure; returns 0 only when all of it passed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    system_libraries.ensure()
    set_up = environment.ensure(environment.DEV) + environment.ensure(environment.BPY45)
    rows = [("set-up", "done", f"{set_up:.0f} s")] if set_up else []
    codes = {}
    for name, command in commands(arguments).items():
        say(f"\n== {name}: {' '.join(['python', *command[1:]])}")
        started = time.monotonic()
        result = subprocess.run(command, cwd=ROOT, check=False, env=environment.clean_variables())
        codes[name] = result.returncode
        outcome = {0: "passed", NO_TESTS_COLLECTED: "no tests"}.get(result.returncode, "FAILED")
        rows.append((name, outcome, f"{time.monotonic() - started:.0f} s"))
    say("\n" + table(rows, ("what", "outcome", "time")))
    tests = [code for name, code in codes.items() if name.startswith("tests")]
    if all(code == NO_TESTS_COLLECTED for code in tests):
        say("The command line selects no test.")
        return 1
    return int(any(code not in (0, NO_TESTS_COLLECTED) for code in codes.values()))


if __name__ == "__main__":
    sys.exit(main())
