# SPDX-License-Identifier: GPL-3.0-or-later
"""Portraits and voices kept in the control process.

A worker that was killed takes its portraits and voices with it. The control process keeps the
requests that brought them, so that the next worker is given those that a job needs before the
job itself; the client notices nothing but the time. The keys come from the content, so giving
them again gives the same keys.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inference_core.protocol.channel import Buffer

KEPT_EACH = 4
# Of what was sent, over portraits and voices together; the newest is kept whatever its size.
KEPT_BYTES = 384 << 20


@dataclass(frozen=True, slots=True)
class Input:
    """The message that brought a portrait or a voice, ready to be sent again."""

    kind: str  # "portrait" or "voice"
    message: Sequence[Buffer] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the message."""
        return sum(len(piece) for piece in self.message)


class Inputs:
    """The latest portraits and voices, by key. Not thread-safe: the scheduler holds its lock."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Input] = OrderedDict()

    def keep(self, key: str, item: Input) -> list[str]:
        """Keep one; gives the keys that had to go for it."""
        self._kept[key] = item
        self._kept.move_to_end(key)
        gone = []
        while victim := self._victim(item.kind):
            del self._kept[victim]
            gone.append(victim)
        return gone

    def _victim(self, kind: str) -> str | None:
        same = [key for key, item in self._kept.items() if item.kind == kind]
        if len(same) > KEPT_EACH:
            return same[0]
        total = sum(item.size for item in self._kept.values())
        if total <= KEPT_BYTES:
            return None
        # Never the last of a kind: a job needs one portrait and one voice at the same time.
        for key, item in self._kept.items():
            if sum(other.kind == item.kind for other in self._kept.values()) > 1:
                return key
        return None

    def use(self, keys: Iterable[object]) -> dict[str, Input]:
        """Those of `keys` that are kept; they become the latest."""
        found = {}
        for key in keys:
            if isinstance(key, str) and key in self._kept:
                self._kept.move_to_end(key)
                found[key] = self._kept[key]
        return found

    def drop(self, keys: Iterable[str]) -> None:
        """Forget them, because a worker died over them."""
        for key in keys:
            self._kept.pop(key, None)
