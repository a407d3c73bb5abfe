"""Damaged answers, the same in each run, so that failures can be reproduced."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_ODD = (b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x7f", b"\x80", b"\xc0\x0c", b"\r\n", b"\r\n\r\n", b"\n", b":", b" ")


def mutants(seeds: Sequence[bytes], count: int, start: int = 0) -> Iterator[bytes]:
    """Yield ``count`` seeds with bytes changed, inserted, removed, doubled or cut off, from byte ``start`` on."""
    noise = random.Random(len(seeds))  # noqa: S311  noise, and the same each time
    for _ in range(count):
        data = bytearray(noise.choice(seeds))
        for _ in range(noise.choice((1, 1, 2, 3, 8))):
            _change(data, noise, start)
        yield bytes(data)


def _change(data: bytearray, noise: random.Random, start: int) -> None:
    at = noise.randint(min(start, len(data)), len(data))
    size = noise.choice((0, 1, 1, 2, 4, 16))
    match noise.randrange(6):
        case 0:
            data[at : at + size] = noise.randbytes(size)
        case 1:
            data[at : at + size] = noise.choice(_ODD)
        case 2:
            del data[at : at + size]
        case 3:
            data[at:at] = data[at : at + 8 * size]
        case 4 if at < len(data):
            data[at] = (data[at] + noise.choice((-1, 1, 64, 128))) % 256
        case 5 if noise.randrange(4) == 0:
            del data[at:]
