# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones of the synthesisers, folded into the fifteen visemes.

Two inventories arrive: ARPAbet from flite and IPA from espeak-ng (any language). Both become
lists of `Phone`, each with its viseme, so that what follows knows visemes only.
"""

import unicodedata
from dataclasses import dataclass

from inference_core.protocol.controls import VISEMES

SIL = "sil"

# A diphthong is two visemes in a row: the mouth really moves from one to the other.
ARPABET: dict[str, tuple[str, ...]] = {
    "pau": ("sil",), "sil": ("sil",), "ssil": ("sil",),
    "p": ("PP",), "b": ("PP",), "m": ("PP",), "em": ("PP",),
    "f": ("FF",), "v": ("FF",),
    "th": ("TH",), "dh": ("TH",),
    "t": ("DD",), "d": ("DD",), "dx": ("DD",),
    "k": ("kk",), "g": ("kk",), "ng": ("kk",),
    "ch": ("CH",), "jh": ("CH",), "sh": ("CH",), "zh": ("CH",),
    "s": ("SS",), "z": ("SS",),
    "n": ("nn",), "l": ("nn",), "en": ("nn",), "el": ("nn",), "nx": ("nn",),
    "r": ("RR",), "er": ("RR",), "axr": ("RR",),
    "aa": ("aa",), "ae": ("aa",), "ah": ("aa",), "ax": ("E",),
    "eh": ("E",), "ey": ("E", "ih"), "ih": ("ih",), "iy": ("ih",), "ix": ("ih",), "y": ("ih",),
    "ay": ("aa", "ih"), "aw": ("aa", "ou"), "ow": ("oh", "ou"), "oy": ("oh", "ih"),
    "ao": ("oh",), "uh": ("ou",), "uw": ("ou",), "w": ("ou",),
    "hh": ("h",), "hv": ("h",),
}  # fmt: skip

# Base letters of IPA. `h` is no viseme: the mouth already has the shape of what follows.
_IPA: dict[str, str] = {
    "PP": "pbmɓʙɱɸβ",  # ɸ and β are lips against lips, only not quite shut
    "FF": "fvʋⱱ",
    "TH": "θð",
    "DD": "tdʈɖɗɾɽ",
    "kk": "kɡgŋɟcqɢxɣχɠʛɴɰʝ",
    "CH": "ʃʒʂʐɕʑçɧ",
    "SS": "szɬɮ",
    "nn": "nɲɳlɭʎʟɫɺ",
    "RR": "rɹɻʁʀɚɝɜ",
    "aa": "aɑæʌɐäɶ",
    "E": "eɛəœøɘɤᵊ",
    "ih": "iɪjyɨɯʏɥᵻ",
    "oh": "oɔɒɵɞ",
    "ou": "uʊwʉ",
    "h": "hɦʔħʕʍ?",
}
IPA: dict[str, str] = {letter: viseme for viseme, letters in _IPA.items() for letter in letters}
# Rounded front vowels spread like nothing in English: the lips say `ou` while the tongue says `ih`.
IPA.update(dict.fromkeys("yʏɥøœ", "ou"))
# German and Dutch /r/ sounds stay in the throat and leave the lips alone; so does a bare ɜ.
IPA["ʁ"] = IPA["ʀ"] = "kk"
IPA["ɜ"] = "E"

# A stop before a fricative is one phone with the fricative's mouth (ts, dʒ).
AFFRICATE = {("DD", "CH"), ("DD", "SS")}
STOPS = frozenset("pbtdkɡgɟcqʈɖɗɓɠ")


@dataclass(frozen=True, slots=True)
class Phone:
    """One viseme's stretch of sound: seconds, the viseme (or `h`), and whether it is a stop."""

    start: float
    end: float
    viseme: str
    stop: bool = False


def split(start: float, end: float, visemes: tuple[str, ...], stop: bool = False) -> list[Phone]:
    """One phone as the visemes it is made of; the first of two gets 55 % of the time."""
    if len(visemes) == 1:
        return [Phone(start, end, visemes[0], stop)]
    bounds = [start, start + 0.55 * (end - start), end]
    if len(visemes) > 2:
        bounds = [start + (end - start) * i / len(visemes) for i in range(len(visemes) + 1)]
    return [Phone(a, b, v) for a, b, v in zip(bounds, bounds[1:], visemes, strict=False)]


def of_arpabet(name: str) -> tuple[str, ...] | None:
    """Visemes of a flite phone, or None when it is unknown."""
    return ARPABET.get(name.lower())


def of_ipa(symbol: str) -> tuple[str, ...] | None:
    """Visemes of an espeak-ng phone in IPA, diacritics folded away; None when it is unknown.

    An empty symbol is a pause. `ɑːɹ` gives (aa, RR), `tʃ` gives (CH,), `ã` gives (aa,).
    """
    if not symbol.strip("_:|-"):
        return (SIL,)
    folded = unicodedata.normalize("NFD", symbol)
    found: list[str] = []
    for letter in folded:
        if letter == "ʲ" or letter in "ːˑˈˌʰʷˠˤˀ̩-.'`;!^\"~" or unicodedata.combining(letter):
            continue
        viseme = IPA.get(letter)
        if viseme is None:
            return None
        if found and (found[-1], viseme) in AFFRICATE:
            found[-1] = viseme
        elif not found or found[-1] != viseme:
            found.append(viseme)
    # What is left is a mark on its own (a palatal glide): the mouth of a short i.
    return tuple(found) or ("ih",)


def as_rows(phones: list[Phone]) -> list[list[float]]:
    """Phones as numbers for a file: start, end, viseme index (-1 for `h`), stop."""
    index = {name: i for i, name in enumerate(VISEMES)} | {"h": -1}
    return [[p.start, p.end, index[p.viseme], float(p.stop)] for p in phones]
