# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip that a user installs: what is in it, what is not, and that Blender accepts it."""

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts import environment, package, wheels

MANIFEST = """schema_version = "1.0.0"
id = "speak"

[permissions]
files = "Read and write"
"""


def test_the_manifest_names_the_wheels_before_its_first_table() -> None:
    text = package.with_wheels(MANIFEST, "linux-x64", ["a-1-cp311.whl", "b-2-py3.whl"])
    parsed = tomllib.loads(text)
    assert parsed["platforms"] == ["linux-x64"]
    assert parsed["wheels"] == ["./wheels/a-1-cp311.whl", "./wheels/b-2-py3.whl"]
    assert parsed["permissions"] == {"files": "Read and write"}


def test_a_manifest_that_already_names_wheels_is_refused() -> None:
    with pytest.raises(package.PackageError, match="wheels"):
        package.with_wheels('wheels = ["./x.whl"]\n' + MANIFEST, "linux-x64", [])


def test_what_needs_pytorch_is_left_out() -> None:
    names = [name for _, name in package.shipped_files()]
    assert "speak_addon/__init__.py" in names
    assert "inference_core/protocol/controls.py" in names
    assert not [n for n in names if n.startswith(("inference_core/model", "inference_core/train"))]
    assert not [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".part"))]
    assert names == sorted(names)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(package.PackageError, match=r"__init__\.py is missing"):
        list(package.shipped_files(tmp_path))


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    results = []
    for order, date in ((["b.txt", "a.txt"], (2020, 1, 1)), (["a.txt", "b.txt"], (2021, 2, 3))):
        source = tmp_path / f"{date[0]}.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for name in order:
                archive.writestr(zipfile.ZipInfo(name, (*date, 0, 0, 0)), name * 100)
        target = tmp_path / f"{date[0]}-sorted.zip"
        package.rewrite_sorted(source, target)
        results.append(target.read_bytes())
    assert results[0] == results[1]
    with zipfile.ZipFile(tmp_path / "2020-sorted.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("a.txt") == b"a.txt" * 100


def test_every_zip_has_wheels_for_its_pythons_and_never_numpy() -> None:
    lock = wheels.read_lock()
    assert set(lock) == set(wheels.PLATFORMS)
    asked = {item.partition("==")[0].replace("-", "_") for item in wheels.PACKAGES}
    for platform, files in lock.items():
        assert {name.partition("-")[0] for name in files} == asked, platform
        for compiled in ("onnxruntime", "pillow", "cffi"):
            tags = {name.split("-")[2] for name in files if name.startswith(compiled)}
            wanted = {f"cp{v.replace('.', '')}" for v in wheels.PLATFORMS[platform].pythons}
            assert tags == wanted, (platform, compiled)
        assert all(len(digest) == 64 for digest in files.values())


def test_the_runtime_file_and_the_wheels_pin_the_same_versions() -> None:
    lines = (environment.REQUIREMENTS / "runtime.txt").read_text("utf-8").splitlines()
    pinned = {line for line in lines if "==" in line and not line.startswith("numpy")}
    assert set(wheels.PACKAGES) <= pinned
    # c2pa-python asks for these to build itself; what it runs on does not.
    for_building = {"certifi", "charset-normalizer", "idna", "requests", "toml", "urllib3"}
    more = pinned - set(wheels.PACKAGES)
    assert {line.partition("==")[0] for line in more} == for_building


def test_what_only_linkers_need_is_left_out_of_a_wheel(tmp_path: Path) -> None:
    source, lean = tmp_path / "a-1-py3-none-any.whl", tmp_path / "lean"
    lean.mkdir()
    files = {"a/__init__.py": "x = 1", "a/a.so": "code", "a/a.lib": "symbols" * 1000}
    record = "".join(f"{name},sha256=0,1\n" for name in [*files, "a-1.dist-info/RECORD"])
    with zipfile.ZipFile(source, "w") as archive:
        for name, text in {**files, "a-1.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    wheels.copy_lean(source, lean)
    first = (lean / source.name).read_bytes()
    with zipfile.ZipFile(lean / source.name) as archive:
        assert archive.namelist() == ["a/__init__.py", "a/a.so", "a-1.dist-info/RECORD"]
        assert "a.lib" not in archive.read("a-1.dist-info/RECORD").decode()
        assert archive.read("a/a.so") == b"code"
    wheels.copy_lean(source, lean)
    assert (lean / source.name).read_bytes() == first


def test_a_changed_wheel_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "wheels.txt"
    lock.write_text(f"linux-x64 a-1-py3-none-any.whl {'0' * 64}\n", "utf-8")
    pinned = wheels.read_lock(lock)
    monkeypatch.setattr(wheels, "read_lock", lambda: pinned)
    folder = tmp_path / "linux-x64"
    folder.mkdir()
    (folder / "a-1-py3-none-any.whl").write_bytes(b"not it")
    with pytest.raises(wheels.WheelError, match="not the file that was pinned"):
        wheels.fetch(wheels.PLATFORMS["linux-x64"], Path("python"), tmp_path)
    assert not list(folder.iterdir())


def test_blender_builds_and_accepts_the_zip_of_this_platform(tmp_path: Path) -> None:
    platform = wheels.PLATFORMS[wheels.this_platform()]
    made = package.build(platform, tmp_path, Path(sys.executable))
    assert made.path.stat().st_size < package.MOST_BYTES
    with zipfile.ZipFile(made.path) as archive:
        names = set(archive.namelist())
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert manifest["platforms"] == [platform.name]
    assert {f"./{name}" for name in names if name.endswith(".whl")} == set(manifest["wheels"])
    assert {"__init__.py", "speak_addon/__init__.py", "LICENSE", "THIRD_PARTY.md"} <= names
    assert "inference_core/packs/default/pack.json" in names
    assert not [name for name in names if "numpy" in name or "torch" in name]
