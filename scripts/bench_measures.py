# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurements of scripts/bench.py, each against a real core process."""

import ctypes
import os
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference_core.protocol import messages
from inference_core.protocol.client import Connection, CoreProcess
from inference_core.protocol.controls import COUNT, DEFAULTS, INDEX
from inference_core.provenance.statement import XMP
from inference_core.provenance.watermark import Watermark
from inference_core.runtime.engine import Engine
from inference_core.runtime.painter import Painter
from inference_core.runtime.portrait import READ_SIZE, tensor
from scripts.bench_core import DIFFERENT, FRAME_BYTES
from scripts.environment import ROOT

FPS = Fraction(25)
PATIENCE = 300.0  # seconds for one request
ROUNDS = 3  # alternating, so that a busy machine slows both sides of a ratio
LINK_FRAMES = 192
PREVIEW_SIDE = 256  # as the sidebar asks for
PORTRAIT = ROOT / "samples" / "portrait.png"
VOICE = ROOT / "samples" / "voice.wav"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class First:
    """Seconds to the first frame from nothing and from a running core; MB of the core at most."""

    cold: float
    warm: float
    memory_mb: float | None


@dataclass(frozen=True)
class LinkCost:
    """Seconds per frame over the link, and for a plain copy of its bytes."""

    frame: float
    copy: float


@dataclass(frozen=True)
class Pace:
    """Frames per second: of the generator, one after the other and as many at once as there are
    cores, and of the whole way."""

    generator: float
    at_once: float
    whole: float


@dataclass(frozen=True)
class MarksCost:
    """Seconds per 512 x 512 frame: the watermark, the signature, making the frame; bytes added."""

    watermark: float
    signature: float
    frame: float
    added: int


def marks_cost(pack: Path) -> MarksCost:
    """Marks beside the making of the same frame, by turns, fastest of several."""
    engine = Engine(pack, 1)
    portrait = engine.prepare(PORTRAIT.read_bytes())
    track = np.tile(portrait.own, (1, 1))
    seal = engine.seal(portrait)
    mark = Watermark(0, 0, 512, 512)
    picture = np.asarray(portrait.rgb.resize((512, 512)))
    times: dict[str, list[float]] = {"watermark": [], "signature": [], "frame": []}
    (frame,) = engine.generate(portrait, None, FPS, track, 512)  # loads what is loaded once
    (bare,) = engine.generate(portrait, None, FPS, track, 512, mark=False)
    signed = seal(frame.png, frame.key)
    for _ in range(5 * ROUNDS):
        copy = picture.copy()
        with _timed(times["watermark"]):
            mark.mark(copy)
        with _timed(times["signature"]):
            signed = seal(frame.png, frame.key)
        with _timed(times["frame"]):
            list(engine.generate(portrait, None, FPS, track, 512))
    xmp = len(XMP.encode()) + 34  # the note and its chunk
    added = len(signed) - len(frame.png) + xmp
    assert len(bare.png) < len(signed)
    best = {name: min(part) for name, part in times.items()}
    return MarksCost(best["watermark"], best["signature"], best["frame"], added)


@contextmanager
def _timed(into: list[float]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    into.append(time.perf_counter() - begin)


@contextmanager
def core(arguments: Sequence[str] = (), module: str = "inference_core") -> Iterator[Connection]:
    """A core process with a connection to it; ended behind it."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "core.log"
        process = CoreProcess.start(
            sys.executable, root=ROOT, log=log, arguments=arguments, module=module
        )
        try:
            link = process.connect()
            yield link
            link.close()
        finally:
            process.stop()


def ask(link: Connection, request: messages.Request) -> messages.Event:
    """The last event of a request. Raises SpeakError when it failed."""
    last = None
    for event in link.wait(link.send(request), timeout=PATIENCE):
        last = event
    assert last is not None
    if last.error is not None:
        raise last.error
    return last


def sample_voice() -> tuple[bytes, int]:
    """The sample voice: int16 mono samples and their rate."""
    with wave.open(str(VOICE)) as sound:
        return sound.readframes(sound.getnframes()), sound.getframerate()


def hand_over(link: Connection) -> tuple[str, str]:
    """Send the sample portrait and voice; their keys."""
    portrait = ask(link, messages.prepare(PORTRAIT.read_bytes()))
    samples, rate = sample_voice()
    voice = ask(link, messages.listen(samples, rate))
    return str(portrait.fields["portrait"]), str(voice.fields["voice"])


def track(frames: int) -> Floats:
    """Controls [frames, 19] that turn the head slowly: no two frames are the same."""
    rows = np.tile(np.asarray(DEFAULTS, np.float32), (frames, 1))
    rows[:, INDEX["yaw"]] = np.linspace(-10, 10, frames, dtype=np.float32)
    return rows


def seconds_to_first_frame(
    link: Connection, portrait: str, voice: str, size: int, row: int
) -> float:
    """Seconds from asking for one frame to having it."""
    started = time.perf_counter()
    request = messages.generate(portrait, voice, FPS, track(64).tobytes(), size, indices=[row])
    taken = 0.0
    for event in link.wait(link.send(request), timeout=PATIENCE):
        if event.type == "frame":
            taken = time.perf_counter() - started
        if event.error is not None:
            raise event.error
    return taken


def first_frames(pack: Path, size: int) -> First:
    """From starting a core to its first frame, and from then on; memory after some more."""
    started = time.perf_counter()
    with core(["--pack", str(pack)]) as link:
        portrait, voice = hand_over(link)
        seconds_to_first_frame(link, portrait, voice, size, 0)
        cold = time.perf_counter() - started
        warm = [seconds_to_first_frame(link, portrait, voice, size, row) for row in range(1, 8)]
        return First(cold, statistics.median(warm), peak_memory_mb())


def preview_seconds(pack: Path) -> float:
    """From asking a running core for the picture at the playhead to having it, the median."""
    with core(["--pack", str(pack)]) as link:
        portrait, voice = hand_over(link)
        rows = track(24)
        times: list[float] = []
        for index in range(24):
            row = rows[index : index + 1].tobytes()
            with _timed(times):
                ask(link, messages.preview(portrait, voice, FPS, row, PREVIEW_SIDE, 0.0, index))
        return statistics.median(times[3:])  # the first pays for what is loaded once


def peak_memory_mb() -> float | None:
    """Most memory of all processes started from this one, in MB; None where /proc is missing."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold spaces; the parent is the second field after it.
            fields = status.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(status.parent.name)] = int(fields[1])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    total = 0.0
    for pid in family - {os.getpid()}:
        try:
            text = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
        except OSError:
            continue
        high = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
        total += float(high[0]) / 1e3 if high else 0.0
    return total or None


def link_cost() -> LinkCost:
    """Carry frames of 512x512 pixels' bytes from a core that has them ready, and copy as many."""
    sources = [ctypes.create_string_buffer(os.urandom(FRAME_BYTES)) for _ in range(DIFFERENT)]
    targets = [ctypes.create_string_buffer(FRAME_BYTES) for _ in range(DIFFERENT)]
    for source, target in zip(sources, targets, strict=True):  # the first time pays for memory
        ctypes.memmove(target, source, FRAME_BYTES)
    frames, copies = [], []
    with core(["--pack", str(ROOT)], module="scripts.bench_core") as link:
        portrait, voice = hand_over(link)
        curves = track(LINK_FRAMES).tobytes()
        request = messages.generate(portrait, voice, FPS, curves, 512, mark=False)
        ask(link, request)
        for _ in range(ROUNDS):
            started = time.perf_counter()
            ask(link, request)
            frames.append((time.perf_counter() - started) / LINK_FRAMES)
            started = time.perf_counter()
            for index in range(LINK_FRAMES):
                place = index % DIFFERENT
                ctypes.memmove(targets[place], sources[place], FRAME_BYTES)
            copies.append((time.perf_counter() - started) / LINK_FRAMES)
    return LinkCost(statistics.median(frames), statistics.median(copies))


def pace(pack: Path, size: int, frames: int) -> Pace:
    """The generator alone in this process, and core, link and files on disk, alternating."""
    engine = Engine(pack)
    portrait = engine.prepare(PORTRAIT.read_bytes())
    samples, rate = sample_voice()
    voice = engine.listen(np.frombuffer(samples, "<i2"), rate)
    session = engine.pack.session("identity.onnx")
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {"portrait": tensor(portrait.crop(READ_SIZE))})
    painter = Painter(engine.pack, portrait, size, dict(zip(names, found, strict=True)))
    controls = track(frames)
    content = np.ascontiguousarray(voice.content[:frames])
    alone, at_once, whole = [], [], []
    with core(["--pack", str(pack)]) as link, tempfile.TemporaryDirectory() as folder:
        keys = hand_over(link)
        # The first run of a network plans its memory.
        generator_seconds(painter, controls, content, painter.at_once)
        seconds_to_first_frame(link, *keys, size, 0)
        for _ in range(ROUNDS):
            alone.append(generator_seconds(painter, controls, content, 1))
            at_once.append(generator_seconds(painter, controls, content, painter.at_once))
            whole.append(whole_way_seconds(link, keys, size, controls, Path(folder)))
    return Pace(*(frames / statistics.median(seconds) for seconds in (alone, at_once, whole)))


def generator_seconds(painter: Painter, controls: Floats, content: Floats, at_once: int) -> float:
    """Seconds for the crops of all rows, `at_once` in the making, and nothing after them."""

    def crops(first: int) -> None:
        rows = slice(first, first + painter.batch)
        painter.crops(controls[rows], content[rows])

    with ThreadPoolExecutor(at_once) as pool:
        started = time.perf_counter()
        for _ in pool.map(crops, range(0, len(controls), painter.batch)):
            pass
        return time.perf_counter() - started


def whole_way_seconds(
    link: Connection, keys: tuple[str, str], size: int, controls: Floats, folder: Path
) -> float:
    """Seconds from asking for all frames to the last file under its final name."""
    assert controls.shape[1] == COUNT
    started = time.perf_counter()
    request = messages.generate(*keys, FPS, controls.tobytes(), size)
    for event in link.wait(link.send(request), timeout=PATIENCE):
        if event.error is not None:
            raise event.error
        if event.type == "frame":
            final = folder / f"frame_{int(str(event.fields['index'])):06d}.png"
            part = final.with_suffix(".part")
            part.write_bytes(event.blobs[0].data)
            part.replace(final)
    return time.perf_counter() - started
