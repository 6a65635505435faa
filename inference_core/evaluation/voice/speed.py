# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory of hearing a minute, each listener in a process of its own.

`python -m inference_core.evaluation.voice.speed ours|recognised FILE PACK`; FILE is a NumPy file
of samples [n] at 16 kHz. Two lip-sync tools that know no words either have folders of their own:

    python3 -m venv TOOL1 && TOOL1/bin/pip install pylipsync==0.2.1
    npm install --prefix TOOL2 @met4citizen/headaudio@0.1.0
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_core.runtime.phones import INDEX

from .recordings import recognised

_PYLIPSYNC = Path(__file__).with_name("pylipsync_worker.py")
_HEAD_AUDIO = Path(__file__).with_name("head_audio_worker.mjs")


def _megabytes() -> float:
    """The most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts what the parent held before this program began
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _listen(kind: str, samples: NDArray[np.float32], pack: str) -> Any:
    if kind == "recognised":
        return recognised(samples)
    from inference_core.runtime.pack import VOICE, Pack
    from inference_core.runtime.voice import hear

    return hear(Pack(Path(pack), 2).session(VOICE), samples).phones


@dataclass(frozen=True, slots=True)
class Tool:
    """Another lip-sync tool: its name in the table and the command that a file is added to.

    raw: whether the file holds bare float32 instead of NumPy's format.
    """

    name: str
    command: tuple[str, ...]
    raw: bool = False


def tool_in(folder: Path) -> Tool:
    """The tool in a virtual environment or a folder of npm's.

    FileNotFoundError where there is none; it says what to install.
    """
    package = folder / "node_modules/@met4citizen/headaudio"
    python = folder / "bin/python"
    if package.exists():
        return Tool("HeadAudio", ("node", str(_HEAD_AUDIO), str(package)), raw=True)
    if python.exists():
        return Tool("pyLipSync", (str(python), str(_PYLIPSYNC)))
    raise FileNotFoundError(
        f"{folder} holds no lip-sync tool; make it with {folder}/bin/pip install pylipsync==0.2.1 "
        f"or npm install --prefix {folder} @met4citizen/headaudio@0.1.0"
    )


def measure(kind: str | Tool, samples: NDArray[np.float32], pack: Path) -> dict[str, Any]:
    """{cpu, wall: seconds, megabytes, phones [k][3]} of one listener in a fresh process.

    kind: `ours`, `recognised` (PocketSphinx without the words) or another tool.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.npy"
        if isinstance(kind, Tool):
            command = [*kind.command, str(file)]
        else:
            command = [sys.executable, "-m", __name__, kind, str(file), str(pack)]
        if isinstance(kind, Tool) and kind.raw:
            file.write_bytes(samples.astype("<f4").tobytes())
        else:
            np.save(file, samples)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    answer["phones"] = [
        [low, high, float(INDEX[phone] if isinstance(phone, str) else phone)]
        for low, high, phone in answer["phones"]
    ]
    return answer


def main() -> None:
    """Listen once and print what it took."""
    kind, file, pack = sys.argv[1:4]
    samples = np.load(file, allow_pickle=False)
    _listen(kind, samples[: 16_000 * 2], pack)  # what is loaded at the first use is no listening
    cpu, wall = time.process_time(), time.monotonic()
    phones = _listen(kind, samples, pack)
    told = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}
    print(json.dumps({**told, "megabytes": _megabytes(), "phones": np.asarray(phones).tolist()}))


if __name__ == "__main__":
    main()
