# SPDX-License-Identifier: GPL-3.0-or-later
"""The CSV of curves that the command line and the add-on share. Standard library only.

The first line is `frame` and control names in any order, then one row per frame. An empty cell
counts as not named.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from .controls import INDEX
from .errors import SpeakError

Rows = dict[int, dict[str, float]]


def read(path: Path, frames: int) -> Rows:
    """Control values by frame number from 0; rows for frames from `frames` on are left out.

    Values are not clamped, so they may be NaN or 1e9. Raises SpeakError: file_missing,
    csv_unreadable, csv_unknown_column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SpeakError("file_missing", name=path.name) from None
    except (OSError, UnicodeDecodeError):
        raise SpeakError("csv_unreadable", reason="it is not a text file") from None
    found: Rows = {}
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        columns = _columns(header)
        seen = set()
        for line, cells in enumerate(rows, 2):
            if not any(cell.strip() for cell in cells):
                continue
            frame, values = _row(line, header, columns, cells)
            if frame in seen:
                raise SpeakError(
                    "csv_unreadable",
                    reason="line {line} repeats frame {frame}",
                    line=line,
                    frame=frame,
                )
            seen.add(frame)
            if frame < frames:
                found[frame] = values
    except csv.Error as error:
        raise SpeakError("csv_unreadable", reason=str(error)) from None
    return found


def write(path: Path, names: Sequence[str], rows: Sequence[tuple[int, Sequence[float]]]) -> None:
    """Write frame numbers from 0 with their values, six digits each. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["frame", *names])
        for frame, values in rows:
            writer.writerow([frame, *(f"{value:.6g}" for value in values)])


def _columns(header: list[str]) -> dict[int, str]:
    """Which column of the file is which control. SpeakError csv_unreadable, csv_unknown_column."""
    if "frame" not in header:
        raise SpeakError("csv_unreadable", reason="it has no column `frame`")
    for name in header:
        if name != "frame" and name not in INDEX:
            raise SpeakError("csv_unknown_column", name=name[:40])
    if len(set(header)) != len(header):
        raise SpeakError("csv_unreadable", reason="a column stands in it twice")
    return {at: name for at, name in enumerate(header) if name != "frame"}


def _row(
    line: int, header: list[str], columns: dict[int, str], cells: list[str]
) -> tuple[int, dict[str, float]]:
    """The frame and the values of one line. SpeakError csv_unreadable."""
    if len(cells) != len(header):
        wanted = f"line {line} has {len(cells)} values, not {len(header)}"
        raise SpeakError("csv_unreadable", reason=wanted)
    try:
        frame = int(cells[header.index("frame")])
        values = {name: float(cells[at]) for at, name in columns.items() if cells[at].strip()}
    except ValueError:
        raise SpeakError("csv_unreadable", reason="line {line} is not numbers", line=line) from None
    if frame < 0:
        raise SpeakError("csv_unreadable", reason="line {line} is before frame 0", line=line)
    return frame, values
