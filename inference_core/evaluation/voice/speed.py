# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory of hearing a minute, each listener in a process of its own.

`python -m inference_core.evaluation.voice.speed ours|recognised FILE PACK`; FILE is a
NumPy file of samples [n] at 16 kHz.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .recordings import recognised


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


def measure(kind: str, samples: NDArray[np.float32], pack: Path) -> dict[str, Any]:
    """{cpu, wall: seconds, megabytes, phones [k][3]} of one listener in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.npy"
        np.save(file, samples)
        command = [sys.executable, "-m", __name__, kind, str(file), str(pack)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
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
