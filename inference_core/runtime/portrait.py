# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of a portrait's file to everything that all of its frames share."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference_core.protocol.errors import SpeakError

from .align import Square, around, canonical, cut
from .face_detector import FaceBox, searches
from .image_file import decode
from .notice import Notice
from .pack import Pack
from .tracks import clamped

Floats = npt.NDArray[np.float32]

READ_SIZE = 256  # pixels of the crop that the identity and reading networks see
LANDMARK_SIZE = 128
SURE = 0.5  # confidence of the landmark network from which a detected box is a face
SMALL_CROP = 160  # pixels of the portrait across the crop; below this the frames are a blur
# Colours behind a portrait with alpha, light enough and dark enough apart to tell them from the
# head.
DARK, LIGHT = 64, 192

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Portrait:
    """A decoded portrait with its face found. Images are Pillow's, the size of the portrait.

    `faces` are boxes (left, top, width, height) from the image's left to right, `chosen` the
    number of the one that is used. `own` [19] and `own_content` [15] are what the face in it
    already does.
    """

    key: str
    width: int
    height: int
    own: Floats
    own_content: Floats
    faces: list[Box]
    chosen: int
    notices: list[Notice]
    square: Square
    points: npt.NDArray[np.float64]  # [6, 2], pixels of the portrait
    confidence: float
    rgb: Image.Image
    alpha: Image.Image | None
    sha256: str = ""  # of the file

    def crop(self, size: int, backdrop: int = DARK) -> Image.Image:
        """The upright square around the face, `size` x `size` pixels, over a grey backdrop."""
        return cut(opaque(self.rgb, self.alpha, backdrop), self.square, size)


def opaque(rgb: Image.Image, alpha: Image.Image | None, backdrop: int = DARK) -> Image.Image:
    """A picture as the networks see it: what is transparent shows a grey backdrop."""
    if alpha is None:
        return rgb
    # Made when needed and not kept: at 8K it is 250 MB.
    return Image.composite(rgb, Image.new("RGB", rgb.size, (backdrop,) * 3), alpha)


@dataclass(frozen=True)
class Face:
    """One face of a picture: its box, its landmarks [6, 2] in pixels, the network's confidence."""

    box: FaceBox
    points: npt.NDArray[np.float64]
    confidence: float


def tensor(image: Image.Image) -> Floats:
    """An RGB image as float32 [1, 3, H, W], 0..1."""
    values = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    return np.ascontiguousarray(values)


def prepare(
    pack: Pack,
    data: bytes,
    face: int | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> Portrait:
    """Decode a portrait, find its face and read what the face already does.

    `face` is the number of the face from the image's left, from 0; None takes the largest. `box`
    (left, top, width, height in pixels) says where the face is and skips the search. SpeakError:
    those of `image_file.decode`, portrait_no_face, portrait_no_such_face, portrait_bad_box, those
    of the pack.
    """
    picture = decode(data)
    notices = list(picture.notices)
    seen = opaque(picture.rgb, picture.alpha)
    faces = [_given(pack, seen, box)] if box else _found(pack, seen)
    if not faces:
        raise SpeakError("portrait_no_face")
    chosen = _chosen(faces, face, notices)
    if faces[chosen].confidence < SURE:
        notices.append(Notice("portrait_face_uncertain"))
    try:
        square = canonical(faces[chosen].points)
        crop = cut(seen, square, READ_SIZE)
    except ValueError:
        raise SpeakError("portrait_no_face") from None
    if square.side < SMALL_CROP:
        pixels = round(faces[chosen].box.side)
        notices.append(Notice("portrait_face_small", {"pixels": pixels}))
    own, own_content = read(pack, tensor(crop))
    return Portrait(
        key=_key(data, square),
        width=picture.rgb.width,
        height=picture.rgb.height,
        own=own[0],
        own_content=own_content[0],
        faces=[_whole(found.box) for found in faces],
        chosen=chosen,
        notices=notices,
        square=square,
        points=faces[chosen].points,
        confidence=faces[chosen].confidence,
        rgb=picture.rgb,
        alpha=picture.alpha,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def read(pack: Pack, frames: Floats) -> tuple[Floats, Floats]:
    """Controls [B, 19], held to their ranges, and content [B, 15] that are seen in crops [B, 3,
    256, 256].
    """
    controls, content = pack.session("read.onnx").run(["controls", "content"], {"frames": frames})
    return clamped(controls)[0], content.astype(np.float32)


def square_of(pack: Pack, image: Image.Image) -> Square | None:
    """The canonical square of the largest face of an RGB picture; None where there is no face."""
    faces = _found(pack, image)
    if not faces:
        return None
    try:
        return canonical(max(faces, key=lambda face: face.box.side).points)
    except ValueError:
        return None


def _found(pack: Pack, image: Image.Image) -> list[Face]:
    """The faces that the detector sees and the landmark network confirms, left to right."""
    for boxes in searches(image, pack.detector()):
        faces = [_face(pack, image, box) for box in boxes]
        sure = [face for face in faces if face.confidence >= SURE]
        if sure:
            return sure
    return []


def _given(pack: Pack, image: Image.Image, box: tuple[float, float, float, float]) -> Face:
    """The face in a box drawn by hand. SpeakError portrait_bad_box."""
    left, top, width, height = box
    x, y = left + width / 2, top + height / 2
    # A comparison with NaN is false, so this refuses it as well.
    inside = 0 <= x < image.width and 0 <= y < image.height
    sized = min(width, height) >= 8 and max(width, height) <= 2 * max(image.size)
    if not (inside and sized):
        raise SpeakError("portrait_bad_box", box=",".join(f"{value:g}" for value in box))
    return _face(pack, image, FaceBox(x, y, (width + height) / 2))


def _face(pack: Pack, image: Image.Image, box: FaceBox) -> Face:
    square = around(box)
    seen = {"image": tensor(cut(image, square, LANDMARK_SIZE))}
    points, confidence = pack.session("landmarks.onnx").run(["points", "confidence"], seen)
    # NaN from a network is no face rather than a crash further on.
    sure = float(confidence[0]) if np.isfinite(points).all() else 0.0
    return Face(box, square.to_picture(points[0]), sure)


def _chosen(faces: list[Face], face: int | None, notices: list[Notice]) -> int:
    """The number of the face to use; notes when there was a choice."""
    if face is not None:
        if not 0 <= face < len(faces):
            raise SpeakError("portrait_no_such_face", count=len(faces), face=face)
        return face
    if len(faces) > 1:
        notices.append(Notice("portrait_several_faces", {"count": len(faces)}))
    return max(range(len(faces)), key=lambda number: faces[number].box.side)


def _whole(box: FaceBox) -> Box:
    left, top, width, height = (round(value) for value in box.corners())
    return left, top, width, height


def _key(data: bytes, square: Square) -> str:
    """SHA-256 hex over the file and where the face was found in it (so over the choice of face,
    too).
    """
    place: tuple[Any, ...] = (square.x, square.y, square.side, square.right_x, square.right_y)
    key = hashlib.sha256(hashlib.sha256(data).digest())
    # A hundredth of a pixel: networks of other processors differ by less.
    key.update(struct.pack("<5q", *(round(value * 100) for value in place)))
    return key.hexdigest()
