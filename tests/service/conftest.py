# SPDX-License-Identifier: GPL-3.0-or-later
"""Real core processes for the tests of the link."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service.harness import TestCore, started

StartCore = Callable[..., TestCore]


@pytest.fixture
def start_core(tmp_path: Path) -> Iterator[StartCore]:
    """Start cores that end with the test."""
    cores: list[TestCore] = []

    def start(**options: object) -> TestCore:
        folder = tmp_path / f"core{len(cores)}"
        folder.mkdir()
        cores.append(started(folder, **options))  # type: ignore[arg-type]
        return cores[-1]

    yield start
    for core in cores:
        core.stop()


@pytest.fixture(scope="module")
def shared_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCore]:
    """One core for the tests of a module that leave it as they found it."""
    core = started(tmp_path_factory.mktemp("core"))
    yield core
    core.stop()
