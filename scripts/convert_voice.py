# SPDX-License-Identifier: GPL-3.0-or-later
"""Put somebody else's phone recogniser into a model pack, in place of our voice encoder.

    python scripts/convert_voice.py MODEL --out PACK

MODEL is a local folder with a CTC model of Hugging Face's transformers whose vocabulary is IPA as
espeak-ng writes it (config.json, vocab.json and the weights), for example a download of
facebook/wav2vec2-lv-60-espeak-cv-ft. PACK becomes a copy of the default pack, or of --pack, with
that encoder: choose it in the add-on's preferences as Model Pack, or with --pack on the command
line. Nothing is downloaded. Needs requirements/train.txt.
"""

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference_core.runtime.pack import DEFAULT, VOICE, Pack
from inference_core.training.voice.export import export_network
from inference_core.training.voice.foreign import NotFittingError, load
from scripts.terminal import say


def convert(model: Path, out: Path, pack: Path = DEFAULT) -> float:
    """Write the pack `out`; returns the largest difference between torch and ONNX Runtime.

    Raises NotFittingError; RuntimeError when ONNX Runtime answers otherwise; FileExistsError when
    there is something at `out` that is no pack.
    """
    if out.exists() and not (out / "pack.json").exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty and holds no pack; choose another folder")
    encoder, vocabulary = load(model)
    Pack(pack, 1)  # whole and unharmed
    out.mkdir(parents=True, exist_ok=True)
    worst = export_network(encoder.eval(), out / VOICE)
    meta = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    for name in meta["files"]:
        if name != VOICE:
            shutil.copyfile(pack / name, out / name)
    for name in ("MODEL_CARD.md",):
        if (pack / name).exists():
            shutil.copyfile(pack / name, out / name)
    data = (out / VOICE).read_bytes()
    meta["files"][VOICE] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    meta["id"] = f"{meta.get('id', pack.name)}+{model.resolve().name}"
    meta.setdefault("trained", {})["voice"] = (
        f"not ours: {model.resolve().name}, converted; its own licence and limits hold"
    )
    (out / "pack.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    if vocabulary.unknown:
        say(f"symbols heard as nothing: {' '.join(vocabulary.unknown[:20])}")
    return worst


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=Path, help="local folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new pack")
    parser.add_argument("--pack", type=Path, default=DEFAULT, help="pack to copy the rest from")
    options = parser.parse_args(argv)
    try:
        worst = convert(options.model, options.out, options.pack)
    except (NotFittingError, FileExistsError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.out.iterdir()) / 1e6
    say(f"{options.out}: {size:.0f} MB, differs by {worst:.1e} from torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
