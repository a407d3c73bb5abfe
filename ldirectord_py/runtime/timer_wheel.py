"""Timers that fire in ticks: one wake-up serves all calls that are due in the same tick."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Final

from ldirectord_py.runtime.loop_local import LoopLocal

logger = logging.getLogger(__name__)

TICK: Final = 1 / 32
"""Seconds between two ticks; a power of two, so that intervals of whole seconds are exact multiples."""


def on_tick(due: float) -> float:
    """Return the first tick that is not before ``due``; both are times of the event loop, in seconds."""
    return math.ceil(due / TICK) * TICK


class TimerWheel:
    """Calls each scheduled function once, at most a tick after it is due. Its state: the scheduled calls by tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._scheduled: dict[float, dict[Callable[[], None], None]] = {}

    def schedule(self, due: float, call: Callable[[], None]) -> float:
        """Call this in the tick of ``due``, or as soon as possible where that has passed; return the tick."""
        tick = on_tick(due)
        if (calls := self._scheduled.get(tick)) is None:
            calls = self._scheduled[tick] = {}
            self.loop.call_at(tick, self._fire, tick)
        calls[call] = None
        return tick

    def cancel(self, tick: float, call: Callable[[], None]) -> None:
        """Cancel a call, unless its tick has fired."""
        if calls := self._scheduled.get(tick):
            calls.pop(call, None)  # a tick of uvloop fires up to a millisecond early, and may be scheduled again

    def _fire(self, tick: float) -> None:
        for call in self._scheduled.pop(tick):
            try:
                call()
            except Exception:  # one call that fails must not stop the others of the tick
                logger.exception("A timer failed: %r", call)


current_wheel = LoopLocal(TimerWheel)
"""Returns the timer wheel of the running event loop."""
