# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the data and train the default pack, from nothing, in one command that can be interrupted.

    python scripts/train.py --assets AVATARS --out RUN [--hours 3] [--identities 800] [--pack PACK]
    python scripts/train.py --assets AVATARS --out RUN --minutes 10

AVATARS is the folder of avatar archives that THIRD_PARTY.md names; they are not in this
repository. Makes its own virtual environment, goes on where it stopped when it is called again,
and ends with a model pack in RUN/pack: the voice and what else is not trained here are copied
from --pack. `--minutes` is for all of it, rendering and export included: what is left is dealt out
again before each stage, so that the pack is there when they are over. Each stage but IRFD hands on
the best weights it had, by people never trained on. `--quick` walks through every line in a few
minutes, for a look; its pack is useless.
"""

import argparse
import math
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts import environment
from scripts.environment import Environment
from scripts.terminal import say

TRAIN = Environment(".venv-train", ("train.txt",))
CONFIGS = ROOT / "inference_core" / "training" / "configs"
DEFAULT_PACK = ROOT / "inference_core" / "packs" / "default"
EVALUATION_PEOPLE = 24
_IN_HAND = 0.8  # of the time that there is: a step under way is not broken off
_LEAST = 0.05  # minutes: a step or two, so that a stage leaves something behind


@dataclass(frozen=True)
class Stage:
    """A command of the training package. share: of the hours of training, or of the minutes of a
    run that has few; 0 for what takes as long as it takes. around: seconds that it takes beside its
    share, on two cores: start, last evaluation, files."""

    name: str
    module: str
    arguments: tuple[str, ...]
    share: float = 0.0
    around: float = 0.0
    rendering: bool = False


def stages(assets: Path, out: Path, identities: int, evaluation: int) -> list[Stage]:
    """Everything from rendering to the pack, in order."""
    data, pack = out / "data", out / "pack"
    surface, geometry, painter = out / "surface", out / "geometry", out / "painter"
    landmarks, irfd = out / "landmarks", out / "irfd.safetensors"

    def given(**values: object) -> tuple[str, ...]:
        return tuple(str(part) for name, v in values.items() for part in (f"--{name}", v))

    def best(run: Path) -> Path:
        return run / "best.safetensors"  # by people never trained on

    render = "data.render_groups"
    people = given(assets=assets, out=data / "train", identities=f"0:{identities}")
    others = given(assets=assets, out=data / "eval", identities=f"0:{evaluation}")
    speak = best(painter)
    return [
        Stage("render-evaluation", render, (*others, "--evaluation"), around=10),
        Stage("template", "data.template", given(assets=assets, out=data / "template.npz"),
              around=60),
        Stage("render", render, people, 0.4, around=5, rendering=True),
        Stage("surface", "train_surface", given(data=data, out=surface), 0.25, 10),
        Stage("geometry", "train", (str(CONFIGS / "geometry.toml"),
              *given(data=data, out=geometry, surface=best(surface))), 0.25, 25),
        Stage("painter", "train_painter", (str(CONFIGS / "painter.toml"),
              *given(data=data, out=painter, speak=best(geometry))), 0.25, 25),
        Stage("irfd", "train_irfd", given(data=data, out=irfd, speak=speak), 0.2, 40),
        Stage("landmarks", "train_landmarks", given(data=data, out=landmarks), 0.05, 10),
        Stage("export", "export", given(speak=speak, irfd=irfd, pack=pack,
              landmarks=best(landmarks), example=data / "eval" / "000000_0.npz"), around=40),
    ]  # fmt: skip


def minutes_for(todo: list[Stage], hours: float, left: float) -> float:
    """How long the first of the stages to do may take; left: seconds until all must be done, or
    infinity, where training has `hours` and rendering takes as long as it takes."""
    stage = todo[0]
    if math.isinf(left):
        return 0.0 if stage.rendering else 60 * hours * stage.share
    free = max(0.0, left - sum(s.around for s in todo))
    return max(_LEAST, _IN_HAND * free / 60 * stage.share / max(sum(s.share for s in todo), 1e-9))


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; --quick replaces the amounts."""
    parser = argparse.ArgumentParser(description="Train the default pack.")
    add = parser.add_argument
    add("--assets", type=Path, required=True, help="folder of the avatar archives (with geo.npz)")
    add("--out", type=Path, required=True, help="folder for data, checkpoints and the pack")
    add("--hours", type=float, default=3.0, help="of training, beside the rendering")
    add(
        "--minutes",
        type=float,
        default=math.inf,
        help="for all of it, from rendering to the pack; called again, it goes on with as many",
    )
    add("--identities", type=int, default=800, help="people to render, a second each, at most")
    add("--pack", type=Path, default=DEFAULT_PACK, help="pack that lends voice and detector")
    add("--quick", action="store_true", help="every line once, in a few minutes, for a look")
    options = parser.parse_args(arguments)
    options.evaluation = EVALUATION_PEOPLE
    if options.quick:
        options.hours, options.identities, options.evaluation = 0.05, 4, 2
    elif options.minutes < 60:
        options.evaluation = 6  # of the 24, so that rendering and looking take less of the time
    return options


def begin_pack(lender: Path, pack: Path) -> None:
    """A pack of what is not trained here, to which the last stage adds the rest."""
    pack.mkdir(parents=True, exist_ok=True)
    for path in lender.iterdir():
        if path.suffix in (".onnx", ".npz") and not (pack / path.name).exists():
            shutil.copyfile(path, pack / path.name)


def main(arguments: list[str] | None = None) -> int:
    """Run the stages that are not done yet; returns the first status that is not 0."""
    options = options_from(arguments)
    if not (options.assets / "geo.npz").is_file():
        say(f"There are no avatars in {options.assets}: geo.npz is missing. THIRD_PARTY.md says "
            "where they come from.")  # fmt: skip
        return 1
    environment.ensure(TRAIN)
    out = options.out.resolve()
    done = out / "done"
    done.mkdir(parents=True, exist_ok=True)
    begin_pack(options.pack, out / "pack")
    until = time.monotonic() + 60 * options.minutes
    todo = stages(options.assets.resolve(), out, options.identities, options.evaluation)
    for number, stage in enumerate(todo, 1):
        mark = done / stage.name
        if mark.exists():
            say(f"{number}/{len(todo)} {stage.name}: done before")
            continue
        rest = [s for s in todo[number - 1 :] if not (done / s.name).exists()]
        given = minutes_for(rest, options.hours, until - time.monotonic()) if stage.share else 0.0
        minutes = ("--minutes", f"{given:.2f}") if given else ()
        say(f"{number}/{len(todo)} {stage.name}" + (f", {given:.1f} minutes" if given else ""))
        begun = time.monotonic()
        module = f"inference_core.training.{stage.module}"
        command = [str(TRAIN.python), "-m", module, *stage.arguments, *minutes]
        status = subprocess.run(
            command, cwd=ROOT, check=False, env=environment.clean_variables()
        ).returncode
        if status:
            say(f"{stage.name} ended with {status}; call this again to go on from there.")
            return status
        mark.write_text(f"{time.monotonic() - begun:.0f} s\n", "utf-8")
    say(f"The pack is in {out / 'pack'}; choose it in the add-on's preferences, or with --pack.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
