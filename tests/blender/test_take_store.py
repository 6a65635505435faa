# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on disk: shared frames, switching, deleting, and what they use, without Blender."""

import os
import struct

import pytest
from speak.inference_core.protocol.errors import SpeakError
from speak.speak_addon.shot_folder import ShotFolder, frame_name
from speak.speak_addon.take_store import Take, TakeStore


def key(letter: str) -> str:
    return letter * 64


def png(letter: str) -> bytes:
    """The start of a frame as the core writes it."""
    text = b"speak-key\0" + key(letter).encode()
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + bytes(4)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(17) + chunk + b"pixels"


def take(letters: str, name: str = "") -> Take:
    return Take(0, name, "2026-01-01T00:00:00+00:00", 0, 256, "1", tuple(map(key, letters)))


class Shot:
    """A folder in which generations replace what changed, as the add-on does."""

    def __init__(self, path):
        self.folder, self.store = ShotFolder(path), TakeStore(path)
        self.folder.open()

    def generate(self, letters: str) -> Take:
        """Returns the take; `made` is what had to be made."""
        keys, needed = [key(letter) for letter in letters], self.store.needed()
        self.made = []
        for index in self.folder.missing(keys):
            if not self.store.restore(index, keys[index], needed):
                self.store.keep(index, needed)
                self.folder.write_frame(index, png(letters[index]))
                self.made.append(index)
        kept = self.store.add(take(letters))
        self.store.write_details(kept.number, {"letters": letters})
        return kept

    @property
    def shown(self) -> str:
        return "".join(
            next(c for c in "abcdefgh" if (self.folder.path / frame_name(i)).read_bytes() == png(c))
            for i in range(3)
        )

    @property
    def kept(self) -> list[str]:
        frames = self.store.path / "frames"
        return sorted(path.name[0] for path in frames.iterdir()) if frames.is_dir() else []


@pytest.fixture
def shot(tmp_path):
    return Shot(tmp_path / "Größe")


def test_only_what_differs_is_kept_twice(shot):
    shot.generate("abc")
    assert shot.kept == []
    shot.generate("adc")
    assert shot.made == [1]
    assert shot.kept == ["b"]
    assert [t.name for t in shot.store.takes()] == ["Take 1", "Take 2"]
    assert shot.store.details(1) == {"letters": "abc"}


def test_back_and_forth_and_what_is_shared_is_not_touched(shot):
    shot.generate("abc")
    shot.generate("adc")
    before = (shot.folder.path / frame_name(0)).stat()
    assert shot.store.switch(shot.store.find(1), {}) == []
    assert shot.shown == "abc"
    assert shot.store.switch(shot.store.find(2), {}) == []
    assert shot.shown == "adc"
    after = (shot.folder.path / frame_name(0)).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert not list(shot.folder.path.glob("*.part"))


def test_what_another_take_has_made_is_not_made_again(shot):
    shot.generate("abc")
    shot.generate("add")
    shot.generate("abe")
    assert shot.made == [2]
    assert shot.shown == "abe"


def test_deleting_a_take_frees_what_only_it_had(shot):
    shot.generate("abc")
    shot.generate("abd")
    shot.generate("aef")
    assert shot.kept == ["b", "c", "d"]
    used = shot.store.bytes()
    shot.store.delete([1])
    assert shot.kept == ["b", "d"]
    assert shot.store.bytes() < used
    assert shot.shown == "aef"
    assert shot.store.details(1) == {}
    assert shot.store.switch(shot.store.find(2), {}) == []
    assert shot.shown == "abd"


def test_frames_that_are_gone_are_named(shot):
    shot.generate("abc")
    shot.generate("ade")
    for path in (shot.store.path / "frames").iterdir():
        path.unlink()
    assert shot.store.switch(shot.store.find(1), {}) == [1, 2]


def test_named_takes_stay_and_the_oldest_others_go(shot):
    for letters in ("abc", "abd", "abe", "abf"):
        shot.generate(letters)
    shot.store.rename(1, "Keeper")
    assert shot.store.superfluous(2) == [2]
    assert shot.store.find(1).name == "Keeper"
    assert shot.store.superfluous(3) == []


def test_a_disk_without_links_gets_copies(shot, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    shot.generate("abc")
    shot.generate("adc")
    shot.store.switch(shot.store.find(1), {})
    assert shot.shown == "abc"


def test_a_list_that_is_damaged_is_no_list_and_a_folder_that_is_closed_says_so(shot, monkeypatch):
    shot.generate("abc")
    (shot.store.path / "takes.json").write_text("{")
    assert shot.store.takes() == []
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(30, "ro")))
    with pytest.raises(SpeakError, match="cannot be written"):
        shot.store.add(take("abc"))
