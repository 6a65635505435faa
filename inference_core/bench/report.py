# SPDX-License-Identifier: GPL-3.0-or-later
"""The systems side by side: for a terminal, as a page that needs nothing beside it, as JSON."""

from __future__ import annotations

import base64
import html
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from .measures import Figure

Bytes = npt.NDArray[np.uint8]

SHOWN = 6  # pictures of each clip
SHOWN_SIDE = 240
COLOURS = ("#c03020", "#2050c0", "#208040", "#906010", "#702090")

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
td, th { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid #8884 }
small { opacity: .7 } figure { margin: 0 0 1rem } img { max-width: 100%; display: block }
.table { overflow-x: auto }
"""


@dataclass(frozen=True)
class System:
    """One column: its name, its figures, and some of its pictures."""

    name: str
    figures: list[Figure]
    pictures: Bytes


def value_of(figure: Figure) -> str:
    """The number with its interval and unit, or what is missing."""
    if figure.missing:
        return figure.missing
    if not math.isfinite(figure.value):
        return "equal" if figure.value > 0 else "not a number"
    text = f"{figure.value:.4g}"
    if found := figure.interval:
        text += f" [{found[0]:.4g}, {found[1]:.4g}]"
    return f"{text} {figure.unit}".strip()


def as_text(systems: Sequence[System]) -> str:
    """A table for a terminal, profiles below it."""
    width = max(16, 100 // (len(systems) + 1))
    lines = ["".join(name.ljust(width) for name in ("", *(one.name for one in systems)))]
    for number, first in enumerate(systems[0].figures):
        cells = [first.metric, *(value_of(one.figures[number]) for one in systems)]
        wrapped = [textwrap.wrap(cell, width - 2) or [""] for cell in cells]
        for row in range(max(map(len, wrapped))):
            parts = [cell[row] if row < len(cell) else "" for cell in wrapped]
            lines.append("".join(part.ljust(width) for part in parts).rstrip())
    lines.append("")
    for first in systems[0].figures:
        if first.profile:
            lines.append(f"{first.metric}: {first.profile}")
    return "\n".join(lines) + "\n"


def as_markdown(systems: Sequence[System]) -> str:
    """The table for documents."""
    head = ["metric", *(one.name for one in systems), "profile"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for number, first in enumerate(systems[0].figures):
        cells = [first.metric, *(value_of(one.figures[number]) for one in systems), first.profile]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def as_data(systems: Sequence[System]) -> list[dict[str, object]]:
    """For JSON, which has no infinity and no NaN."""

    def number(value: float) -> float | str:
        return value if math.isfinite(value) else str(value)

    return [
        {
            "name": one.name,
            "figures": [
                {
                    "metric": figure.metric,
                    "value": None if figure.missing else number(figure.value),
                    "unit": figure.unit,
                    "profile": figure.profile,
                    "interval": figure.interval,
                    "each": [number(value) for value in figure.each],
                    "missing": figure.missing,
                }
                for figure in one.figures
            ],
        }
        for one in systems
    ]


def as_html(systems: Sequence[System], title: str) -> str:
    """One page: pictures over each other, the table, a plot over time for each metric."""
    strips = "".join(
        f"<figure>{_image(_strip(one.pictures))}<figcaption>{html.escape(one.name)}</figcaption>"
        "</figure>"
        for one in systems
    )
    head = "".join(f"<th>{html.escape(one.name)}</th>" for one in systems)
    body = ""
    for number, first in enumerate(systems[0].figures):
        cells = "".join(f"<td>{html.escape(value_of(one.figures[number]))}</td>" for one in systems)
        body += f"<tr><td>{html.escape(first.metric)}</td>{cells}"
        body += f"<td><small>{html.escape(first.profile)}</small></td></tr>"
    plots = ""
    for number, first in enumerate(systems[0].figures):
        each = [one.figures[number].each for one in systems]
        if any(len(values) > 2 for values in each):
            plots += f"<h3>{html.escape(first.metric)} {html.escape(first.unit)}</h3>"
            plots += _image(_plot(each))
    legend = ", ".join(
        f'<span style="color:{COLOURS[n % len(COLOURS)]}">{html.escape(one.name)}</span>'
        for n, one in enumerate(systems)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{strips}"
        f'<div class="table"><table><tr><th></th>{head}<th>profile</th></tr>{body}</table></div>'
        "<p>In brackets: where the mean lies with 95 %, by bootstrap over clips, or over the "
        "frames of one clip, whose neighbours are alike; the true doubt is then larger.</p>"
        f"<h2>Over time</h2><p>{legend}</p>{plots}</html>\n"
    )


def _strip(pictures: Bytes) -> Image.Image:
    """Some pictures of a clip in a row."""
    at = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).round().astype(int)
    small = []
    for picture in pictures[at]:
        image = Image.fromarray(picture)
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        small.append(np.asarray(image))
    return Image.fromarray(np.concatenate(small, 1))


def _plot(each: Sequence[Sequence[float]]) -> Image.Image:
    """Values over their number, one line per system."""
    width, height, edge = 900, 180, 56
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    known = [value for values in each for value in values]
    low, high = min(known), max(known)
    spread = (high - low) or 1.0
    for number in range(3):
        y = height - 16 - number * (height - 32) / 2
        pen.line((edge, y, width - 8, y), fill="#dddddd")
        pen.text((4, y - 6), f"{low + spread * number / 2:.3g}", fill="black")
    for number, values in enumerate(each):
        if len(values) < 2:
            continue
        points = [
            (
                edge + (width - 8 - edge) * at / (len(values) - 1),
                height - 16 - (height - 32) * (value - low) / spread,
            )
            for at, value in enumerate(values)
        ]
        pen.line(points, fill=COLOURS[number % len(COLOURS)], width=2)
    return sheet


def _image(picture: Image.Image) -> str:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=88)
    data = base64.b64encode(out.getvalue()).decode()
    return f'<img src="data:image/webp;base64,{data}" alt="">'
