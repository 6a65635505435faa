# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark measures real cores and judges by the limits it prints."""

import argparse
import sys
from pathlib import Path

import pytest

from scripts import bench
from scripts.bench import Row
from tests.fixtures.tiny_pack import write_pack


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """All figures with a pack of a few kilobytes."""
    pack = write_pack(tmp_path_factory.mktemp("pack"))
    measured = bench.measure(argparse.Namespace(pack=pack, frames=4))
    return {row.name: row for row in measured}


def test_every_figure_of_the_table_is_measured(rows: dict[str, Row]) -> None:
    assert all(row.value > 0 for row in rows.values())
    for size in (256, 512):
        warm_seconds = rows[f"warm first frame, {size}"].value / 1e3
        assert rows[f"cold start to first frame, {size}"].value > warm_seconds
        share = rows[f"whole way / one after the other, {size}"].value
        whole, alone = (
            rows[f"the whole way, {size}"],
            rows[f"generator alone, one after the other, {size}"],
        )
        assert share == pytest.approx(whole.value / alone.value)
    link, copy = rows["link per 512x512 frame"], rows["plain copy of its bytes"]
    assert rows["link, in copies"].value == pytest.approx(link.value / copy.value)
    if sys.platform.startswith("linux"):
        # Python with numpy and ONNX Runtime has at least this.
        assert 40 < rows["peak memory of the core, 512"].value < 4000


def test_limits_are_judged_by_the_figures(rows: dict[str, Row]) -> None:
    link = rows["link, in copies"]
    assert link.kept == (link.value <= bench.MOST_COPIES)
    share = rows["whole way / one after the other, 512"]
    assert share.kept == (share.value >= bench.LEAST_SHARE)
    assert ("kept" if share.kept else "MISSED") in share.cells[2]


def test_without_a_pack_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--pack", str(tmp_path)]) == 1
    assert "no model pack" in capsys.readouterr().out
