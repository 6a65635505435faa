# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shape key means which curve, by name. Without bpy.

Rigs spell the same shapes in many ways: `jawOpen`, `JawOpen`, `jaw_open`, `mouthSmile_L`,
`ARKit.mouthSmileLeft`, `viseme_PP`, `vrc.v_pp`, `V_Explosive` is none of them.
"""

import re
from collections.abc import Iterable, Sequence

# What is in front of or behind a name and says nothing about the shape.
_PREFIXES = re.compile(r"^(arkit|blendshapes?|shape|facs|face|fac|head|vrc|fcl)+(?=.)")
_VISEME = re.compile(r"^(viseme|vis|v)(?=.)")
# Oculus' own names and the spellings of others.
_VISEMES = {
    "sil": "sil", "pp": "PP", "ff": "FF", "th": "TH", "dd": "DD", "kk": "kk", "ch": "CH",
    "ss": "SS", "nn": "nn", "rr": "RR", "aa": "aa", "a": "aa", "e": "E", "ih": "ih", "i": "ih",
    "oh": "oh", "o": "oh", "ou": "ou", "u": "ou",
}  # fmt: skip


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _sided(name: str) -> str:
    """`mouthSmile_L`, `mouthSmile.l`, `L_mouthSmile` as `mouthSmileLeft`."""
    for pattern, side in ((r"[_. -](l|left)$", "left"), (r"[_. -](r|right)$", "right")):
        name = re.sub(pattern, side, name, flags=re.IGNORECASE)
    for pattern, side in ((r"^(l|left)[_. -]", "left"), (r"^(r|right)[_. -]", "right")):
        if re.match(pattern, name, flags=re.IGNORECASE):
            name = re.sub(pattern, "", name, flags=re.IGNORECASE) + side
    return re.sub(r"(?<=[a-z])([LR])$", lambda m: "left" if m[1] == "L" else "right", name)


def match(shapes: Iterable[str], arkit: Sequence[str], visemes: Sequence[str]) -> dict[str, str]:
    """The curve that each shape key means by its name; those that mean none are left out.

    arkit and visemes are the names of the curves; a viseme's curve comes back as `viseme_PP`.
    """
    by_plain = {_plain(name): name for name in arkit}
    known = {viseme.lower(): viseme for viseme in visemes}
    found: dict[str, str] = {}
    for shape in shapes:
        plain = _plain(_sided(shape))
        short = _PREFIXES.sub("", plain)
        curve = by_plain.get(plain) or by_plain.get(short)
        if curve is None and _VISEME.match(short):
            spelled = _VISEMES.get(_VISEME.sub("", short), "")
            curve = f"viseme_{known[spelled.lower()]}" if spelled.lower() in known else None
        if curve is not None:
            found[shape] = curve
    return found


def chosen(matched: dict[str, str]) -> dict[str, str]:
    """Of a face that has both kinds of shapes, the kind of which it has more.

    Both at once would move the mouth twice.
    """
    visemes = {k: v for k, v in matched.items() if v.startswith("viseme_")}
    arkit = {k: v for k, v in matched.items() if k not in visemes}
    mouth = [v for v in arkit.values() if v.startswith(("mouth", "jaw", "tongue"))]
    return visemes if len(visemes) > len(mouth) else arkit
