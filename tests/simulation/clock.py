"""The simulated clock: one number, which everything that the director reads as a time comes from."""

from __future__ import annotations

import time
from typing import Final

EPOCH: Final = 1_800_000_000.0
"""The wall clock at the beginning of a simulation, in seconds."""

BEGIN: Final = 1000.0
"""The monotonic clock at the beginning of a simulation, in seconds."""


class Clock:
    """The monotonic clock (``now``), and what the wall clock is ahead of it (``offset``), in seconds."""

    __slots__ = ("now", "offset")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set both clocks to the beginning of a simulation."""
        self.now = BEGIN
        self.offset = EPOCH - BEGIN


CLOCK: Final = Clock()


def install() -> None:
    """Make the functions of ``time`` return the simulated clock, in the whole process, for ever.

    To be called before the package is imported: some of its classes keep ``time.monotonic`` as a default argument.
    ``time.perf_counter`` stays real.
    """
    time.monotonic = lambda: CLOCK.now
    time.monotonic_ns = lambda: round(CLOCK.now * 1e9)
    time.time = lambda: CLOCK.now + CLOCK.offset
    time.time_ns = lambda: round((CLOCK.now + CLOCK.offset) * 1e9)
