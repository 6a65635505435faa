# SPDX-License-Identifier: GPL-3.0-or-later
"""One colour per control, the same in the emotion wheel and the Graph Editor. Without bpy.

The emotions stand around the wheel so that neighbours mix well: what lies between two of them is
some of each. A layer is told by how strong its colours are.
"""

import colorsys
from collections.abc import Mapping
from math import atan2, cos, hypot, pi, sin

from ..inference_core.protocol.controls import CONTROLS, EMOTIONS

Colour = tuple[float, float, float]

# Around the wheel from red on; every colour picker shows them in this order.
WHEEL = ("angry", "happy", "surprised", "fear", "sad", "disgusted", "contempt")
assert sorted(WHEEL) == sorted(EMOTIONS)
STEP = 1.0 / len(WHEEL)
# Saturation and value: what is keyed is strong, what is proposed is dim, what was read is pale.
LOOKS = {"edit": (0.75, 1.0), "auto": (0.55, 0.55), "measured": (0.25, 0.9)}
FAINT = 1e-4


def hue(control: str) -> float:
    """The hue of a control, 0 to 1."""
    if control in WHEEL:
        return WHEEL.index(control) * STEP
    group = next(c.group for c in CONTROLS if c.name == control)
    names = [c.name for c in CONTROLS if c.group == group]
    start = {"pose": 0.0, "eyes": 0.12, "speech": 0.3}[group]
    return (start + names.index(control) / len(names)) % 1.0


def of(control: str, layer: str = "edit") -> Colour:
    """The colour of a control's curve in a layer, RGB 0 to 1."""
    saturation, value = LOOKS.get(layer, LOOKS["edit"])
    return colorsys.hsv_to_rgb(hue(control), saturation, value)


def mixed(amounts: Mapping[str, float]) -> Colour:
    """Where these emotions lie on the wheel, as the colour there; white is neutral."""
    present = {name: amounts[name] for name in WHEEL if amounts.get(name, 0.0) > FAINT}
    if not present:
        return 1.0, 1.0, 1.0
    angle, strength = _between_two(present) or _mean(present)
    return colorsys.hsv_to_rgb(angle % 1.0, min(1.0, strength), 1.0)


def amounts(colour: Colour) -> dict[str, float]:
    """The emotions at a place of the wheel: two neighbours at most, together its saturation."""
    angle, strength, _ = colorsys.rgb_to_hsv(*colour)
    place = angle / STEP
    first = int(place) % len(WHEEL)
    share = place - int(place)
    found = dict.fromkeys(WHEEL, 0.0)
    found[WHEEL[first]] += strength * (1 - share)
    found[WHEEL[(first + 1) % len(WHEEL)]] += strength * share
    return found


def _between_two(present: Mapping[str, float]) -> tuple[float, float] | None:
    """Angle and strength where one emotion is, or two that are neighbours: what was dragged."""
    places = [WHEEL.index(name) for name in present]
    total = sum(present.values())
    if len(places) == 1:
        return places[0] * STEP, total
    if len(places) == 2:
        first, second = places if (places[1] - places[0]) == 1 else reversed(places)
        if (second - first) % len(WHEEL) == 1:
            return (first + present[WHEEL[second]] / total) * STEP, total
    return None


def _mean(present: Mapping[str, float]) -> tuple[float, float]:
    """Angle and strength of the sum, for mixtures that the wheel does not have."""
    x = sum(value * cos(2 * pi * hue(name)) for name, value in present.items())
    y = sum(value * sin(2 * pi * hue(name)) for name, value in present.items())
    return atan2(y, x) / (2 * pi) % 1.0, hypot(x, y)
