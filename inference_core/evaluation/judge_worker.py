# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside of the judge's own environment: GIVEN.npy pictures -> ANSWER.npy landmarks.

Imports nothing of this project, for its libraries are of other versions.
"""

import sys

import mediapipe
import numpy as np


def main(given: str, answer: str) -> None:
    """Face Mesh over pictures uint8 [n, h, w, 3] -> float64 [n, 478, 3] pixels, NaN: no face."""
    pictures = np.load(given, mmap_mode="r", allow_pickle=False)
    points = np.full((len(pictures), 478, 3), np.nan)
    with mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3
    ) as mesh:
        for row, picture in zip(points, pictures, strict=True):
            height, width = picture.shape[:2]
            found = mesh.process(np.ascontiguousarray(picture)).multi_face_landmarks
            if found:
                marks = found[0].landmark
                row[:] = [(m.x * width, m.y * height, m.z * width) for m in marks]
    np.save(answer, points)


if __name__ == "__main__":
    main(*sys.argv[1:])
