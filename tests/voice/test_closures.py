# SPDX-License-Identifier: GPL-3.0-or-later
"""Shut lips are looked for in the dips of the loudness."""

import numpy as np

from inference_core.runtime.closures import dips, lean
from inference_core.runtime.decode import segments
from inference_core.runtime.phones import INDEX, PHONES


def loudness(*decibel: float) -> np.ndarray:
    return 0.1 * 10 ** (np.array(decibel, np.float32) / 20)


def test_a_dip_is_as_deep_as_its_shallower_side() -> None:
    found = dips(loudness(*[0.0] * 8, -10, *[-4.0] * 8))
    assert abs(found[8] - 6) < 1e-3
    assert np.abs(found[:7]).max() < 1e-3  # loud, beside the edge of the voice, and level
    assert dips(loudness()).shape == (0,)
    silence = dips(np.zeros(20, np.float32))
    assert np.array_equal(silence, np.zeros(20, np.float32))


def test_a_dip_speaks_for_lips_and_against_vowels_only() -> None:
    nats = lean(np.array([0.0, 2.0, 12.0]))
    assert nats.shape == (3, len(PHONES))
    lips, vowel, tongue = (nats[:, INDEX[name]] for name in ("m", "ɔ", "n"))
    assert lips[0] < lips[1] < lips[2]
    assert vowel[0] == vowel[1] == 0 > vowel[2]
    assert np.array_equal(tongue, np.zeros(3))


def test_an_m_heard_as_l_is_found_in_a_dip_and_an_n_heard_as_m_beside_none() -> None:
    posteriors = np.full((30, len(PHONES)), 1e-3)
    posteriors[:, INDEX["a"]] = 0.9
    posteriors[12:16, INDEX["a"]] = 0.05
    posteriors[12:16, [INDEX["l"], INDEX["m"]]] = 0.6, 0.2
    dip = loudness(*[0.0] * 12, *[-14.0] * 4, *[0.0] * 14)
    level = loudness(*[0.0] * 30)

    def said(voice: np.ndarray | None) -> list[str]:
        return [
            PHONES[int(i)] for i in segments([posteriors[:14], posteriors[14:]], 30, voice)[:, 2]
        ]

    assert said(None) == ["a", "l", "a"]
    assert said(dip) == ["a", "m", "a"]
    posteriors[12:16, [INDEX["l"], INDEX["m"], INDEX["n"]]] = 1e-3, 0.5, 0.3
    assert said(None) == ["a", "m", "a"]
    assert said(level) == ["a", "n", "a"]
