"""What a probe allocates at its peak."""

from __future__ import annotations

import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Final

LITTLE: Final = 384 * 1024
"""Bytes: what a loop reads from a flood at once, 256 kB, and half as much again for all that a probe keeps."""
PROBES: Final = 3
"""The least of so many counts: what else goes on in the process, the collector above all, only adds to one."""


async def peak(probing: Callable[[], Awaitable[object]]) -> int:
    """Return the bytes that one of several equal probes allocates at most; one before them fills what is cached."""
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
