# SPDX-License-Identifier: GPL-3.0-or-later
"""`happy@1.0:0.8`: keys of control curves as they are typed on a command line."""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inference_core.protocol import controls

# A curve starts from the control's default this long before its first key, so that a single key
# is a ramp and not a jump.
RAMP_SECONDS = 0.5


@dataclass(frozen=True)
class Key:
    """One key: which control has which value at what time of the voice."""

    control: str
    seconds: float
    value: float


def parse(text: str) -> Key:
    """Read `name@seconds:value`.

    Raises argparse.ArgumentTypeError, a sentence, for an unknown control, a time before the start
    or a value outside of the control's range.
    """
    match = re.fullmatch(r"([a-z_]+)@([-+.\deE]+):([-+.\deE]+)", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not of the form name@seconds:value, as in happy@1.0:0.8"
        )
    name = match[1]
    control = controls.BY_NAME.get(name)
    if control is None:
        raise argparse.ArgumentTypeError(
            f"there is no control {name!r}; there are {', '.join(controls.NAMES)}"
        )
    try:
        seconds, value = float(match[2]), float(match[3])
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} has a part that is no number") from None
    if not 0 <= seconds < 1e5:
        raise argparse.ArgumentTypeError(f"{text!r} is before the voice starts or far behind it")
    if not control.allows(value):
        raise argparse.ArgumentTypeError(
            f"{name} goes from {control.minimum:g} to {control.maximum:g}, not {value:g}"
        )
    return Key(name, seconds, value)


def curves(keys: Iterable[Key]) -> dict[str, list[tuple[float, float]]]:
    """Control -> (seconds, value) in order of time, starting at the default before the first key.

    Of two keys at one time the later one on the command line counts.
    """
    found: dict[str, dict[float, float]] = {}
    for key in keys:
        found.setdefault(key.control, {})[key.seconds] = key.value
    result = {}
    for name, points in found.items():
        ordered = sorted(points.items())
        first = ordered[0][0]
        if first > 0:
            default = controls.BY_NAME[name].default
            ordered.insert(0, (max(0.0, first - RAMP_SECONDS), default))
        result[name] = ordered
    return result


def as_arguments(keys: Sequence[Key]) -> list[str]:
    """The keys as they were typed, to hand them to another process."""
    return [f"{key.control}@{key.seconds!r}:{key.value!r}" for key in keys]
