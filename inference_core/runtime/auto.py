# SPDX-License-Identifier: GPL-3.0-or-later
"""The auto layer: what a head does while it says this.

Head motion from phrases and stress, blinks, gaze, raised brows, and the emotion that the prosody
suggests. Only proposals from the sound's rhythm and melody: nobody's acted speech was learned
from. Everything is a function of time, the
voice and the seed, so any frame rate and any range of frames show the same motion; nothing is
carried from frame to frame.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import COUNT, DEFAULTS, INDEX, MAXIMA, MINIMA
from inference_core.runtime.intonation import deliveries, pitch_of
from inference_core.runtime.mood import add_mood
from inference_core.runtime.prosody import Phrase, Stress, activity, phrases, smooth, stresses
from inference_core.runtime.voice import CONTENT_RATE

Times = NDArray[np.float64]

# Standard deviations of posture in degrees and of the restless part on top of it, about what
# people show who talk to a camera (yaw 3, pitch 2, roll 1.5 in all).
POSTURE = {"yaw": 2.4, "pitch": 1.2, "roll": 1.1}
RESTLESS = {"yaw": 0.75, "pitch": 0.55, "roll": 0.5}
RESTLESS_RATE = 1.3  # knots per second: what is left above 1 Hz is small
SWAY = {"shift_x": 0.006, "shift_y": 0.004}
SWAY_RATE = 0.35
NOD = 2.6  # degrees down at the strongest stress
BROWS = 0.22  # of `surprised` at the strongest stress
IDLE = 0.45  # share of the restless motion that is left in silence

BLINK_SLOT = 3.4  # seconds: 15 to 20 blinks a minute with those at phrase ends
GAZE_SLOT = 1.25
SACCADE = 0.045
# Degrees that an eye turns for gaze 1, to keep looking at the camera while the head turns.
GAZE_DEGREES = 30.0

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _uniform(seed: int, stream: int, index: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Random numbers 0..1 that depend only on (seed, stream, index): splitmix64."""
    mixed = (seed * 0x632BE59BD9B4E019 + stream * 0x9E6C63D0876A9A47) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):  # wrapping around is the point
        z = np.atleast_1d(np.asarray(index, np.int64)).astype(np.uint64) * _GOLDEN
        z = z + np.uint64(mixed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def _one(seed: int, stream: int, index: int) -> float:
    return float(_uniform(seed, stream, index)[0])


def _normal(seed: int, stream: int, index: int) -> float:
    """Roughly normal, never beyond 2.5 deviations: nobody's head jerks aside."""
    total = sum(_one(seed, stream * 16 + k, index) for k in range(4)) - 2
    return float(np.clip(total / np.sqrt(4 / 12), -2.5, 2.5))


def _noise(seed: int, stream: int, times: Times, rate: float) -> Times:
    """Smooth noise of deviation 1: a cubic B-spline over one random number per 1/rate seconds."""
    position = times * rate
    knot = np.floor(position).astype(np.int64)
    x = position - knot
    weights = ((1 - x) ** 3, 3 * x**3 - 6 * x**2 + 4, -3 * x**3 + 3 * x**2 + 3 * x + 1, x**3)
    value = np.zeros_like(times)
    for offset, weight in enumerate(weights):
        value += (_uniform(seed, stream, knot + offset - 1) - 0.5) * weight / 6
    return value / (np.sqrt(1 / 12) * 0.69)  # 0.69: what the spline leaves of the deviation


def _ease(x: Times) -> Times:
    """Minimum-jerk step from 0 to 1 over x = 0..1."""
    x = x.clip(0, 1)
    return x**3 * (10 - 15 * x + 6 * x * x)


def _between(times: Times, low: float, high: float) -> slice:
    """The part of the ascending `times` from low to high."""
    return slice(int(np.searchsorted(times, low)), int(np.searchsorted(times, high, "right")))


def _posture(times: Times, said: list[Phrase], seed: int, axis: int) -> Times:
    """Where the head rests: another place for each phrase, reached during the pause before."""
    result = np.zeros_like(times)
    before, last_end = 0.0, -1.0
    for number, phrase in enumerate(said):
        after = _normal(seed, 10 + axis, number)
        # Heads turn back to the listener: the place is drawn towards the middle.
        after = 0.85 * after + 0.25 * before
        length = float(np.clip(phrase.start - last_end + 0.35, 0.55, 1.3))
        begin = phrase.start + 0.15 - 0.7 * length
        window = _between(times, begin, np.inf)
        result[window] += (after - before) * _ease((times[window] - begin) / length)
        before, last_end = after, phrase.end
    if said:  # and home when all is said
        begin = last_end + 0.1
        result -= before * _ease((times - begin) / 1.2)
    return result


def _bumps(times: Times, events: list[tuple[float, float]], rise: float, fall: float) -> Times:
    """Sum of smooth bumps (time of the top, height): up in `rise` seconds, down in `fall`."""
    result = np.zeros_like(times)
    for top, height in events:
        window = _between(times, top - rise, top + fall)
        since = times[window] - top
        result[window] += height * np.where(
            since < 0, _ease(since / rise + 1), _ease(1 - since / fall)
        )
    return result


def _nods(stressed: list[Stress], seed: int) -> list[tuple[float, float]]:
    """Most stresses nod, by their strength; some people's heads go up instead, now and then."""
    events = []
    for stress in stressed:
        at = round(stress.time * CONTENT_RATE)
        if _one(seed, 30, at) < 0.35 + 0.6 * stress.strength:
            height = (0.35 + 0.65 * stress.strength) * (0.6 + 0.6 * _one(seed, 31, at))
            events.append((stress.time + 0.03, -height if _one(seed, 32, at) < 0.88 else height))
    return events


def _flashes(stressed: list[Stress], seed: int) -> list[tuple[float, float]]:
    """Brows go up just before one in three of the strongest stresses."""
    return [
        (stress.time - 0.05, (stress.strength - 0.5) / 0.5)
        for stress in stressed
        if stress.strength > 0.5 and _one(seed, 34, round(stress.time * CONTENT_RATE)) < 0.33
    ]


def blink_times(low: float, high: float, said: list[Phrase], seed: int) -> list[float]:
    """Seconds at which the lids are shut, from low to high: one per slot, phrase ends first."""
    ends = np.array([phrase.end for phrase in said if phrase.pause])

    def raw(slot: int) -> float | None:
        begin = slot * BLINK_SLOT
        inside = ends[(ends >= begin) & (ends < begin + BLINK_SLOT)]
        if len(inside) and _one(seed, 40, slot) < 0.8:
            return float(inside[0]) + 0.06 + 0.1 * _one(seed, 41, slot)
        if _one(seed, 42, slot) < 0.08:
            return None  # a stare
        return begin + BLINK_SLOT * (0.05 + 0.9 * _one(seed, 43, slot))

    found = []
    for slot in range(int(np.floor(low / BLINK_SLOT)), int(np.floor(high / BLINK_SLOT)) + 1):
        time, previous = raw(slot), raw(slot - 1)
        if time is None or (previous is not None and time - previous < 0.7):
            continue
        found.append(time)
        if _one(seed, 44, slot) < 0.1:
            found.append(time + 0.42)  # blinks like to come in twos
    return [time for time in found if low <= time <= high]


def _blinks(times: Times, said: list[Phrase], seed: int) -> Times:
    """Lids 0..1: shut in 75 to 105 ms, for 30 ms, open again in 110 to 165 ms."""
    result = np.zeros_like(times)
    for time in blink_times(times[0] - 1, times[-1] + 1, said, seed):
        pace = 0.7 + 0.3 * _one(seed, 45, round(time * 1000))
        close, hold, open_ = 0.105 * pace, 0.03, 0.165 * pace
        window = _between(times, time - close, time + hold + open_)
        since = times[window] - time
        lid = np.where(since < 0, _ease(since / close + 1), _ease(1 - (since - hold) / open_))
        result[window] = np.maximum(result[window], lid)
    return result


def _gaze(times: Times, talking: Times, seed: int, axis: int) -> Times:
    """Where the eyes rest: held for about a second, mostly on the viewer, with quick moves."""

    def onset(slot: NDArray[np.int64]) -> Times:
        return (slot + 0.7 * _uniform(seed, 50, slot)) * GAZE_SLOT

    def target(slot: NDArray[np.int64]) -> Times:
        # Aside while thinking, in pauses more than in speech.
        silent = np.interp(onset(slot), np.arange(len(talking)) / CONTENT_RATE, 1 - talking)
        aside = _uniform(seed, 51, slot) < 0.08 + 0.1 * silent
        wide = (_uniform(seed, 52 + axis, slot) - 0.5) * (0.7 if axis == 0 else 0.45)
        near = (_uniform(seed, 54 + axis, slot) - 0.5) * (0.1 if axis == 0 else 0.07)
        return np.where(aside, wide, near)

    slot = np.floor(times / GAZE_SLOT).astype(np.int64)
    slot = np.where(times < onset(slot), slot - 1, slot)
    share = _ease((times - onset(slot)) / SACCADE)
    return target(slot - 1) * (1 - share) + target(slot) * share


def propose(
    content: NDArray[np.floating],
    loudness: NDArray[np.floating],
    samples16k: NDArray[np.floating],
    own: NDArray[np.floating],
    fps: Fraction,
    frames: int,
    seed: int = 0,
    amount: float = 1.0,
    start: float = 0.0,
) -> NDArray[np.float32]:
    """Controls float32 [frames, 19]: the portrait's `own` state [19] with motion on top.

    content [T, 15] and loudness (RMS) [T] are at 50 Hz, samples16k [n] the voice they came from,
    whose pitch suggests emotion.
    Frame k shows the moment start + k / fps. amount: 0 gives `own` at rest, 1 a calm speaker, 2 a
    lively one. Lip strength and jaw stay at their defaults: the voice itself moves the mouth.
    The result lies inside every control's range.
    """
    del content  # rhythm and melody say all that is used today
    track = np.tile(np.asarray(own, np.float64), (frames, 1))
    for name in ("lip_strength", "jaw"):
        track[:, INDEX[name]] = DEFAULTS[INDEX[name]]
    if frames and amount > 0:
        times = start + np.arange(frames) * (fps.denominator / fps.numerator)
        offset = _motion(times, loudness, seed)
        if len(samples16k):
            add_mood(offset, times, deliveries(phrases(loudness), loudness, pitch_of(samples16k)))
        track += amount * offset
        lids = _blinks(times, phrases(loudness), seed) * min(amount, 1.0)
        for name in ("blink_left", "blink_right"):
            at = INDEX[name]
            track[:, at] += (1 - track[:, at]).clip(0, 1) * lids
    return np.clip(track, MINIMA, MAXIMA).astype(np.float32)


def _motion(times: Times, loudness: NDArray[np.floating], seed: int) -> Times:
    """Offsets [frames, 19] of head, gaze and brows for a calm speaker."""
    offset = np.zeros((len(times), COUNT))
    said, stressed = phrases(loudness), stresses(loudness)
    talking = smooth(activity(loudness).astype(np.float64), 0.8) if len(loudness) else np.zeros(1)
    seconds = (np.arange(len(talking)) + 0.5) / CONTENT_RATE
    lively = IDLE + (1 - IDLE) * np.interp(times, seconds, talking, left=0, right=0)
    for axis, (name, size) in enumerate(POSTURE.items()):
        restless = _noise(seed, 20 + axis, times, RESTLESS_RATE) * RESTLESS[name] * lively
        offset[:, INDEX[name]] = size * _posture(times, said, seed, axis) + restless
    nods = _nods(stressed, seed)
    offset[:, INDEX["pitch"]] += NOD * _bumps(times, nods, 0.2, 0.34)
    # A nod is never straight: a little of it goes to the side.
    aside = [(time, height * (_one(seed, 33, round(time * 50)) - 0.5)) for time, height in nods]
    offset[:, INDEX["yaw"]] += 1.6 * _bumps(times, aside, 0.22, 0.4)
    offset[:, INDEX["roll"]] += 0.9 * _bumps(times, aside, 0.22, 0.4)
    for axis, (name, size) in enumerate(SWAY.items()):
        offset[:, INDEX[name]] = size * _noise(seed, 25 + axis, times, SWAY_RATE)
    for axis, (name, head) in enumerate((("gaze_x", "yaw"), ("gaze_y", "pitch"))):
        held = -0.8 * offset[:, INDEX[head]] / GAZE_DEGREES
        offset[:, INDEX[name]] = held + _gaze(times, talking, seed, axis)
    offset[:, INDEX["surprised"]] = BROWS * _bumps(times, _flashes(stressed, seed), 0.18, 0.45)
    return offset
