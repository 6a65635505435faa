# SPDX-License-Identifier: GPL-3.0-or-later
"""The independent judge: landmarks of a face model that nobody here trained (MediaPipe Face Mesh).

The weights are inside of MediaPipe's own package (Apache-2.0), which needs libraries of other ages
than ours; so it lives in a virtual environment of its own, named on the command line:

    python3.11 -m venv JUDGE && JUDGE/bin/pip install mediapipe==0.10.21
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

NEEDED = "mediapipe==0.10.21 (with its face_landmark_with_attention.tflite) by --judge FOLDER"
_WORKER = Path(__file__).with_name("judge_worker.py")

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

# Landmarks that hardly move with the expression: they tell the pose.
_RIGID = [1, 4, 5, 6, 9, 10, 33, 133, 151, 152, 168, 195, 197, 234, 263, 362, 454]
_JAWLINE = [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389]
_BROWS = [71, 63, 105, 66, 107, 336, 296, 334, 293, 301]
_NOSE = [168, 197, 5, 4, 75, 97, 2, 326, 305]
_EYES = [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]
MOUTH = [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87]
FACE = _JAWLINE + _BROWS + _NOSE + _EYES + MOUTH  # 68, in the order of iBUG 300-W


class JudgeMissingError(Exception):
    """There is no judge in the folder that was named; the text says what it needs."""


@dataclass(frozen=True)
class Seen:
    """Landmarks [frames, 478, 3] in pixels (x right, y down, z away), NaN where no face is seen."""

    points: Doubles

    def flat(self, which: list[int]) -> Doubles:
        """Some landmarks in the picture's plane, [frames, n, 2]."""
        plane: Doubles = self.points[:, which, :2]
        return plane

    def pose(self, rest: int = 0) -> Doubles:
        """Yaw, pitch, roll [frames, 3] in degrees and our signs, against frame `rest`.

        Rotation by Kabsch (1976) over the landmarks that hardly move with the expression.
        """
        model = self.points[rest][_RIGID]
        model = model - model.mean(0)
        rows = []
        for frame in self.points:
            found = frame[_RIGID] - frame[_RIGID].mean(0)
            if not np.isfinite(found).all() or not np.isfinite(model).all():
                rows.append([np.nan] * 3)
                continue
            u, _, vt = np.linalg.svd(model.T @ found)
            mirror = np.sign(np.linalg.det(vt.T @ u.T))
            r = vt.T @ np.diag([1, 1, mirror]) @ u.T
            # Its axes are right, down, away; ours are right, up, to the viewer.
            yaw = np.arcsin(np.clip(-r[2, 0], -1, 1))
            pitch, roll = np.arctan2(r[2, 1], r[2, 2]), np.arctan2(r[1, 0], r[0, 0])
            rows.append(list(np.degrees([-yaw, -pitch, roll])))
        return np.array(rows)

    def _apart(self, a: int, b: int) -> Doubles:
        gap: Doubles = np.linalg.norm(self.points[:, a] - self.points[:, b], axis=1)
        return gap

    def jaw(self) -> Doubles:
        """Gap between the lips over the height of the face [frames]."""
        return self._apart(13, 14) / self._apart(10, 152)

    def smile(self) -> Doubles:
        """Width of the mouth over the height of the face [frames]."""
        return self._apart(61, 291) / self._apart(10, 152)

    def closed(self) -> Doubles:
        """Minus the height of the eyes over their width, mean of both [frames]."""
        own_left = self._apart(386, 374) / self._apart(362, 263)
        own_right = self._apart(159, 145) / self._apart(33, 133)
        return -(own_left + own_right) / 2


class Judge:
    """A virtual environment with MediaPipe in it."""

    def __init__(self, folder: Path | None) -> None:
        """JudgeMissingError when `folder` is none or holds no such environment."""
        pythons = [folder / "bin" / "python", folder / "Scripts" / "python.exe"] if folder else []
        found = [path for path in pythons if path.exists()]
        if not found:
            raise JudgeMissingError(NEEDED)
        self._python = found[0].absolute()
        probe = [str(self._python), "-c", "import mediapipe, cv2"]
        if subprocess.run(probe, capture_output=True, check=False).returncode:
            raise JudgeMissingError(NEEDED)

    def look(self, pictures: Bytes) -> Seen:
        """Landmarks of the largest face in each of the pictures [n, h, w, 3]."""
        with tempfile.TemporaryDirectory() as folder:
            given, answer = Path(folder) / "given.npy", Path(folder) / "answer.npy"
            np.save(given, pictures)
            command = [str(self._python), str(_WORKER), str(given), str(answer)]
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                # It would use every core and say so in twenty lines of log.
                env={**os.environ, "GLOG_minloglevel": "3", "OMP_NUM_THREADS": "1"},
            )
            if done.returncode:
                raise RuntimeError(f"the judge failed: {done.stderr[-400:]}")
            points: Doubles = np.load(answer, allow_pickle=False)
            return Seen(points)
