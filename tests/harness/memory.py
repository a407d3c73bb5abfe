"""The peak memory of a probe."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Final

LITTLE: Final = 384 * 1024
"""Bytes: the 256 kB that an event loop reads at once, and half of that for the rest of a probe."""
PROBES: Final = 3
"""Measurements, of which the lowest counts: other work in the process, such as garbage collection, only adds."""


async def peak(probing: Callable[[], Awaitable[object]]) -> int:
    """Return the peak number of bytes that a probe allocates, after a first probe that fills the caches."""
    tracemalloc.start()
    try:
        await probing()
        return min([await _counted(probing) for _ in range(PROBES)])
    finally:
        tracemalloc.stop()


async def _counted(probing: Callable[[], Awaitable[object]]) -> int:
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    await probing()
    return tracemalloc.get_traced_memory()[1] - before
