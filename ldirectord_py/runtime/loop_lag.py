"""How late the event loop is: each turn that takes long delays everything else."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from typing import Final, NoReturn

SAMPLE_INTERVAL: Final = 0.25
"""Seconds between two samples."""

LAG_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""The upper bounds of the buckets, in seconds; one more holds what was later."""


class LoopLag:
    """Its state: how many samples each bucket has, and the seconds of all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(LAG_BOUNDS) + 1)
        self.seconds = 0.0

    async def run(self) -> NoReturn:
        """Take samples, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLE_INTERVAL
            await asyncio.sleep(SAMPLE_INTERVAL)
            self.add(max(0.0, loop.time() - due))

    def add(self, seconds: float) -> None:
        """Add a sample."""
        self.counts[bisect_left(LAG_BOUNDS, seconds)] += 1
        self.seconds += seconds
