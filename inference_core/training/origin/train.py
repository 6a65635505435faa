# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains and measures what `verify` says of frames without a mark.

python -m inference_core.training.origin.train --films FOLDER --out FOLDER [--weights FILE]

FOLDER holds the films of `training.origin.films`: `film_*` are learned from; `held_*` and `clip_*`,
of other people and voices, are only measured. Each is one film made by the pack, and three that are
not: the person as filmed; the still portrait as a film, slowly zoomed; and the person as filmed,
pasted into the still portrait by other means, as other tools that animate a face do it. All go
through the same attack. With and without the watermark by halves, so that the mark tells nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy.optimize import minimize

from ...bench.attacks import ATTACKS, Attack
from ...bench.roc import auc, eer, interval_by_group
from ...provenance.look import IMAGES
from ...provenance.origin import FOLLOWING, Model, numbers_of, standing
from ...provenance.traces import PICTURE
from ...provenance.watermark import Watermark
from ...runtime.align import Square
from ...runtime.pack import DEFAULT, Pack
from ...runtime.portrait import square_of
from .films import Film, load

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

KINDS = ("made", "filmed", "still", "pasted by others")
ROWS = [name for name in ATTACKS if "frames" not in name]
MOVED = ("half size", "crop", "rendered at 1.5 x, crf 18", "turned by 1 degree", "mirrored")
PER_FILM = 2  # attacks of each film that is learned from
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FOLDS = 5


@dataclass(frozen=True)
class Sample:
    """One film after one attack: its numbers for the model of films, and those of its first picture
    alone.
    """

    person: str
    kind: str
    attack: str
    film: Floats
    picture: Floats


def variants(film: Film, square: Square, rng: np.random.Generator) -> dict[str, list[Bytes]]:
    """The film that was made and those that were not, by KINDS; `square`: the face in the first
    true frame.
    """
    true, made = list(film.true[:FOLLOWING]), list(film.made[:FOLLOWING])
    pace = rng.uniform(0, 0.004) if rng.random() < 0.5 else 0.0
    still = [_zoomed(true[0], 1 + pace * n) for n in range(len(true))]
    return dict(zip(KINDS, (made, true, still, _pasted(true, square, rng)), strict=True))


def _zoomed(picture: Bytes, factor: float) -> Bytes:
    image = Image.fromarray(picture)
    x, y = image.width / 2, image.height / 2
    box = (x - x / factor, y - y / factor, x + x / factor, y + y / factor)
    return np.asarray(image.resize(image.size, Image.Resampling.BICUBIC, box))


def _pasted(true: Sequence[Bytes], square: Square, rng: np.random.Generator) -> list[Bytes]:
    """Each true frame's face, at the resolution of somebody's network, in the first true frame."""
    size = int(rng.choice([224, 256, 512]))
    method = Image.Resampling(
        int(rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BICUBIC]))
    )
    half = square.side / 2 * rng.uniform(0.8, 1.2)
    height, width = true[0].shape[:2]
    box = (round(max(square.x - half, 0)), round(max(square.y - half, 0)),
           round(min(square.x + half, width)), round(min(square.y + half, height)))  # fmt: skip
    across, down = box[2] - box[0], box[3] - box[1]
    mask = Image.new("L", (across, down), 0)
    edge = round(min(across, down) * rng.uniform(0.04, 0.12))
    mask.paste(255, (edge, edge, across - edge, down - edge))
    mask = mask.filter(ImageFilter.GaussianBlur(edge / 2))
    result = []
    for picture in true:
        face = Image.fromarray(picture).crop(box).resize((size, size), method)
        whole = Image.fromarray(true[0]).copy()
        whole.paste(face.resize((across, down), method), box[:2], mask)
        result.append(np.asarray(whole))
    return result


def samples_of(
    pack: Pack, film: Film, person: str, attacks: Sequence[str], seed: int
) -> list[Sample]:
    """All variants of a film after each attack; none where no face is found."""
    rng = np.random.default_rng([seed, 20])
    squares = {kind: square_of(pack, Image.fromarray(pictures[0]))
               for kind, pictures in (("made", film.made), ("filmed", film.true))}  # fmt: skip
    if None in squares.values():
        return []
    result = []
    films = variants(film, squares["filmed"], rng)  # type: ignore[arg-type]
    for name in attacks:
        found = dict(squares)
        for kind in KINDS:
            some = _marked(films[kind]) if rng.random() < 0.5 else films[kind]
            seen = _attacked(ATTACKS[name], some)
            # The still and the pasted film begin with the picture that the filmed one begins with.
            first = kind if kind in squares else "filmed"
            if name in MOVED and kind == first:
                found[kind] = square_of(pack, Image.fromarray(seen[0]))
            square = found[first]
            if square is None:
                continue
            square = replace(square, side=square.side * float(rng.uniform(0.95, 1.05)))
            result.append(Sample(person, kind, name, numbers_of(seen, square),
                                 numbers_of(seen[:1], square)))  # fmt: skip
    return result


def _marked(pictures: Sequence[Bytes]) -> list[Bytes]:
    mark = Watermark(0, 0, pictures[0].shape[1], pictures[0].shape[0])
    result = [picture.copy() for picture in pictures]
    for picture in result:
        mark.mark(picture)
    return result


def _attacked(attack: Attack, pictures: Sequence[Bytes]) -> list[Bytes]:
    changed = attack.change([Image.fromarray(picture) for picture in pictures])
    return [np.asarray(picture.convert("RGB")) for picture in changed]


def fitted(numbers: Floats, made: npt.NDArray[np.bool_], penalty: float) -> Model:
    """Logistic regression with both kinds weighing the same, `penalty` on the squared weights."""
    centre = np.nanmean(numbers, 0)
    spread = np.nanstd(numbers, 0) + 1e-3
    x = standing(numbers, centre, spread).astype(np.float64)
    sign = np.where(made, 1.0, -1.0)
    weigh = np.where(made, 0.5 / made.sum(), 0.5 / (~made).sum())

    def loss(all_weights: Doubles) -> tuple[float, Doubles]:
        w, b = all_weights[:-1], all_weights[-1]
        margin = sign * (x @ w + b)
        value = float(weigh @ np.logaddexp(0, -margin)) + penalty / len(x) * float(w @ w) / 2
        slope = -weigh * sign / (1 + np.exp(np.clip(margin, -50, 50)))
        return value, np.concatenate([x.T @ slope + penalty / len(x) * w, [slope.sum()]])

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B",
                     options={"maxiter": 500}).x  # fmt: skip
    weights = found[:-1].astype(np.float32)
    return Model(centre, spread, weights, float(found[-1]), 0.0)


def crossed(samples: Sequence[Sample], which: str, penalty: float) -> Doubles:
    """The score of each sample by a model that did not see its person."""
    people = sorted({one.person for one in samples})
    fold = {person: n % FOLDS for n, person in enumerate(people)}
    numbers = np.stack([getattr(one, which) for one in samples])
    made = np.array([one.kind == "made" for one in samples])
    folds = np.array([fold[one.person] for one in samples])
    scores = np.zeros(len(samples))
    for n in range(FOLDS):
        model = fitted(numbers[folds != n], made[folds != n], penalty)
        scores[folds == n] = [model.score(row) for row in numbers[folds == n]]
    return scores


def trained(samples: Sequence[Sample], which: str) -> Model:
    """The model with the penalty that is best on people it did not see; its limit is above all of
    their films that were not made.
    """
    made = np.array([one.kind == "made" for one in samples])
    tries = {penalty: crossed(samples, which, penalty) for penalty in PENALTIES}
    best = max(tries, key=lambda penalty: auc(tries[penalty][~made], tries[penalty][made]))
    numbers = np.stack([getattr(one, which) for one in samples])
    model = fitted(numbers, made, best)
    others = tries[best][~made]
    print(f"{which}: penalty {best:g}, AUC by folds {auc(others, tries[best][made]):.4f}",
          file=sys.stderr)  # fmt: skip
    return replace(model, limit=float(others.max()))


COLUMNS = ("attack", "AUC pictures", "AUC films", "EER films", "films called alike",
           "of those filmed", "of still ones", "of those pasted by others",
           "TPR films at FPR 1e-3")  # fmt: skip


def table(samples: Sequence[Sample], models: dict[str, Model]) -> list[list[str]]:
    """A row for each attack, over people that were not learned from."""
    rows = []
    for name in ["all", *ROWS]:
        some = [one for one in samples if name in ("all", one.attack)]
        if not some:
            continue
        by: dict[str, dict[str, Doubles]] = {}
        for which, model in models.items():
            scores = [(one.kind, model.score(getattr(one, which))) for one in some]
            by[which] = {k: np.array([s for kind, s in scores if kind == k]) for k in KINDS}
        others = {w: np.concatenate([v for k, v in by[w].items() if k != "made"]) for w in by}
        made, limit = by["film"]["made"], models["film"].limit
        people = [one.person for one in some if one.kind == "made"]
        low, high = interval_by_group(people, made >= limit, lambda x: float(x.mean()))
        # Too few films to count one in a thousand: their scores are taken as normal.
        rare = others["film"].mean() + 3.09 * others["film"].std()
        shares = [f"{(by['film'][k] >= limit).sum()} of {len(by['film'][k])}" for k in KINDS[1:]]
        rows.append([name, f"{auc(others['picture'], by['picture']['made']):.3f}",
                     f"{auc(others['film'], made):.3f}", f"{eer(others['film'], made):.1%}",
                     f"{(made >= limit).mean():.0%} [{low:.0%}, {high:.0%}]", *shares,
                     f"{(made >= rare).mean():.0%}"])  # fmt: skip
    return rows


SQUARES = 4  # put anywhere into each picture that has no face to look at
LARGEST = 1280  # pixels a side that are looked at of a picture


def on_others(pack: Pack, folder: Path, model: Model) -> list[str]:
    """How often pictures of a folder, none of them made by SPEAK, are called alike: with their
    faces, and, since most have none, with squares anywhere in them.
    """
    rng = np.random.default_rng(22)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGES]
    faces, squares = [], []
    for path in files:
        image = Image.open(path).convert("RGB")
        image.thumbnail((LARGEST, LARGEST))
        picture = np.asarray(image)
        if (found := square_of(pack, image)) is not None:
            faces.append(model.score(numbers_of([picture], found)))
        for _ in range(SQUARES):
            side = float(rng.uniform(0.25, 0.6)) * min(image.size)
            x, y = (float(rng.uniform(side / 2, length - side / 2)) for length in image.size)
            squares.append(model.score(numbers_of([picture], Square(x, y, side))))
    alike = [f"{(np.array(some) >= model.limit).sum()} of {len(some)}" for some in (faces, squares)]
    return [folder.name, str(len(files)), *alike]


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn, measure, write the weights, origin.md and origin.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="numbers and tables")
    words = "folder of pictures that SPEAK did not make"
    parser.add_argument("--others", type=Path, action="append", default=[], help=words)
    parser.add_argument("--weights", type=Path, help="where the weights go (default OUT)")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    pack = Pack(DEFAULT)
    sets = {"film": [], "held": []}  # type: dict[str, list[Sample]]
    for path in sorted(options.films.glob("*_????.npz")):
        kind, _, number = path.stem.partition("_")
        kept = options.out / f"numbers_{path.name}"
        if not kept.exists():
            _measure(pack, path, kind, int(number), kept)
        sets["film" if kind == "film" else "held"] += _read(kept)
    models = {which: trained(sets["film"], which) for which in ("picture", "film")}
    weights = {
        f"{which}_{name}": np.float32(value)
        for which, model in models.items()
        for name, value in vars(model).items()
    }
    name = f"{pack.id} {pack.version} ({pack.sha256[:8]})"
    target = options.weights or options.out / "origin.npz"
    np.savez_compressed(target, pack=np.array(name), **weights)
    rows = table(sets["held"], models)
    lines = ["| " + " | ".join(cells) + " |" for cells in (COLUMNS, *rows)]
    lines.insert(1, "|" + "---|" * len(COLUMNS))
    heads = ("pictures", "number", "with a face, called alike", "squares anywhere, called alike")
    lines += ["", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for folder in options.others:
        cells = on_others(pack, folder, models["picture"])
        lines.append("| " + " | ".join(cells) + " |")
    (options.out / "origin.md").write_text("\n".join(lines) + "\n", "utf-8")
    people = {kind: len({one.person for one in some}) for kind, some in sets.items()}
    facts = {"pack": name, "people": people,
             "samples": {kind: len(some) for kind, some in sets.items()}}  # fmt: skip
    (options.out / "origin.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print("\n".join(lines))
    print(facts)


def _measure(pack: Pack, path: Path, kind: str, number: int, kept: Path) -> None:
    rng = np.random.default_rng([number, 21])
    attacks = ROWS if kind != "film" else list(rng.choice(ROWS, PER_FILM, replace=False))
    found = samples_of(pack, load(path), path.stem, attacks, number)
    np.savez_compressed(
        kept,
        facts=np.array([(one.person, one.kind, one.attack) for one in found]).reshape(-1, 3),
        numbers=np.array([np.concatenate([one.film, one.picture]) for one in found]),
    )
    print(f"{path.stem}: {len(found)}", file=sys.stderr, flush=True)


def _read(kept: Path) -> list[Sample]:
    with np.load(kept, allow_pickle=False) as file:
        facts, numbers = file["facts"], file["numbers"]
    return [
        Sample(str(person), str(kind), str(attack), both[:-PICTURE], both[-PICTURE:])
        for (person, kind, attack), both in zip(facts, numbers, strict=True)
    ]


if __name__ == "__main__":
    main()
