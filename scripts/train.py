# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the data and train the default pack, from nothing, in one command that can be interrupted.

    python scripts/train.py --assets AVATARS --out RUN [--hours 3] [--identities 800] [--pack PACK]

AVATARS is the folder of avatar archives that THIRD_PARTY.md names; they are not in this
repository. Makes its own virtual environment, goes on where it stopped when it is called again,
and ends with a model pack in RUN/pack: the voice and what else is not trained here are copied
from --pack. `--quick` walks through every line in a few minutes, for a look; its pack is useless.
"""

import argparse
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


@dataclass(frozen=True)
class Stage:
    """A command of the training package. share: of the hours; 0 for what takes as long as it
    takes."""

    name: str
    module: str
    arguments: tuple[str, ...]
    share: float = 0.0


def stages(assets: Path, out: Path, identities: int, evaluation: int) -> list[Stage]:
    """Everything from rendering to the pack, in order."""
    data, pack = out / "data", out / "pack"
    surface, geometry = out / "surface.safetensors", out / "geometry"
    painter, irfd = out / "painter", out / "irfd.safetensors"
    landmarks = out / "landmarks.safetensors"

    def given(**values: object) -> tuple[str, ...]:
        return tuple(str(part) for name, v in values.items() for part in (f"--{name}", v))

    render = "data.render_groups"
    people = given(assets=assets, out=data / "train", identities=f"0:{identities}")
    others = given(assets=assets, out=data / "eval", identities=f"0:{evaluation}")
    speak = painter / "last.safetensors"
    return [
        Stage("render", render, people),
        Stage("render-evaluation", render, (*others, "--evaluation")),
        Stage("template", "data.template", given(assets=assets, out=data / "template.npz")),
        Stage("surface", "train_surface", given(data=data, out=surface), 0.25),
        Stage("geometry", "train", (str(CONFIGS / "geometry.toml"),
              *given(data=data, out=geometry, surface=surface)), 0.25),
        Stage("painter", "train_painter", (str(CONFIGS / "painter.toml"),
              *given(data=data, out=painter, speak=geometry / "last.safetensors")), 0.25),
        Stage("irfd", "train_irfd", given(data=data, out=irfd, speak=speak), 0.2),
        Stage("landmarks", "train_landmarks", given(data=data, out=landmarks), 0.05),
        Stage("export", "export", given(speak=speak, irfd=irfd, landmarks=landmarks, pack=pack,
              example=data / "eval" / "000000_0.npz")),
    ]  # fmt: skip


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; --quick replaces the amounts."""
    parser = argparse.ArgumentParser(description="Train the default pack.")
    add = parser.add_argument
    add("--assets", type=Path, required=True, help="folder of the avatar archives (with geo.npz)")
    add("--out", type=Path, required=True, help="folder for data, checkpoints and the pack")
    add("--hours", type=float, default=3.0, help="of training, beside the rendering")
    add("--identities", type=int, default=800, help="people to render, a second or two each")
    add("--pack", type=Path, default=DEFAULT_PACK, help="pack that lends voice and detector")
    add("--quick", action="store_true", help="every line once, in a few minutes, for a look")
    options = parser.parse_args(arguments)
    options.evaluation = EVALUATION_PEOPLE
    if options.quick:
        options.hours, options.identities, options.evaluation = 0.05, 4, 2
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
    todo = stages(options.assets.resolve(), out, options.identities, options.evaluation)
    for number, stage in enumerate(todo, 1):
        mark = done / stage.name
        if mark.exists():
            say(f"{number}/{len(todo)} {stage.name}: done before")
            continue
        minutes = ("--minutes", f"{60 * options.hours * stage.share:.2f}") if stage.share else ()
        say(f"{number}/{len(todo)} {stage.name}"
            + (f", {float(minutes[1]):.0f} minutes" if minutes else ""))  # fmt: skip
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
