# SPDX-License-Identifier: GPL-3.0-or-later
"""The pack that ships, on the portrait that ships: it loads, finds the face and makes frames."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.protocol.controls import INDEX
from inference_core.runtime.engine import Engine
from inference_core.runtime.pack import DEFAULT
from inference_core.runtime.portrait import Portrait
from tests.fixtures.faces import encoded

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "portrait.png"
FPS = Fraction(25)


@pytest.fixture(scope="module")
def shipped() -> Engine:
    return Engine(DEFAULT)


@pytest.fixture(scope="module")
def sample(shipped: Engine) -> Portrait:
    return shipped.prepare(SAMPLE.read_bytes())


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int)


def test_the_face_of_the_sample_is_found(sample: Portrait) -> None:
    assert len(sample.faces) == 1
    assert sample.notices == []
    left, top, width, height = sample.faces[0]
    inside = (sample.points > (left, top)) & (sample.points < (left + width, top + height * 1.2))
    assert inside.all()
    eyes, mouth = sample.points[:2].mean(0), sample.points[3:5].mean(0)
    assert mouth[1] > eyes[1]
    assert abs(sample.own[INDEX["yaw"]]) < 15


def test_what_is_no_face_is_refused_by_the_landmark_network(shipped: Engine) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    unsure = shipped.prepare(encoded(Image.fromarray(noise)), box=(100, 100, 100, 100))
    assert unsure.confidence < 0.5


def test_at_rest_the_frame_is_the_portrait(shipped: Engine, sample: Portrait) -> None:
    (frame,) = shipped.generate(sample, None, FPS, sample.own[None], 512)
    # The voice is silent here, so a mouth that is open in the portrait may close.
    assert np.abs(pixels(frame.png) - np.asarray(sample.rgb, int)).mean() < 3


def test_yaw_turns_the_head_and_leaves_the_rest_of_the_picture(
    shipped: Engine, sample: Portrait
) -> None:
    row = sample.own[None].copy()
    row[0, INDEX["yaw"]] += 20
    (frame,) = shipped.generate(sample, None, FPS, row, 256, mark=False)
    change = np.abs(pixels(frame.png) - np.asarray(sample.rgb, int)).sum(-1)
    ys, xs = np.mgrid[0 : sample.height, 0 : sample.width] + 0.5
    place = np.abs(sample.square.from_picture(np.stack([xs, ys], -1))).max(-1)
    assert change[place > 1].max() == 0
    assert change[place < 0.5].mean() > 10


def test_frames_are_the_same_bytes_in_any_order_and_with_any_threads(
    shipped: Engine, sample: Portrait
) -> None:
    rows = np.repeat(sample.own[None], 3, 0)
    rows[:, INDEX["yaw"]] += (0, 7, -5)
    rows[2, INDEX["happy"]] = 0.7
    first = {f.index: f for f in shipped.generate(sample, None, FPS, rows, 256)}
    single = Engine(DEFAULT, threads=1)
    same = single.prepare(SAMPLE.read_bytes())
    assert same.key == sample.key
    for frame in single.generate(same, None, FPS, rows, 256, indices=[2, 1]):
        assert frame.png == first[frame.index].png
        assert np.array_equal(frame.measured, first[frame.index].measured)


def test_memory_stays_below_a_gigabyte_at_512(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from inference_core.runtime.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "from pathlib import Path\n"
        "import resource\n"
        "if (status_file := Path('/proc/self/status')).exists():\n"
        # Linux counts in ru_maxrss what the parent had in memory when it started this process.
        "    print(int(status_file.read_text().split('VmHWM:')[1].split()[0]) / 2**10)\n"
        "else:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)\n"
        "sys.exit(status)\n"
    )
    files = ["--portrait", SAMPLE, "--voice", ROOT / "samples" / "voice.wav", "--out", tmp_path]
    command = [sys.executable, "-c", code, "generate", *files, "--size", "512", "--frames", "0:6"]
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.png"))) == 6
    assert float(done.stdout) < 1000
