"""A wheel of timers: what is due in the same tick is called together, so that a wake-up serves many."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Final

from ldirectord_py.checks.of_loop import OfLoop

logger = logging.getLogger(__name__)

TICK: Final = 1 / 32
"""Seconds between two ticks; a power of two, so that intervals of whole seconds are exact multiples."""


def on_tick(due: float) -> float:
    """Return the first tick that is not before ``due``, both on the loop's clock."""
    return math.ceil(due / TICK) * TICK


class Wheel:
    """Calls what it was given when that is due, up to a tick later; its state is what is to come, by tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._to_come: dict[float, dict[Callable[[], None], None]] = {}

    def at(self, due: float, call: Callable[[], None]) -> float:
        """Call this once, in the tick of ``due``, which is returned; soon where that has passed."""
        tick = on_tick(due)
        if (calls := self._to_come.get(tick)) is None:
            calls = self._to_come[tick] = {}
            self.loop.call_at(tick, self._reached, tick)
        calls[call] = None
        return tick

    def drop(self, tick: float, call: Callable[[], None]) -> None:
        """Forget this, unless its tick has come."""
        if calls := self._to_come.get(tick):
            calls.pop(call, None)  # uvloop calls up to a millisecond early: the tick may have come, and come anew

    def _reached(self, tick: float) -> None:
        for call in self._to_come.pop(tick):
            try:
                call()
            except Exception:  # a fault of one check must not lose the others of the tick
                logger.exception("A timer failed: %r", call)


running = OfLoop(Wheel)
"""Returns the wheel of the running loop."""
