# SPDX-License-Identifier: GPL-3.0-or-later
"""Every metric of the bench on one clip, with its profile, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..evaluation.judge import NEEDED, Judge, Seen
from ..protocol.controls import INDEX
from . import landmarks, learned, pixels, sound, syncnet, temporal, weights
from .clips import Clip
from .naturalness import Naturalness
from .profiles import PROFILES, Profile
from .statistics import interval
from .weights import UnavailableError, path_of

NO_REFERENCE = "unavailable (needs --reference)"
NO_SOUND = "unavailable (needs sound in the clip)"
NO_JUDGE = f"unavailable (needs {NEEDED})"
NOTHING_SEEN = "unavailable (this clip has nothing that it could be measured on)"
NOT_OURS = "unavailable (needs a shot's folder with shot.json)"


@dataclass(frozen=True)
class Figure:
    """One number. `each`: per frame, as far as there is one; `missing`: why there is no number."""

    metric: str
    value: float = math.nan
    unit: str = ""
    profile: str = ""
    each: list[float] = field(default_factory=list)
    missing: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the mean lies, by bootstrap over `each`."""
        return interval(self.each)


@dataclass(frozen=True)
class Bench:
    """What is measured with: profile, judge of landmarks, folder of weights."""

    profile: Profile
    judge: Judge | None = None
    folder: Path | None = None


def measure(bench: Bench, clip: Clip, reference: Clip | None) -> list[Figure]:
    """All figures of a clip, beside a reference or alone."""
    rows: list[Figure] = []
    rows += _against(bench, clip, reference)
    seen = bench.judge.look(clip.pictures) if bench.judge else None
    truth = bench.judge.look(reference.pictures) if bench.judge and reference else None
    rows += _faces(bench, clip, seen, reference, truth)
    rows += _alone(bench, clip)
    rows += _heard(bench, clip, seen)
    rows += _ours(clip, seen)
    return rows


def _row(metric: str, find: Callable[[], Any], unit: str = "", profile: str = "") -> Figure:
    """A figure from numbers per frame or one number; what it lacks stands in its place."""
    try:
        found = find()
    except UnavailableError as error:
        return Figure(metric, unit=unit, profile=profile, missing=str(error))
    except ImportError as error:
        reason = f"unavailable (needs the Python package {error.name}, requirements/bench.txt)"
        return Figure(metric, unit=unit, profile=profile, missing=reason)
    except ValueError as error:
        return Figure(metric, unit=unit, profile=profile, missing=f"unavailable (needs {error})")
    if not isinstance(found, list):
        missing = NOTHING_SEEN if math.isnan(found) else ""
        return Figure(metric, float(found), unit, profile, missing=missing)
    finite = [value for value in found if math.isfinite(value)]
    equal = sum(value == math.inf for value in found)
    if equal:
        profile += f"; {equal} of {len(found)} frames are equal and left out"
    if not finite:
        value = math.inf if equal else math.nan
        missing = "" if equal else "unavailable (needs a face that is seen)"
        return Figure(metric, value, unit, profile, missing=missing)
    return Figure(metric, float(np.mean(finite)), unit, profile, finite)


def _against(bench: Bench, clip: Clip, reference: Clip | None) -> list[Figure]:
    """Pictures beside pictures."""
    name, words = bench.profile.name, bench.profile.words
    names = ("PSNR", "SSIM", "MS-SSIM", "LPIPS", "FID")
    if reference is None:
        return [Figure(metric, missing=NO_REFERENCE) for metric in names]
    same = reference.resized(clip.size)
    one, other = pixels.paired(name, clip.pictures, same.pictures)
    how = f"{words['pairing']}; no crop, {clip.size[0]} x {clip.size[1]}"
    if same is not reference:
        how += f", reference resized from {reference.size[0]} x {reference.size[1]}"
    return [
        _row("PSNR", lambda: pixels.psnr(name, one, other), "dB", f"{words['PSNR']}; {how}"),
        _row("SSIM", lambda: pixels.ssim(name, one, other), "", f"{words['SSIM']}; {how}"),
        _row("MS-SSIM", lambda: pixels.ms_ssim(name, one, other), "", f"{words['MS-SSIM']}; {how}"),
        _row("LPIPS", lambda: learned.lpips(one, other, bench.folder), "",
             f"AlexNet v0.1, RGB in -1..1, mean over frames; {how}"),
        _row("FID", lambda: learned.fid(one, other, bench.folder), "",
             "pool3 of pytorch-fid's Inception, bilinear to 299, over frames"),
    ]  # fmt: skip


def _faces(bench: Bench, clip: Clip, seen: Seen | None, reference: Clip | None,
           truth: Seen | None) -> list[Figure]:  # fmt: skip
    """Landmarks beside landmarks."""
    names = ("M-LMD", "F-LMD", "AED-landmarks", "APD-rotation", "CSIM")
    if reference is None or seen is None or truth is None:
        missing = NO_REFERENCE if reference is None else NO_JUDGE
        rows = [Figure(metric, missing=missing) for metric in names]
    else:
        scale = landmarks.between_eyes(truth)
        lmd = "EAT's formula on 68 landmarks of MediaPipe, mean point taken away, no scale; "
        lmd += f"pixels of the clip, {clip.size[0]} x {clip.size[1]}, eyes {scale:.0f} px apart"
        rows = [
            _row(name, lambda name=name: landmarks.lmd(seen, truth, name), "px", lmd)  # type: ignore[misc]
            for name in ("M-LMD", "F-LMD")
        ]
        rows += [
            _row("AED-landmarks", lambda: landmarks.expression_distance(seen, truth), "% of eyes",
                 "68 landmarks after Procrustes; not the AED of 3DMM regressors"),
            _row("APD-rotation", lambda: landmarks.pose_distance(seen, truth), "degrees",
                 "angle between rotations against each clip's first frame; not a 3DMM's APD"),
            _row("CSIM", lambda: learned.csim(clip.pictures, seen.points, reference.pictures[0],
                                              truth.points[0], bench.folder), "",
                 "ArcFace R50 (WebFace600K), five points, against the reference's first frame"),
        ]  # fmt: skip
    if seen is None:
        return [*rows, Figure("blinks", missing=NO_JUDGE)]
    ratio = landmarks.openness(seen)
    per_minute = landmarks.blinks(ratio, float(clip.fps))[1]
    words = f"eye aspect ratio under {landmarks.BLINK:g}, both eyes"
    return [*rows, Figure("blinks", per_minute, "per minute", words)]


def _alone(bench: Bench, clip: Clip) -> list[Figure]:
    """What needs nothing beside the clip."""

    def niqe() -> list[float]:
        model = Naturalness(path_of(weights.NIQE, bench.folder))
        some = clip.pictures[:: max(1, len(clip.pictures) // 25)]
        return [model.of(picture) for picture in some]

    return [
        _row("NIQE", niqe, "", "LIVE's model, 96-pixel blocks, 2 scales; every 25th of the clip"),
        _row("flicker", lambda: temporal.flicker(clip.pictures), "levels",
             f"mean |second difference| of grey where it moves under {temporal.STILL:g} levels"),
        _row("E_warp", lambda: [1000 * v for v in temporal.warp_error(clip.pictures)], "x 0.001",
             f"squared difference in 0..1 along Lucas-Kanade flow, {temporal.FLOW_SIDE} pixels"),
    ]  # fmt: skip


def _heard(bench: Bench, clip: Clip, seen: Seen | None) -> list[Figure]:
    """Pictures beside sound."""
    names = ("LSE-D", "LSE-C", "lip-loudness r", "lip-loudness shift", "beat alignment")
    if clip.sound is None:
        return [Figure(metric, missing=NO_SOUND) for metric in names]
    rows = _sync(bench, clip)
    if seen is None:
        return [*rows, *(Figure(metric, missing=NO_JUDGE) for metric in names[2:])]
    fps = float(clip.fps)
    loud = sound.loudness(clip.sound, clip.rate, fps, len(clip.pictures))
    r, shift = sound.lip_sync(seen.jaw(), loud)
    words = "lip opening over face height against RMS per frame, best shift; not SyncNet's"
    ba = f"minima of head speed against onsets, sigma {sound.BEAT_SIGMA:g} frames"
    return [
        *rows,
        _row("lip-loudness r", lambda: r, "", words),
        Figure("lip-loudness shift", shift / fps * 1000, "ms", "positive: lips late"),
        _row("beat alignment", lambda: sound.beat_alignment(seen.pose(), loud), "", ba),
    ]


def _sync(bench: Bench, clip: Clip) -> list[Figure]:
    words = "SyncNet v2, whole picture at 224, 25 fps, 16 kHz"
    if clip.fps != syncnet.FPS or clip.rate != syncnet.RATE:
        lacks = f"unavailable (needs a clip of 25 fps and 16 kHz, this is {float(clip.fps):g} fps "
        missing = lacks + f"and {clip.rate} Hz)"
        return [Figure(name, profile=words, missing=missing) for name in ("LSE-D", "LSE-C")]
    both: list[tuple[float, float, int]] = []

    def of(number: int) -> Callable[[], float]:
        def find() -> float:
            if not both:
                both.append(syncnet.scores(clip.pictures, clip.sound, bench.folder))  # type: ignore[arg-type]
            return both[0][number]

        return find

    return [_row(name, of(n), "", words) for n, name in enumerate(("LSE-D", "LSE-C"))]


def _ours(clip: Clip, seen: Seen | None) -> list[Figure]:
    """Control fidelity: what the curves asked for beside what an outsider sees in the frames."""
    names = ("control: yaw", "control: pitch", "control: roll")
    rows = clip.shot.get("controls", {})
    asked = rows.get("rows") if isinstance(rows, dict) else None
    if not asked:
        return [Figure(metric, missing=NOT_OURS) for metric in names]
    if seen is None:
        return [Figure(metric, missing=NO_JUDGE) for metric in names]
    count = min(len(asked), len(seen.points))
    wanted = np.array(asked, np.float64)[:count]
    found = seen.pose()[:count]
    result = []
    for n, name in enumerate(("yaw", "pitch", "roll")):
        column = wanted[:, INDEX[name]] - wanted[0, INDEX[name]]
        error = np.abs(column - found[:, n])
        result.append(
            _row(names[n], lambda error=error: error.tolist(), "degrees",  # type: ignore[misc]
                 "mean |asked - seen|, both against the first frame; seen by MediaPipe")
        )  # fmt: skip
    return result


def locality(before: Clip, after: Clip) -> Figure:
    """Edit locality of two versions of one of our shots: how many frames differ in their pixels
    though their key is the same. 0 is right.
    """
    keys = [clip.shot.get("keys") or [] for clip in (before, after)]
    if not all(keys):
        return Figure("edit locality", missing=NOT_OURS)
    count = min(len(before.pictures), len(after.pictures), *map(len, keys))
    kept = [n for n in range(count) if keys[0][n] == keys[1][n]]
    moved = sum(not np.array_equal(before.pictures[n], after.pictures[n]) for n in kept)
    words = f"frames with an unchanged key and changed pixels; {len(kept)} of {count} keys kept"
    return Figure("edit locality", float(moved), "frames", words)


def profile_named(name: str) -> Profile:
    """A profile. KeyError."""
    return PROFILES[name]


def joined(figures: Sequence[Figure]) -> Figure:
    """One metric over several clips: the mean of the clips' figures."""
    there = [one for one in figures if not one.missing and math.isfinite(one.value)]
    if not there:
        return figures[0]
    first = there[0]
    if len(figures) == 1:
        return first
    values: npt.NDArray[np.float64] = np.array([one.value for one in there])
    words = first.profile
    if len(there) < len(figures):
        words += f"; on {len(there)} of {len(figures)} clips"
    return Figure(first.metric, float(values.mean()), first.unit, words, values.tolist())
