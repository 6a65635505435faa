# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut the pictures that `pictures.py` took for docs/images: whole windows smaller, panels alone.

python tests/gui/run.py OUT --drive pictures --pack inference_core/packs/default
python tests/gui/docs_images.py OUT
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
WINDOWS = ("step1-empty", "step2-portrait", "step3-generating", "step4-finished", "step5-edited",
           "step6-wiped", "graph", "sequencer")  # fmt: skip
# Which picture of a panel says more: before or after the second generation.
PANELS = {"shot": "done", "portrait": "done", "voice": "done", "generate": "edited",
          "playhead": "edited", "sets": "edited", "curves": "edited", "result": "done",
          "takes": "done"}  # fmt: skip
WIDTH = 960


def main(out: Path) -> None:
    """Write all of them."""
    IMAGES.mkdir(exist_ok=True)
    for name in WINDOWS:
        picture = Image.open(out / f"{name}.png").convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        save(picture.resize((WIDTH, height), Image.Resampling.LANCZOS), name)
    rectangles = json.loads((out / "rectangles.json").read_text())
    for panel, suffix in PANELS.items():
        name = f"panel-{panel}-{suffix}"
        save(trimmed(cut(out / f"{name}.png", rectangles[name])), f"panel-{panel}")
    save(cut(out / "sequencer.png", rectangles["mood-strip"]), "mood-strip")


def cut(path: Path, rectangle: list[int]) -> Image.Image:
    """What lies in a rectangle of Blender's, which counts from below."""
    picture = Image.open(path).convert("RGB")
    x, y, width, height = rectangle
    top = picture.height - y - height
    return picture.crop((x, top, x + width, top + height))


def trimmed(picture: Image.Image) -> Image.Image:
    """Without the empty rest of the sidebar below, and without its tabs."""
    picture = picture.crop((0, 0, picture.width - 24, picture.height))
    pixels = np.asarray(picture, np.int16)
    # Rows in which something is written: letters are nearly white, the scene behind is not.
    busy = np.flatnonzero((pixels.min(axis=2) > 170).any(axis=1))
    last = int(busy[-1]) + 12 if len(busy) else picture.height
    return picture.crop((0, 0, picture.width, min(last, picture.height)))


def save(picture: Image.Image, name: str) -> None:
    """A palette is enough for an interface and a third of the size."""
    path = IMAGES / f"{name}.png"
    picture.quantize(256, kmeans=2, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(path.relative_to(ROOT), path.stat().st_size // 1024, "kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
