# SPDX-License-Identifier: GPL-3.0-or-later
"""Pitch is found, deliveries are told apart, and what they suggest stays small and smooth."""

from fractions import Fraction

import numpy as np
import pytest

from inference_core.protocol.controls import DEFAULTS, INDEX
from inference_core.runtime.auto import propose
from inference_core.runtime.intonation import deliveries, pitch_of
from inference_core.runtime.mood import EMOTIONS, MOST, mood, suggested
from inference_core.runtime.prosody import phrases
from inference_core.runtime.voice import loudness_of

REST = np.array(DEFAULTS, np.float32)
RATE = 16_000


def sung(hertz: np.ndarray, loud: float) -> np.ndarray:
    """A buzz that follows a pitch [n], four syllables a second."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = 0.15 + np.abs(np.sin(np.pi * 4 * np.arange(len(hertz)) / RATE))
    return loud * 0.1 * buzz * syllables


def phrase(seconds: float, low: float, high: float, loud: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    middle, reach = np.log2(low * high) / 2, np.log2(high / low) / 2
    return sung(2 ** (middle + reach * np.sin(2 * np.pi * 0.9 * time)), loud)


def said(*parts: np.ndarray) -> np.ndarray:
    pause = np.zeros(int(0.7 * RATE))
    return np.concatenate([x for part in parts for x in (part, pause)]).astype(np.float32)


@pytest.mark.parametrize("hertz", [75.0, 110.0, 210.0, 380.0])
def test_pitch_of_a_buzz_is_right_to_two_percent(hertz: float) -> None:
    pitch = pitch_of(said(sung(np.full(RATE, hertz), 1.0)))
    assert len(pitch) == 85
    heard = pitch[5:45]
    assert (np.abs(heard / hertz - 1) < 0.02).mean() > 0.9
    assert (pitch[60:] == 0).all()


def test_noise_and_silence_have_no_pitch() -> None:
    assert (pitch_of(np.zeros(RATE, np.float32)) == 0).all()
    hiss = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert (pitch_of(hiss) > 0).mean() < 0.05
    assert len(pitch_of(np.zeros(0, np.float32))) == 0


CALM = (110.0, 135.0, 0.6)


def test_a_lively_a_loud_and_a_low_phrase_suggest_different_moods() -> None:
    voice = said(
        phrase(2, *CALM), phrase(2, 150, 330, 1.2), phrase(2, *CALM), phrase(2, 112, 122, 2.4),
        phrase(2, *CALM), phrase(2, 84, 92, 0.25), phrase(2, *CALM),
    )  # fmt: skip
    loudness = loudness_of(voice)
    found = deliveries(phrases(loudness), loudness, pitch_of(voice))
    assert len(found) == 7
    lively, loud, low = (suggested(found[i]) for i in (1, 3, 5))
    assert max(lively, key=lively.__getitem__) == "happy"
    assert max(loud, key=loud.__getitem__) == "angry"
    assert max(low, key=low.__getitem__) == "sad"
    assert all(max(suggested(found[i]).values()) < 0.05 for i in (0, 2, 4, 6))


def test_the_mood_is_eased_and_ends_with_the_voice() -> None:
    voice = said(phrase(2, *CALM), phrase(2, 150, 330, 1.2), phrase(2, *CALM))
    loudness = loudness_of(voice)
    found = deliveries(phrases(loudness), loudness, pitch_of(voice))
    times = np.arange(0, 15, 0.04)
    amounts = np.stack(list(mood(times, found).values()))
    assert 0.02 < amounts.max() <= MOST
    assert amounts.min() > -1e-9
    assert np.abs(np.diff(amounts, axis=1)).max() < 0.04
    assert np.abs(amounts[:, -1]).max() < 1e-9


def test_the_proposal_carries_the_mood_and_its_amount() -> None:
    voice = said(phrase(2, *CALM), phrase(2, 150, 330, 1.2), phrase(2, *CALM))
    loudness, content = loudness_of(voice), np.zeros((0, 15), np.float32)
    columns = [INDEX[name] for name in EMOTIONS if name != "surprised"]

    def emotion(amount: float) -> np.ndarray:
        track = propose(content, loudness, voice, REST, Fraction(25), 200, 0, amount)
        return track[:, columns] - REST[columns]

    one, two = emotion(1.0), emotion(2.0)
    assert one.max() > 0.02
    assert np.abs(two - 2 * one).max() < 1e-5
    assert (emotion(0.0) == 0).all()
