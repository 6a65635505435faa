# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the project's list of attacks: which test stands for which, and those without a home.

Rows 1 to 11, 13 to 18 and 23 are tests/service/test_intruders.py, test_bad_requests.py and
test_source.py.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from inference_core.bench import syncnet, weights
from inference_core.protocol.errors import SpeakError
from inference_core.runtime.image_file import decode
from inference_core.runtime.pack import Pack
from tests.fixtures import memory
from tests.fixtures.tiny_pack import write_pack

ROOT = Path(__file__).parents[2]
MEGABYTES = 256

ELSEWHERE = {
    "12 pictures that are bombs or odd": [
        "tests/runtime/test_image_file.py::test_sizes_are_refused_before_a_pixel_is_decoded",
        "tests/runtime/test_image_file.py::test_text_that_unpacks_to_a_gigabyte_takes_no_memory",
        "tests/runtime/test_image_file.py::test_exif_orientation_is_honoured",
        "tests/runtime/test_image_file.py::test_cmyk_comes_out_in_colour_with_a_notice",
        "tests/runtime/test_image_file.py::test_truncated_file_says_so",
    ],
    "19 somebody is killed, or the disk is full": [
        "tests/blender/test_in_blender.py::"
        "test_a_killed_blender_takes_its_core_along_and_its_frames_are_adopted",
        "tests/service/test_trouble.py::"
        "test_the_core_killed_in_mid_frame_is_noticed_and_a_new_one_works",
        "tests/service/test_trouble.py::test_the_core_ends_with_its_parent",
        "tests/runtime/test_cli.py::test_a_full_disk_leaves_no_half_frame_and_the_next_run_goes_on",
        "tests/runtime/test_cli.py::test_a_folder_that_cannot_be_made_is_refused_before_a_frame",
    ],
    "20 cancel and generate by turns": [
        "tests/service/test_trouble.py::test_hundreds_of_alternations_leave_nothing_behind",
    ],
    "21 weights that are not what they say": [
        "tests/runtime/test_pack.py::test_one_changed_byte_is_found_and_the_file_named",
        "tests/runtime/test_pack.py::"
        "test_a_detector_with_an_object_array_is_refused_without_running_it",
        "tests/runtime/test_pack.py::test_a_file_outside_of_the_folder_is_never_opened",
    ],
    "22 curves and ranges beyond all bounds": [
        "tests/runtime/test_engine.py::test_nan_and_1e9_in_a_curve_make_frames",
        "tests/runtime/test_engine.py::test_wrong_orders_are_refused_before_the_first_frame",
        "tests/runtime/test_engine.py::test_23_976_is_a_frame_rate",
        "tests/runtime/test_cli.py::test_what_cannot_be_made_is_refused",
    ],
}


@pytest.mark.parametrize("row", ELSEWHERE)
def test_the_tests_of_a_row_are_there(row: str) -> None:
    for name in ELSEWHERE[row]:
        file, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), name


# Row 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), *chunks, _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _animation(frames: int) -> bytes:
    small = [Image.new("RGB", (80, 80), (n % 256, n // 256, 9)) for n in range(frames)]
    out = io.BytesIO()
    small[0].save(out, "PNG", save_all=True, append_images=small[1:])
    return out.getvalue()


def bombs() -> dict[str, bytes]:
    jpeg = io.BytesIO()
    Image.new("RGB", (100, 100)).save(jpeg, "JPEG")
    plain = jpeg.getvalue()
    # A JPEG segment is at most 64 kB; a gigabyte is claimed by the EXIF block inside it.
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x010E, 2, 1 << 30, 26)
    long = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    thin = zlib.compress(bytes(1 << 20), 9)[:1024]
    return {
        "30000 x 30000 in a kilobyte": _png(30000, 30000, _chunk(b"IDAT", thin)),
        "12000 x 12000": _png(12000, 12000, _chunk(b"IDAT", zlib.compress(bytes(36001 * 200), 9))),
        "no rows at all": _png(100, 0, _chunk(b"IDAT", zlib.compress(b""))),
        "EXIF of a gigabyte": plain[:2] + long + plain[2:],
        "animation of 300": _animation(300),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9e9' height='9e9'/>",
        "exr": b"\x76\x2f\x31\x01" + bytes(2000),
    }


@pytest.mark.parametrize("name", list(bombs()))
def test_a_bomb_is_refused_or_read_within_its_memory(name: str) -> None:
    outcome, grown = memory.reading(bombs()[name])
    assert grown < MEGABYTES
    assert outcome.startswith(("portrait_", "("))


def test_one_pixel_is_too_small_and_says_so() -> None:
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    with pytest.raises(SpeakError) as caught:
        decode(out.getvalue())
    assert caught.value.code == "portrait_too_small"


# Row 21


class _Marker:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_pickle_that_calls_itself_a_network_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "pack")
    marker = tmp_path / "ran"
    data = pickle.dumps(_Marker(marker))
    (folder / "frame.onnx").write_bytes(data)
    # Whoever can write the pack can write its hashes as well.
    meta = json.loads((folder / "pack.json").read_text())
    meta["files"]["frame.onnx"] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (folder / "pack.json").write_text(json.dumps(meta))
    with pytest.raises(SpeakError) as caught:
        Pack(folder).session("frame.onnx")
    assert caught.value.code in ("pack_damaged", "pack_shape")
    assert "frame.onnx" in caught.value.sentence
    assert not marker.exists()


def test_a_pickle_among_the_weights_of_others_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / weights.SYNC.file).write_bytes(pickle.dumps(_Marker(marker)))
    import numpy as np

    with pytest.raises(weights.UnavailableError, match=weights.SYNC.file.replace(".", r"\.")):
        syncnet.scores(np.zeros((30, 64, 64, 3), np.uint8), np.zeros(20000), tmp_path)
    assert not marker.exists()
