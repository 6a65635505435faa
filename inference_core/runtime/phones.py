# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone inventory: what a voice encoder answers, and the viseme that each phone shows.

A public interface. espeak-ng's IPA is folded into `PHONES`; an encoder gives one posterior per
phone and frame in this order. Any encoder whose own symbols are IPA as espeak-ng writes it can
take the place of ours, because `of_ipa` folds every such symbol.
"""

import unicodedata

import numpy as np
from numpy.typing import NDArray

from inference_core.protocol.controls import VISEMES

SIL = "sil"
# No viseme of its own: the mouth already has the shape of what follows.
BREATH = "h"

# Each phone of the inventory with its viseme and the IPA letters that are folded into it.
_TABLE: tuple[tuple[str, str, str], ...] = (
    (SIL, "sil", ""),
    ("p", "PP", "pɸ"), ("b", "PP", "bɓʙβ"), ("m", "PP", "mɱ"),
    ("f", "FF", "f"), ("v", "FF", "vʋⱱ"), ("θ", "TH", "θ"), ("ð", "TH", "ð"),
    ("t", "DD", "tʈ"), ("d", "DD", "dɖɗ"), ("r", "DD", "ɾɽr"),
    ("k", "kk", "kcq"), ("ɡ", "kk", "ɡgɟɠʛ"), ("ŋ", "kk", "ŋɴ"), ("x", "kk", "xχɣʁʀɰ"),
    ("tʃ", "CH", ""), ("dʒ", "CH", ""), ("ʃ", "CH", "ʃʂɕç"), ("ʒ", "CH", "ʒʐʑʝɧ"),
    ("s", "SS", "sɬ"), ("z", "SS", "zɮ"), ("n", "nn", "nɲɳ"), ("l", "nn", "lɭʎʟɫɺ"),
    ("ɹ", "RR", "ɹɻ"), ("ɜ", "RR", "ɜɝɚ"), ("h", "h", "hɦʔħʕʍ?"),
    ("j", "ih", "j"), ("w", "ou", "w"), ("i", "ih", "i"), ("ɪ", "ih", "ɪᵻ"), ("ɨ", "ih", "ɨɯ"),
    ("y", "ou", "yʏɥ"), ("ø", "ou", "øœ"), ("e", "E", "e"), ("ɛ", "E", "ɛ"),
    ("ə", "E", "əɐɘɤᵊ"), ("æ", "aa", "æ"), ("a", "aa", "aäɶ"), ("ɑ", "aa", "ɑ"), ("ʌ", "aa", "ʌ"),
    ("ɔ", "oh", "ɔɒɞ"), ("o", "oh", "oɵ"), ("ʊ", "ou", "ʊ"), ("u", "ou", "uʉ"),
)  # fmt: skip

PHONES: tuple[str, ...] = tuple(phone for phone, _, _ in _TABLE)
INDEX: dict[str, int] = {phone: i for i, phone in enumerate(PHONES)}
VISEME_OF: dict[str, str] = {phone: viseme for phone, viseme, _ in _TABLE}
LETTERS: dict[str, str] = {letter: phone for phone, _, letters in _TABLE for letter in letters}
# The same as numbers: index of the viseme per phone, -1 for the breath.
VISEME_INDEX: NDArray[np.int64] = np.array(
    [VISEMES.index(v) if v in VISEMES else -1 for v in VISEME_OF.values()], np.int64
)
STOPS = frozenset({"p", "b", "t", "d", "k", "ɡ"})
_AFFRICATES = {("t", "ʃ"): "tʃ", ("d", "ʒ"): "dʒ"}
_MARKS = frozenset("ːˑˈˌʰʷˠˤˀʲ-.'`;!^\"~|_:0123456789")

# ARPAbet, as flite and PocketSphinx write it; a diphthong is two phones in a row.
ARPABET: dict[str, tuple[str, ...]] = {
    "pau": (SIL,), "sil": (SIL,), "ssil": (SIL,), "p": ("p",), "b": ("b",), "m": ("m",),
    "em": ("m",), "f": ("f",), "v": ("v",), "th": ("θ",), "dh": ("ð",), "t": ("t",), "d": ("d",),
    "dx": ("r",), "k": ("k",), "g": ("ɡ",), "ng": ("ŋ",), "ch": ("tʃ",), "jh": ("dʒ",),
    "sh": ("ʃ",), "zh": ("ʒ",), "s": ("s",), "z": ("z",), "n": ("n",), "en": ("n",), "nx": ("n",),
    "l": ("l",), "el": ("l",), "r": ("ɹ",), "er": ("ɜ",), "axr": ("ɜ",), "aa": ("ɑ",),
    "ae": ("æ",), "ah": ("ʌ",), "ax": ("ə",), "eh": ("ɛ",), "ey": ("e", "ɪ"), "ih": ("ɪ",),
    "ix": ("ɪ",), "iy": ("i",), "y": ("j",), "ay": ("a", "ɪ"), "aw": ("a", "ʊ"), "ow": ("o", "ʊ"),
    "oy": ("ɔ", "ɪ"), "ao": ("ɔ",), "uh": ("ʊ",), "uw": ("u",), "w": ("w",), "hh": ("h",),
    "hv": ("h",),
}  # fmt: skip


def of_arpabet(name: str) -> tuple[str, ...] | None:
    """Phones of an ARPAbet symbol (stress digits allowed), or None when it is unknown."""
    return ARPABET.get(name.lower().rstrip("012"))


def of_ipa(symbol: str) -> tuple[str, ...] | None:
    """Phones of an IPA symbol as espeak-ng writes it, marks folded away; None when unknown.

    An empty symbol is a pause. `ɑːɹ` gives (ɑ, ɹ), `tʃ` gives (tʃ,), `ã` gives (a,), `i5` (i,).
    """
    if not symbol.strip("_:|-"):
        return (SIL,)
    found: list[str] = []
    for letter in unicodedata.normalize("NFD", symbol):
        if letter in _MARKS or unicodedata.combining(letter):
            continue
        phone = LETTERS.get(letter)
        if phone is None:
            return None
        if found and (found[-1], phone) in _AFFRICATES:
            found[-1] = _AFFRICATES[found[-1], phone]
        elif not found or found[-1] != phone:
            found.append(phone)
    # What is left is a mark on its own (a palatal glide).
    return tuple(found) or ("j",)
