"""What a probe allocates at its peak."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable


async def peak(probing: Callable[[], Awaitable[object]]) -> int:
    """Return the bytes that the second of two equal probes allocated at most: the first one fills what is cached."""
    tracemalloc.start()
    try:
        await probing()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        await probing()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
