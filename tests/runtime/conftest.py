# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny pack and a drawn portrait, made once per run."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference_core.runtime.engine import Engine
from inference_core.runtime.portrait import Portrait
from tests.fixtures.faces import draw_face, encoded
from tests.fixtures.tiny_pack import write_pack


@pytest.fixture(scope="session")
def pack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("pack") / "tiny")


@pytest.fixture(scope="session")
def engine(pack_folder: Path) -> Engine:
    return Engine(pack_folder, threads=1)


@pytest.fixture(scope="session")
def face_png() -> bytes:
    return encoded(draw_face())


@pytest.fixture(scope="session")
def portrait(engine: Engine, face_png: bytes) -> Portrait:
    return engine.prepare(face_png)
