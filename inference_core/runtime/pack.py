# SPDX-License-Identifier: GPL-3.0-or-later
"""The model pack: a folder with pack.json and the networks as ONNX files.

Every file is checked against its SHA-256 when the pack is opened, and each network's inputs and
outputs against what the runtime feeds when the network is loaded, which happens when it is first
needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import onnxruntime

from inference_core.protocol.controls import CONTROLS_VERSION, COUNT, VISEMES
from inference_core.protocol.errors import SpeakError

from .face_detector import Cascade
from .phones import PHONES

FORMAT = 1
DEFAULT = Path(__file__).resolve().parent.parent / "packs" / "default"
REQUIRED = ("detector.npz", "landmarks.onnx", "identity.onnx", "read.onnx", "frame.onnx")
VOICE = "voice.onnx"
CONTENT = len(VISEMES)

Shape = tuple[int | None, ...]  # None: any number
# What each network takes and gives; identity.onnx gives whatever frame.onnx takes beside this.
INPUTS: dict[str, dict[str, Shape]] = {
    "landmarks.onnx": {"image": (None, 3, 128, 128)},
    "identity.onnx": {"portrait": (1, 3, 256, 256)},
    "read.onnx": {"frames": (None, 3, 256, 256)},
    "frame.onnx": {
        "portrait": (1, 3, None, None),
        "own": (1, COUNT),
        "own_content": (1, CONTENT),
        "controls": (None, COUNT),
        "content": (None, CONTENT),
    },
    VOICE: {"samples": (1, None)},
}
OUTPUTS: dict[str, dict[str, Shape]] = {
    "landmarks.onnx": {"points": (None, 6, 2), "confidence": (None,)},
    "identity.onnx": {},
    "read.onnx": {"controls": (None, COUNT), "content": (None, CONTENT)},
    "frame.onnx": {"rgb": (None, 3, None, None)},
    VOICE: {"phones": (1, None, len(PHONES))},
}


def usable_threads() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pack:
    """A verified pack; networks are loaded at their first use and kept."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """Open and verify the pack in `folder`; `threads` for the networks, None = all cores.

        Raises SpeakError: pack_missing, pack_damaged, pack_format, pack_controls.
        """
        self.folder = folder
        self.threads = max(1, threads or usable_threads())
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._lock = threading.RLock()
        try:
            text = (folder / "pack.json").read_bytes()
        except OSError:
            raise SpeakError("pack_missing", name=folder.name) from None
        self.sha256 = hashlib.sha256(text).hexdigest()
        self.meta = _parsed(text)
        self._files: dict[str, Any] = self.meta["files"]
        for name in (*REQUIRED, *self._files):
            self._read(name)
        self.id = str(self.meta.get("id", folder.name))
        self.version = str(self.meta.get("version", "0"))
        self.sizes: tuple[int, ...] = tuple(self.meta["sizes"])
        self.has_voice = VOICE in self._files

    def _read(self, name: str) -> bytes:
        """The content of one file, checked. SpeakError pack_damaged names the file."""
        entry = self._files.get(name)
        damaged = SpeakError("pack_damaged", name=name)
        # A name with a folder in it could reach outside of the pack.
        if not isinstance(entry, dict) or Path(name).name != name or "\\" in name:
            raise damaged
        path = self.folder / name
        try:
            if path.stat().st_size != entry.get("bytes"):
                raise damaged
            data = path.read_bytes()
        except OSError:
            raise damaged from None
        if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
            raise damaged
        return data

    def providers(self) -> list[str]:
        """The ONNX Runtime providers that are used, best first."""
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        here = onnxruntime.get_available_providers()
        return [name for name in wanted if name in here]

    @property
    def on_gpu(self) -> bool:
        """Whether the networks run on a GPU (asks the loaded frame network, as CUDA may refuse)."""
        return "CUDAExecutionProvider" in self.session("frame.onnx").get_providers()

    def detector(self) -> Cascade:
        """The face detector. SpeakError pack_damaged."""
        try:
            return Cascade.from_bytes(self._read("detector.npz"))
        except (KeyError, ValueError, OSError):
            raise SpeakError("pack_damaged", name="detector.npz") from None

    def session(self, name: str) -> onnxruntime.InferenceSession:
        """One network, loaded and its shapes checked. SpeakError pack_damaged or pack_shape."""
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = self._loaded(name)
            return self._sessions[name]

    def _loaded(self, name: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        # Frames are made and read several at once, each on one core: a frame's many small steps
        # gain next to nothing from a second one.
        alone = name in ("frame.onnx", "read.onnx")
        options.intra_op_num_threads = 1 if alone else self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin for work would take the cores from the PNG writers.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # TF32 would give other pixels than the processor does.
        settings = [
            (p, {"use_tf32": "0"} if p.startswith("CUDA") else {}) for p in self.providers()
        ]
        data = self._read(name)
        try:
            session = onnxruntime.InferenceSession(data, options, providers=settings)
        except (
            Exception
        ) as error:  # ONNX Runtime raises classes of its own, straight from Exception
            reason = str(error).splitlines()[0][:200]
            raise SpeakError("pack_shape", name=name, reason=reason) from error
        _check(name, "input", session.get_inputs(), INPUTS[name])
        _check(name, "output", session.get_outputs(), OUTPUTS[name])
        return session


def _parsed(text: bytes) -> dict[str, Any]:
    """pack.json as a dictionary with the fields that the runtime reads."""
    damaged = SpeakError("pack_damaged", name="pack.json")
    try:
        meta = json.loads(text)
    except ValueError:
        raise damaged from None
    if not isinstance(meta, dict):
        raise damaged
    if meta.get("format") != FORMAT:
        raise SpeakError("pack_format", found=str(meta.get("format")), needed=FORMAT)
    if meta.get("controls_version") != CONTROLS_VERSION:
        found = str(meta.get("controls_version"))
        raise SpeakError("pack_controls", found=found, needed=CONTROLS_VERSION)
    sizes = meta.get("sizes")
    if not isinstance(meta.get("files"), dict) or not isinstance(sizes, list) or not sizes:
        raise damaged
    if any(type(size) is not int or size % 256 or not 0 < size <= 2048 for size in sizes):
        raise damaged
    return meta


def _check(name: str, what: str, found: list[Any], expected: dict[str, Shape]) -> None:
    """Refuse a network that lacks one of the `expected` tensors or has it in another shape."""
    tensors = {tensor.name: tensor for tensor in found}
    for tensor, shape in expected.items():
        if tensor not in tensors:
            raise SpeakError("pack_shape", name=name, reason=f"it has no {what} {tensor!r}")
        got = tensors[tensor]
        fits = len(got.shape) == len(shape) and all(
            want is None or not isinstance(have, int) or have == want
            for have, want in zip(got.shape, shape, strict=True)
        )
        if not fits or got.type != "tensor(float)":
            reason = f"its {what} {tensor!r} is {got.type} {got.shape}"
            raise SpeakError("pack_shape", name=name, reason=reason)
