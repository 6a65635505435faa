# SPDX-License-Identifier: GPL-3.0-or-later
"""The auto layer moves like a person, and depends on nothing but time, voice and seed."""

from fractions import Fraction

import numpy as np
import pytest

from inference_core.protocol.controls import DEFAULTS, INDEX, MAXIMA, MINIMA
from inference_core.runtime.auto import propose
from inference_core.runtime.prosody import phrases, stresses

REST = np.array(DEFAULTS, np.float32)
CONTENT = np.zeros((0, 15), np.float32)
SAMPLES = np.zeros(0, np.float32)
# Seconds of talking, of pause, of talking ...
PLAN = [1.6, 0.8, 2.4, 0.5, 1.1, 1.2, 2.9, 0.7] * 15


def talk(seed: int = 0) -> np.ndarray:
    """Loudness at 50 Hz of somebody who talks by PLAN, four syllables a second."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, seconds in enumerate(PLAN):
        frames = round(seconds * 50)
        if number % 2:
            parts.append(np.full(frames, 0.001))
            continue
        syllable = np.abs(np.sin(np.pi * np.arange(frames) / 12.5))
        accent = np.repeat(rng.choice([0.03, 0.05, 0.2], frames // 12 + 1), 12)[:frames]
        parts.append(0.01 + syllable * accent)
    return np.concatenate(parts).astype(np.float32)


def track(fps: Fraction = Fraction(25), frames: int = 0, **options) -> np.ndarray:
    loudness = options.pop("loudness", None)
    loudness = talk() if loudness is None else loudness
    own = options.pop("own", REST)
    frames = frames or int(len(loudness) / 50 * fps)
    return propose(CONTENT, loudness, SAMPLES, own, fps, frames, **options)


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(30), Fraction(60)])
def test_any_frame_rate_shows_the_same_motion(fps: Fraction) -> None:
    fine = track(Fraction(1000), 20_000)
    coarse = track(fps, 200)
    times = np.arange(200) / float(fps)
    at = np.round(times * 1000).astype(int)
    assert np.abs(coarse - fine[at])[:, :13].max() < 0.05


def test_a_later_start_is_the_same_motion() -> None:
    whole = track(frames=500)
    later = track(frames=300, start=8.0)
    assert np.abs(later - whole[200:]).max() < 1e-5


def test_same_seed_same_motion_other_seed_other_motion() -> None:
    assert (track(seed=7) == track(seed=7)).all()
    assert np.abs(track(seed=7) - track(seed=8))[:, :3].max() > 1


def test_head_moves_as_far_and_as_fast_as_a_persons() -> None:
    pose = track()[:, :3].astype(np.float64)
    for axis, (low, high) in enumerate(((1.0, 4.5), (0.8, 3.0), (0.5, 2.5))):
        assert low < pose[:, axis].std() < high
    speed = np.abs(np.diff(pose, axis=0)) * 25
    assert np.percentile(speed, 99) < 40  # degrees per second
    # Little is left above 4 Hz: a head is heavy.
    spectrum = np.square(np.abs(np.fft.rfft(pose - pose.mean(0), axis=0)))
    hertz = np.fft.rfftfreq(len(pose), 1 / 25)
    assert (spectrum[hertz > 4].sum(0) / spectrum.sum(0)).max() < 0.02


def test_stress_nods() -> None:
    loudness = talk()
    found = stresses(loudness)
    assert len(found) > 30
    pitch = np.mean([track(seed=seed)[:, INDEX["pitch"]] for seed in range(12)], 0)
    at = np.array([round(s.time * 25) for s in found if s.strength > 0.5])
    at = at[(at > 10) & (at < len(pitch) - 10)]
    assert pitch[at].mean() < pitch[at - 9].mean() - 0.4


def test_phrases_are_those_of_the_plan() -> None:
    ends = [phrase.end for phrase in phrases(talk()) if phrase.pause]
    wanted = np.cumsum(PLAN)[::2]
    assert len(ends) == len(wanted)
    assert np.abs(np.array(ends) - wanted).max() < 0.15


def blinks(lids: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of each blink."""
    shut = np.concatenate([[0], (lids > 0.02).astype(int), [0]])
    edges = np.flatnonzero(np.diff(shut))
    return list(zip(edges[::2], edges[1::2], strict=True))


def test_blinks_at_human_rate_and_length_with_both_eyes() -> None:
    lids = track(Fraction(200))[:, [INDEX["blink_left"], INDEX["blink_right"]]]
    assert (lids[:, 0] == lids[:, 1]).all()
    found = blinks(lids[:, 0])
    minutes = len(lids) / 200 / 60
    assert 10 < len(found) / minutes < 26
    lengths = np.array([b - a for a, b in found]) / 200
    assert lengths.min() > 0.12
    assert lengths.max() < 0.32
    assert all(lids[a:b, 0].max() > 0.99 for a, b in found)


def test_blinks_like_the_ends_of_phrases() -> None:
    ends = np.cumsum(PLAN)[::2]
    near = total = 0
    for seed in range(6):
        for a, b in blinks(track(Fraction(100), seed=seed)[:, INDEX["blink_left"]]):
            near += bool(np.abs(ends - (a + b) / 200).min() < 0.3)
            total += 1
    # By chance it would be 0.6 s of the 2.8 s that a phrase and its pause last.
    assert near / total > 0.35


def test_a_blink_is_seen_at_24_frames_per_second() -> None:
    lids = track(Fraction(24))[:, INDEX["blink_left"]]
    assert np.mean([lids[a:b].max() > 0.85 for a, b in blinks(lids)]) > 0.9


def test_eyes_hold_still_between_quick_moves() -> None:
    head_still = track(Fraction(200), loudness=np.full(3000, 1e-5, np.float32), frames=12000)
    gaze = head_still[:, INDEX["gaze_x"]].astype(np.float64)
    speed = np.abs(np.diff(gaze)) * 200
    assert (speed < 0.2).mean() > 0.9
    assert speed.max() > 1
    assert np.abs(gaze).max() < 0.5


def test_eyes_stay_on_the_viewer_while_the_head_turns() -> None:
    moved = track()
    turned = np.corrcoef(moved[:, INDEX["yaw"]], moved[:, INDEX["gaze_x"]])[0, 1]
    assert turned < -0.3


def test_amount_scales_from_rest_to_lively() -> None:
    own = REST.copy()
    own[INDEX["yaw"]], own[INDEX["happy"]], own[INDEX["blink_left"]] = 9.0, 0.4, 0.2
    still = track(own=own, amount=0.0)
    assert (still == own).all()
    calm, lively = track(own=own) - own, track(own=own, amount=2.0) - own
    assert np.allclose(lively[:, :3], 2 * calm[:, :3], atol=1e-4)


def test_motion_is_around_the_portraits_own_pose() -> None:
    own = REST.copy()
    own[INDEX["yaw"]], own[INDEX["pitch"]] = -14.0, 6.0
    moved = track(own=own)
    assert moved[:, INDEX["yaw"]].mean() == pytest.approx(-14, abs=1.5)
    assert moved[:, INDEX["pitch"]].mean() == pytest.approx(6, abs=1.5)
    assert (moved[:, INDEX["lip_strength"]] == 1).all()


def test_extreme_portraits_stay_in_range() -> None:
    own = np.array(MAXIMA, np.float32)
    moved = track(own=own, amount=2.0)
    assert (moved <= np.array(MAXIMA, np.float32)).all()
    assert (moved >= np.array(MINIMA, np.float32)).all()


@pytest.mark.parametrize("loudness", [np.zeros(0, np.float32), np.zeros(500, np.float32)])
def test_without_a_voice_the_head_only_breathes(loudness: np.ndarray) -> None:
    moved = track(loudness=loudness, frames=1500)
    assert np.isfinite(moved).all()
    assert 0.05 < moved[:, INDEX["yaw"]].std() < 1.2
    assert (moved[:, INDEX["surprised"]] == 0).all()
    assert len(blinks(moved[:, INDEX["blink_left"]])) > 8


def test_no_frames() -> None:
    assert track(frames=0, loudness=np.zeros(0, np.float32)).shape == (0, 19)
