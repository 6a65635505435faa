# SPDX-License-Identifier: GPL-3.0-or-later
"""One number, one mutated input: what a case was can be made again from its number alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000)
WORDS = (
    b"NaN", b"1e999", b"-1", b"null", b"[]", b"{}", b'""', b"true", b"9" * 40, b"\0", b"\xff\xfe",
    b"[" * 60, b'"\\ud800"', b"../../x", b"C:\\x", b"http://127.0.0.1:9/x", b"file:///etc/passwd",
)  # fmt: skip


def mutated(seeds: Sequence[bytes], number: int) -> bytes:
    """The input of a case: one of the seeds with 0 to 12 changes, now and then only noise."""
    rng = random.Random(number)
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(4096))
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6, 12))):
        _change(data, seeds, rng)
    return bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    at = (
        rng.randrange(len(data) + 1)
        if rng.random() < 0.5
        else rng.randrange(min(len(data), 64) + 1)
    )
    kind = rng.randrange(8)
    if kind == 0:
        data[at : at + 1] = rng.randbytes(1)
    elif kind == 1 and at < len(data):
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        size = rng.choice((1, 2, 4, 4, 8))
        value = rng.choice(INTERESTING) % (1 << 8 * size)
        data[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))
    elif kind == 3:
        del data[at : at + rng.choice((1, 2, 7, 64, 4096))]
    elif kind == 4:
        data[at:at] = data[at : at + rng.choice((1, 4, 33, 512))]
    elif kind == 5:
        data[at : at + rng.randrange(12)] = rng.choice(WORDS)
    elif kind == 6:
        other = rng.choice(seeds)
        start = rng.randrange(len(other) + 1)
        data[at:] = other[start:]
    else:
        del data[at:]
