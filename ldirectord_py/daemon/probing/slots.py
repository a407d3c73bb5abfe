"""The slots of checks in their intervals: spread evenly, several checks to a slot where there are few a second.

A check that begins alone finds its code and data out of the processor's caches, and costs up to twice as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from ldirectord_py.runtime.timer_wheel import TICK

MAX_GROUP: Final = 64
"""Checks that begin together, as far as there is a choice: 64 cost a tenth less each than 32, at 1,000 a second."""

MAX_GRID: Final = 1 / 4
"""Seconds between slots where there are few checks."""

_GOLDEN_RATIO: Final = 0.6180339887498949


def slot_grid(intervals: Iterable[float]) -> float:
    """Return the seconds between slots, a power of two of at least a tick, for checks with these intervals."""
    checks_per_second = sum(1 / interval for interval in intervals)
    grid = TICK
    while grid < MAX_GRID and 2 * grid * checks_per_second <= MAX_GROUP:
        grid *= 2
    return grid


class Slots:
    """Assigns slots. Its state: where in its interval the last check got its slot."""

    def __init__(self) -> None:
        self._position = 0.0

    def next_slot(self, interval: float, grid: float, after: float) -> float:
        """Return the first time after ``after`` that is in the slot of another check, in seconds of the event loop.

        An interval that is no multiple of ``grid`` has slots at every tick.
        """
        self._position = (self._position + _GOLDEN_RATIO) % 1
        step = TICK if interval % grid else grid
        slot = math.floor(self._position * interval / step) * step
        passed = after - slot
        return slot + (math.floor(passed / interval) + 1) * interval
