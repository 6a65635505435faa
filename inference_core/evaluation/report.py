# SPDX-License-Identifier: GPL-3.0-or-later
"""The result for three readers: a table to print, a page to look at, JSON to compare by."""

from __future__ import annotations

import base64
import html
import io
import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from .bench import Bench, Bytes, Row, Strip

COLUMNS = ("what", "on", "figure", "goal", "")
WIDTHS = (34, 30, 44, 30, 6)  # letters per column in print
CLIP_MILLISECONDS = 100
QUALITY = 88  # of the pictures in the page: a report of 100 MB is not opened

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
td, th { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid #8884 }
.yes { color: #187a3c } .no { color: #c0392b } .open { opacity: .6 }
.strip { display: flex; flex-wrap: wrap; gap: .5rem } figure { margin: 0; max-width: 100% }
img { max-width: 100%; display: block; border-radius: 3px } figcaption { font-size: .85rem }
.table { overflow-x: auto }
"""


def _mark(row: Row) -> str:
    return {True: "yes", False: "no", None: "-"}[row.met]


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal, cells wrapped."""
    lines = []
    rule = "-+-".join("-" * width for width in WIDTHS)
    for cells in [COLUMNS, *((r.what, r.on, r.figure, r.goal, _mark(r)) for r in rows)]:
        wrapped = [textwrap.wrap(c, w) or [""] for c, w in zip(cells, WIDTHS, strict=True)]
        for n in range(max(map(len, wrapped))):
            parts = [(w[n] if n < len(w) else "") for w in wrapped]
            padded = (p.ljust(width) for p, width in zip(parts, WIDTHS, strict=True))
            lines.append(" | ".join(padded).rstrip())
        lines.append(rule)
    return "\n".join(lines) + "\n"


def as_markdown(rows: Sequence[Row]) -> str:
    """The table for the documents."""
    lines = ["| what | on | figure | goal | met |", "|---|---|---|---|---|"]
    for r in rows:
        cells = (r.what, r.on, r.figure, r.goal, _mark(r))
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN: they become words."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else str(float(value))
    return value


def as_json(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """All figures with their parts."""
    data = {"about": about, "rows": [asdict(row) for row in rows]}
    return json.dumps(_plain(data), indent=1, allow_nan=False) + "\n"


def _image(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _still(picture: Bytes) -> str:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "WEBP", quality=QUALITY)
    return _image(out.getvalue(), "webp")


def _clip(pictures: Bytes) -> str:
    frames = [Image.fromarray(picture) for picture in pictures]
    out = io.BytesIO()
    # There and back again: without a jump from the last frame to the first.
    frames[0].save(out, "WEBP", save_all=True, append_images=[*frames[1:], *frames[-2:0:-1]],
                   duration=CLIP_MILLISECONDS, loop=0, quality=QUALITY)  # fmt: skip
    return _image(out.getvalue(), "webp")


def _figure(source: str, label: str) -> str:
    words = html.escape(label)
    return f'<figure><img src="{source}" alt="{words}"><figcaption>{words}</figcaption></figure>'


def _strip(strip: Strip) -> str:
    title = f"<h3>{html.escape(strip.title)}</h3>"
    if strip.moving:
        return title + _figure(_clip(strip.pictures), strip.title)
    labels = strip.labels or [""] * len(strip.pictures)
    figures = (_figure(_still(p), label) for p, label in zip(strip.pictures, labels, strict=True))
    return title + '<div class="strip">' + "".join(figures) + "</div>"


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in line) + "</tr>"
                   for line in lines)  # fmt: skip
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'


def _goal_table(rows: Sequence[Row]) -> str:
    kinds = {True: "yes", False: "no", None: "open"}
    head = "".join(f"<th>{cell}</th>" for cell in ("what", "on", "figure", "goal", "met"))
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in (r.what, r.on, r.figure, r.goal))
        + f'<td class="{kinds[r.met]}">{_mark(r)}</td></tr>'
        for r in rows
    )  # fmt: skip
    return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'


def as_html(rows: Sequence[Row], bench: Bench, about: dict[str, Any]) -> str:
    """One page that needs nothing beside it."""
    facts = ", ".join(f"{name} {value}" for name, value in about.items())
    tables = "".join(f"<h3>{html.escape(title)}</h3>" + _table(lines[0], lines[1:])
                     for title, lines in bench.tables)  # fmt: skip
    strips = "".join(_strip(strip) for strip in bench.strips)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>SPEAK: evaluation</title>'
        f"<style>{_STYLE}</style><h1>Evaluation of the pack</h1><p>{html.escape(facts)}</p>"
        f"{_goal_table(rows)}{tables}<h2>Look at it</h2>{strips}</html>\n"
    )
