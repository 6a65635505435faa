# SPDX-License-Identifier: GPL-3.0-or-later
"""One shot made without Blender: files in, a folder of frames and curves out."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from inference_core.protocol.consent import UNSTATED
from inference_core.protocol.controls import CONTROLS_VERSION, COUNT, NAMES
from inference_core.protocol.errors import SpeakError

from . import reference
from .audio_file import read_audio
from .clip_file import open_clip
from .engine import Engine, Frame, Voice, check_fps
from .image_file import MAX_FILE
from .notice import Notice
from .portrait import Floats, Portrait
from .progress import Progress
from .seal import Seal
from .shot_file import CONTROLS, FORMAT, MEASURED, ShotFolder, frame_name
from .tracks import MOST_FRAMES, clamped, defaults, layered, read_csv, to_csv

# shot.json follows the frames this often; a crash costs as much measuring again, no frame.
SAVE_SECONDS = 2.0
SAVE_SHARE = 0.05  # of the time at most, however long the shot


@dataclass(frozen=True)
class Order:
    """What `generate` was asked for."""

    portrait: Path
    voice: Path
    out: Path
    fps: Fraction = Fraction(25)
    size: int = 256
    controls: Path | None = None
    auto: bool = True
    frames: tuple[int | None, int | None] = (None, None)  # half-open
    face: int | None = None
    face_box: tuple[float, float, float, float] | None = None
    seed: int = 0
    amount: float = 1.0
    start: float = 0.0
    pose_from: Path | None = None
    emotion_from: Path | None = None
    clip_fps: Fraction | None = None
    mark: bool = True
    consent: str = UNSTATED


class Shot:
    """A portrait, a voice and their tracks, and what of the frames is there already."""

    def __init__(self, engine: Engine, order: Order, say: Callable[[Notice], None]) -> None:
        """Read the files and work out every frame's key; `say` is told what the user should know.

        SpeakError: whatever is wrong with a file, the fps, the size, the range or the folder.
        """
        self.engine, self.order = engine, order
        check_fps(order.fps)
        engine.check_size(order.size)
        self.folder = ShotFolder(order.out)
        data = portrait_bytes(order.portrait)
        self._portrait_sha256 = hashlib.sha256(data).hexdigest()
        self.portrait: Portrait = engine.prepare(data, order.face, order.face_box)
        self.voice: Voice = engine.listen(*read_audio(order.voice))
        self.frames = self._range()
        self.track, notices = self._track()
        heard = self.voice.seconds - order.start
        over = self.frames.stop / order.fps - heard
        if over > 1 / order.fps:
            notices.append(Notice("voice_clipped_range", {"seconds": round(float(over), 2)}))
        self._seal: Seal | None = None
        if order.mark:
            self._seal = engine.seal(self.portrait, order.consent)
            notices += self._seal.notices
        self._said_of_marks = len(self._seal.notices) if self._seal else 0
        self._say = say
        for notice in (*self.portrait.notices, *self.voice.notices, *notices):
            say(notice)
        what = (order.fps, self.track, order.size, order.seed, order.start)
        self.keys = engine.keys(self.portrait, self.voice, *what, mark=order.mark)
        self.folder.open()
        self.there = self.folder.there(self.keys)
        known = self.folder.measured()
        self.measured: dict[int, list[float]] = {
            index: known[self.keys[index]] for index in self.there if self.keys[index] in known
        }

    def _range(self) -> range:
        """The frames to make. SpeakError: no_frames, too_many_frames."""
        first, last = self.order.frames
        heard = math.ceil(Fraction(self.voice.seconds - self.order.start) * self.order.fps)
        frames = range(first or 0, heard if last is None else last)
        if frames.start < 0 or not frames:
            raise SpeakError("no_frames")
        if frames.stop > MOST_FRAMES:
            raise SpeakError("too_many_frames", frames=frames.stop, limit=MOST_FRAMES)
        return frames

    def _track(self) -> tuple[Floats, list[Notice]]:
        """The controls [N, 19] of all frames from 0 on, as they will be used."""
        heard = math.ceil(Fraction(self.voice.seconds) * self.order.fps)
        count = min(max(heard, self.frames.stop), MOST_FRAMES)
        edit = read_csv(self.order.controls, count) if self.order.controls else defaults(count)
        if not self.order.auto and not (self.order.pose_from or self.order.emotion_from):
            return clamped(edit)
        # The edit layer is held to its ranges first: 1e9 on top of the auto layer is still a slip.
        edit, notices = clamped(edit)
        base = defaults(count)
        if self.order.auto:
            base = self.engine.propose(
                self.portrait,
                self.voice,
                self.order.fps,
                count,
                self.order.seed,
                self.order.amount,
                self.order.start,
            )
        self._follow_clips(base)
        return clamped(layered(base, edit))[0], notices

    def _follow_clips(self, base: Floats) -> None:
        """Let pose and emotion of `base` [N, 19] be those of the reference clips.

        SpeakError: those of `open_clip` and `read_clip`.
        """
        order, read = self.order, dict[Path, tuple[Floats, Fraction]]()
        for path, columns, width in (
            (order.pose_from, reference.POSE, reference.SMOOTH["pose"]),
            (order.emotion_from, reference.EMOTION, reference.SMOOTH["emotion"]),
        ):
            if path is None:
                continue
            if path not in read:
                clip = open_clip(path)
                seen = reference.read_clip(self.engine.pack, clip.pictures)
                # The portrait's own tilt stays in its picture.
                seen[:, reference.ROLL] -= reference.tilt(self.portrait)
                read[path] = seen, order.clip_fps or clip.fps or order.fps
            seen, fps = read[path]
            shown = seen[:, columns]
            base[:, columns] = reference.at_frames(
                shown, fps, order.fps, len(base), order.start, width
            )

    def make(self, progress: Callable[[Progress], None]) -> int:
        """Make the frames that are not there yet and write everything; returns how many were made.

        Whatever ends it early, Ctrl-C included, leaves a folder from which the next call goes on.
        SpeakError: folder_read_only, disk_full, those of the pack.
        """
        # A frame that is there without its measurement (shot.json is gone) is made to be looked
        # at, but its file is not touched.
        wanted = [i for i in self.frames if i not in self.there or i not in self.measured]
        report = Progress(len(wanted))
        made, save_at = 0, time.monotonic() + SAVE_SECONDS
        progress(report)
        frames = self.engine.generate(
            self.portrait,
            self.voice,
            self.order.fps,
            self.track,
            self.order.size,
            self.order.seed,
            self.order.start,
            wanted,
            self.order.mark,
        )
        try:
            for frame in frames:
                made += self._keep(frame)
                report.step()
                progress(report)
                if time.monotonic() > save_at:
                    begin = time.monotonic()
                    self.folder.write_shot(self._facts())
                    took = time.monotonic() - begin
                    save_at = time.monotonic() + max(SAVE_SECONDS, took / SAVE_SHARE)
        finally:
            # On a full disk these fail as the frame did; the first error is the one to show.
            self._write_tracks()
        for notice in self._seal.notices[self._said_of_marks :] if self._seal else ():
            self._say(notice)
        return made

    def _keep(self, frame: Frame) -> int:
        """Write one frame unless its file is there; returns how many files were written."""
        self.measured[frame.index] = [round(float(value), 5) for value in frame.measured]
        if frame.index in self.there:
            return 0
        png = self._seal(frame.png, frame.key) if self._seal else frame.png
        self.folder.write(frame_name(frame.index), png)
        self.there.add(frame.index)
        return 1

    def _write_tracks(self) -> None:
        """Write the CSV files of the range and shot.json."""
        span = slice(self.frames.start, self.frames.stop)
        self.folder.write(CONTROLS, to_csv(self.frames, self.track[span]).encode())
        seen = [i for i in self.frames if i in self.there and i in self.measured]
        rows = np.array([self.measured[i] for i in seen], np.float32).reshape(len(seen), COUNT)
        self.folder.write(MEASURED, to_csv(seen, rows).encode())
        self.folder.write_shot(self._facts())

    def _facts(self) -> dict[str, Any]:
        """shot.json: enough to make any frame again; null where a frame is not there."""
        pack = self.engine.describe()
        count = range(len(self.keys))
        return {
            "format": FORMAT,
            "pack": {name: pack[name] for name in ("pack", "version", "sha256")},
            "controls_version": CONTROLS_VERSION,
            "portrait": self.order.portrait.name,
            "portrait_sha256": self._portrait_sha256,
            "portrait_key": self.portrait.key,
            "face": self.portrait.chosen,
            "face_box": list(self.portrait.faces[self.portrait.chosen]),
            "voice": self.order.voice.name,
            "voice_key": self.voice.key,
            "start": self.order.start,
            "fps": [self.order.fps.numerator, self.order.fps.denominator],
            "size": self.order.size,
            "seed": self.order.seed,
            "mark": self.order.mark,
            "consent": self.order.consent,
            "frames": len(self.keys),
            "keys": [self.keys[i] if i in self.there else None for i in count],
            "controls": {
                "names": list(NAMES),
                "rows": [[round(float(value), 5) for value in row] for row in self.track],
            },
            "measured": [self.measured.get(i) if i in self.there else None for i in count],
        }


def portrait_bytes(path: Path) -> bytes:
    """The content of the portrait's file. SpeakError: portrait_missing, portrait_unreadable."""
    try:
        if path.stat().st_size > MAX_FILE:
            megabytes = path.stat().st_size // 2**20
            raise SpeakError(
                "portrait_file_too_large", megabytes=megabytes, limit=MAX_FILE // 2**20
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise SpeakError("portrait_missing", name=path.name) from None
    except OSError:
        raise SpeakError("portrait_unreadable") from None
